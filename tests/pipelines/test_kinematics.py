"""Bones of fixed lengths, where the root is, and the skeleton fitted to a clip."""

import pytest
import torch

from poselab.codecs.space import root_joint
from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError
from poselab.geometry import project
from poselab.metrics import mpjpe
from poselab.pipelines.kinematics import (
    BONES,
    NECK,
    PELVIS,
    bone_lengths,
    bone_vectors,
    fit_skeleton,
    joints_of_bones,
    place_root,
    set_bone_lengths,
    turned_limb,
    two_depths,
    with_middles,
)
from poselab.skeleton import COCO_17


@pytest.fixture(scope="module")
def clip():
    """Joints [20, 17, 3] mm, pixels [20, 17, 2], intrinsics [3, 3] of one walker."""
    people = SyntheticPeople((128, 96), seed=1, split="test")
    drawn = people.clip(20, activity="walking", fps=30)
    joints = drawn.joints_3d[:, 0]
    return joints, project(joints, drawn.intrinsics), drawn.intrinsics[0]


def test_the_bones_are_a_tree_over_all_joints():
    children = [child for _, child in BONES]
    assert sorted(children) == sorted({*range(len(COCO_17)), NECK})
    known = {PELVIS}
    for parent, child in BONES:
        assert parent in known
        known.add(child)


def test_bones_and_root_give_the_joints_back(clip):
    joints = clip[0].double()
    root = with_middles(joints)[:, PELVIS]
    torch.testing.assert_close(root[:, None], root_joint(joints))
    torch.testing.assert_close(joints_of_bones(bone_vectors(joints), root), joints)
    same = set_bone_lengths(joints, bone_lengths(joints))
    torch.testing.assert_close(same, joints)


def test_other_lengths_keep_directions_and_the_root(clip):
    joints = clip[0].double()
    lengths = torch.linspace(100, 400, len(BONES)).double()
    moved = set_bone_lengths(joints, lengths)
    start = bone_vectors(joints)
    # The middle of two hips of other lengths is not the pelvis that they hang on.
    straight = [i for i, bone in enumerate(BONES) if not {PELVIS, NECK} & set(bone)]
    now = bone_vectors(moved)
    torch.testing.assert_close(
        now[:, straight].norm(dim=-1), lengths[straight].expand(20, -1)
    )
    cosine = torch.cosine_similarity(start, now, dim=-1)[:, straight]
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    with pytest.raises(ArgumentError, match="length above 0"):
        set_bone_lengths(torch.zeros(17, 3), torch.ones(len(BONES)))
    with pytest.raises(ArgumentError, match="lengths"):
        set_bone_lengths(joints, -lengths)


def test_the_root_is_found_from_exact_pixels_and_scales_with_the_body(clip):
    joints, intrinsics = clip[0].double(), clip[2].double()
    root, points = root_joint(joints), project(joints, intrinsics)
    found = place_root(joints - root, points, intrinsics)
    torch.testing.assert_close(found, root[:, 0], rtol=0, atol=1e-5)
    twice = place_root(2 * (joints - root), points, intrinsics)
    torch.testing.assert_close(twice, 2 * root[:, 0], rtol=0, atol=1e-5)
    with pytest.raises(ArgumentError, match="behind the camera"):
        place_root(root - joints, points, intrinsics)


def test_fitting_mends_noise_with_the_own_bones_and_not_with_others(clip):
    joints, points, intrinsics = clip
    draws = torch.Generator().manual_seed(0)
    noise = torch.randn(*joints.shape, generator=draws)
    measured = joints - root_joint(joints) + 60 * noise
    seen = points + 2 * noise[..., :2].flip(0)
    own = bone_lengths(joints).median(0).values

    def error(found):
        return float(mpjpe(found, joints, skeleton=COCO_17))

    fitted = fit_skeleton(measured, seen, intrinsics, own)
    wrong = fit_skeleton(measured, seen, intrinsics, 1.2 * own)
    assert error(fitted) < 0.75 * error(measured)
    assert error(fitted) < 0.8 * error(wrong)
    straight = [i for i, bone in enumerate(BONES) if not {PELVIS, NECK} & set(bone)]
    lengths = bone_lengths(fitted)[:, straight]
    torch.testing.assert_close(
        lengths, own[straight].expand(20, -1), rtol=1e-3, atol=0.1
    )


def test_both_depths_are_at_the_bone_s_length(clip):
    joints = clip[0].double()
    elbow, wrist = joints[:, 7], joints[:, 9]
    ray, bone = wrist / wrist[:, 2:], (wrist - elbow).norm(dim=-1)
    both = two_depths(elbow, ray, bone)
    assert (both[:, 0] <= both[:, 1]).all()
    for depth in both.T:
        gap = (ray * depth[:, None] - elbow).norm(dim=-1)
        torch.testing.assert_close(gap, bone)
    nearest = (both - wrist[:, 2:]).abs().amin(1)
    torch.testing.assert_close(nearest, torch.zeros_like(nearest), rtol=0, atol=1e-6)
    short = two_depths(elbow, ray, 0.0 * bone)  # cannot reach: where it comes nearest
    torch.testing.assert_close(short[:, 0], short[:, 1])


def test_a_turned_limb_keeps_its_bone(clip):
    joints = clip[0].double()
    moved = turned_limb(joints, "left_elbow", "left_wrist")
    a, b = COCO_17.index("left_elbow"), COCO_17.index("left_wrist")
    torch.testing.assert_close(
        (moved[:, b] - moved[:, a]).norm(dim=-1),
        (joints[:, b] - joints[:, a]).norm(dim=-1),
    )
    back = turned_limb(moved, "left_elbow", "left_wrist")
    torch.testing.assert_close(back, joints, rtol=0, atol=1e-3)
