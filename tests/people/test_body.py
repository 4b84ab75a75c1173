"""Bodies: lengths, limits, symmetry, contact with the ground, surfaces, looks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.errors import ArgumentError
from poselab.people.body import kinematics, motion
from poselab.people.body import person as body
from poselab.people.body.kinematics import BONE, LIMITS, MIRROR, PARENTS
from poselab.people.body.shape import measures
from poselab.skeleton import COCO_17, CROWDPOSE_14, H36M_17, MPII_16, convert

SEEDS = st.integers(0, 2**31 - 1)


def _gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _people(n: int, seed: int = 0, activity=None):
    g = _gen(seed)
    shape, clothes = body.sample_shape(n, g), body.sample_clothes(n, g)
    return shape, clothes, motion.sample_pose(n, g, activity)


def _random_angles(n: int, seed: int) -> torch.Tensor:
    u = torch.rand(n, len(PARENTS), 3, generator=_gen(seed))
    return LIMITS[..., 0] + u * (LIMITS[..., 1] - LIMITS[..., 0])


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_bones_keep_their_length_in_every_pose(seed):
    shape = body.sample_shape(8, _gen(seed))
    rest = body.forward(shape, body.rest_pose(8)).origin
    pose = body.rest_pose(8).replace(angles=_random_angles(8, seed))
    pose = pose.at(torch.full((8, 2), 700.0), torch.linspace(0, 6, 8))
    bent = body.forward(shape, pose).origin
    for bone, parent in enumerate(PARENTS):
        if parent >= 0:
            length = (bent[:, bone] - bent[:, parent]).norm(dim=-1)
            wanted = (rest[:, bone] - rest[:, parent]).norm(dim=-1)
            torch.testing.assert_close(length, wanted, rtol=1e-4, atol=0.05)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_rotations_and_euler_are_inverse(seed):
    angles = _random_angles(4, seed) * torch.tensor([1.0, 1.0, 0.5])
    again = kinematics.euler(kinematics.rotations(angles))
    torch.testing.assert_close(
        kinematics.rotations(again), kinematics.rotations(angles), atol=1e-5, rtol=0
    )
    eye = kinematics.rotations(angles) @ kinematics.rotations(angles).transpose(-1, -2)
    torch.testing.assert_close(eye, torch.eye(3).expand_as(eye), atol=1e-5, rtol=0)


def test_a_person_at_rest_is_as_tall_as_the_shape_says_and_faces_z():
    shape = body.sample_shape(64, _gen(), children=0.5)
    points = body.joints(shape, body.rest_pose(64), MPII_16)
    top = points[:, MPII_16.index("head_top"), 1]
    torch.testing.assert_close(top, shape.height, rtol=1e-4, atol=0.1)
    coco = body.joints(shape, body.rest_pose(64))
    assert (coco[:, COCO_17.index("left_shoulder"), 0] > 0).all()
    nose, ear = (coco[:, COCO_17.index(n), 2] for n in ("nose", "left_ear"))
    assert (nose > ear + 50).all()


def test_children_have_large_heads_and_short_legs():
    adult = body.average_shape(1, height=1200.0, child=0.0)
    child = body.average_shape(1, height=1200.0, child=1.0)
    a, c = measures(adult), measures(child)
    assert 7.0 < float(adult.height / a["head"]) < 8.0
    assert 5.3 < float(child.height / c["head"]) < 6.5
    assert float(c["thigh"]) < float(a["thigh"])


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_mirrored_pose_is_the_mirror_image(seed):
    shape, _, pose = _people(16, seed)
    pose = pose.at(
        torch.randn(16, 2, generator=_gen(seed)) * 900, pose.turn[:, 0] + 0.7
    )
    straight = body.joints(shape, pose)
    mirrored = body.joints(shape, pose.flipped())
    flipped = straight[:, list(COCO_17.flip_index)] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(mirrored, flipped, atol=0.05, rtol=1e-4)


def test_mirror_pairs_have_equal_limits():
    assert torch.equal(LIMITS, LIMITS[list(MIRROR)])
    assert [MIRROR[MIRROR[i]] for i in range(len(MIRROR))] == list(range(len(MIRROR)))


def test_the_four_skeletons_agree():
    shape, _, pose = _people(32)
    coco = body.joints(shape, pose, COCO_17)
    seen = torch.full(coco.shape[:2], 2)
    for target in (MPII_16, CROWDPOSE_14, H36M_17):
        mine = body.joints(shape, pose, target)
        from_coco, flag = convert(coco, seen, COCO_17, target)
        assert (flag > 0).sum() >= 12 * 32
        same = flag > 0
        torch.testing.assert_close(mine[same], from_coco[same], atol=0.02, rtol=1e-5)


def test_yaw_turns_everything_around_the_place():
    shape, _, pose = _people(8)
    place = torch.tensor([[300.0, -200.0]]).expand(8, 2)
    here = body.joints(shape, pose.at(place, torch.zeros(8)))
    there = body.joints(shape, pose.at(place, torch.full((8,), torch.pi / 2)))
    centre = torch.tensor([300.0, 0.0, -200.0])
    a, b = here - centre, there - centre
    turned = torch.stack([a[..., 2], a[..., 1], -a[..., 0]], -1)
    torch.testing.assert_close(b, turned, atol=0.05, rtol=1e-4)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_nothing_that_is_drawn_sinks_into_the_ground(seed):
    shape, clothes, pose = _people(32, seed)
    capsules, ellipsoids = body.primitives(shape, clothes, pose)
    drawn = torch.maximum(capsules.start_radius, capsules.end_radius) > 0
    low = torch.minimum(
        capsules.start[..., 1] - capsules.start_radius,
        capsules.end[..., 1] - capsules.end_radius,
    )
    feet = [i for i, s in enumerate(capsules.segment) if s.endswith("foot")]
    assert low[drawn].min() > -25
    assert low[:, feet].min() > -8
    reach = ellipsoids.axes[..., 1].square().sum(-1).sqrt()
    assert (ellipsoids.centre[..., 1] - reach).min() > -25


def test_primitives_have_one_layout_and_orthogonal_finite_axes():
    shape, clothes, pose = _people(48)
    capsules, ellipsoids = body.primitives(shape, clothes, pose)
    assert capsules.start.shape == (48, len(capsules.segment), 3)
    assert ellipsoids.centre.shape == (48, len(ellipsoids.segment), 3)
    assert len(capsules.segment) + len(ellipsoids.segment) <= 60
    for tensor in (
        capsules.start,
        capsules.end,
        capsules.start_radius,
        ellipsoids.axes,
    ):
        assert tensor.isfinite().all()
    gram = ellipsoids.axes @ ellipsoids.axes.transpose(-1, -2)
    off = gram - torch.diag_embed(gram.diagonal(dim1=-2, dim2=-1))
    assert off.abs().max() < 1e-2 * gram.max()
    for part in (capsules, ellipsoids):
        for colour in (part.look.colour, part.look.colour2):
            assert colour.min() >= 0
            assert colour.max() <= 1


def test_every_joint_has_segments_that_are_drawn():
    shape, clothes, pose = _people(1)
    capsules, ellipsoids = body.primitives(shape, clothes, pose)
    segments = set(capsules.segment) | set(ellipsoids.segment)
    for skeleton in (COCO_17, MPII_16, CROWDPOSE_14, H36M_17):
        for joint in skeleton.joints:
            assert set(body.JOINT_SEGMENTS[joint]) <= segments, joint


def test_joints_lie_inside_the_segments_around_them():
    """Kinematic centres lie in a capsule of their own limb."""
    shape, clothes, pose = _people(16)
    capsules, _ = body.primitives(shape, clothes, pose)
    joints = body.joints(shape, pose)
    for name in ("elbow", "knee", "shoulder", "hip"):
        for side in ("left_", "right_"):
            point = joints[:, COCO_17.index(side + name)][:, None]
            own = [
                i
                for i, s in enumerate(capsules.segment)
                if s in body.JOINT_SEGMENTS[side + name]
            ]
            near = torch.minimum(
                (capsules.start[:, own] - point).norm(dim=-1),
                (capsules.end[:, own] - point).norm(dim=-1),
            )
            assert (near.amin(1) < 1.0).all(), name


def test_looks_can_be_chosen_by_word_and_colour():
    clothes = body.sample_clothes(3, _gen()).replace(
        hair_style="long", bottom="skirt", sleeves="none", shirt="#ff0000"
    )
    assert clothes.hair_style.tolist() == [1, 1, 1]
    assert clothes.bottom.tolist() == [2, 2, 2]
    assert clothes.shirt[0].tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(ArgumentError, match="hair_style.*mohawk.*short, long"):
        clothes.replace(hair_style="mohawk")
    with pytest.raises(ArgumentError, match="shirt.*#rrggbb"):
        clothes.replace(shirt="reddish")


def test_clothes_can_be_told_from_skin_and_patterns_from_their_ground():
    clothes = body.sample_clothes(500, _gen())
    for one, other in (
        (clothes.shirt, clothes.skin),
        (clothes.bottoms, clothes.skin),
        (clothes.shirt, clothes.shirt2),
    ):
        assert (one - other).abs().amax(-1).min() > 0.09


def test_shape_arguments():
    tall = body.sample_shape(5, _gen(), height=1900.0, child=0.0)
    assert tall.height.tolist() == [1900.0] * 5
    assert tall.child.tolist() == [0.0] * 5
    small = body.sample_shape(200, _gen(), child=1.0)
    assert 850 < small.height.mean() < 1250
    with pytest.raises(ArgumentError, match="children"):
        body.sample_shape(5, _gen(), children=1.5)


def test_same_seed_same_people_without_touching_the_global_generator():
    torch.manual_seed(1)
    before = torch.rand(1)
    first = body.primitives(*_people(8, 42))
    torch.manual_seed(1)
    second = body.primitives(*_people(8, 42))
    assert torch.equal(torch.rand(1), before)
    assert torch.equal(first[0].start, second[0].start)
    assert torch.equal(first[1].axes, second[1].axes)
    assert torch.equal(first[0].look.colour, second[0].look.colour)
    other = body.primitives(*_people(8, 43))
    assert not torch.equal(first[0].start, other[0].start)


def test_stools_stand_under_seated_people_only():
    shape, _, pose = _people(2, 0, ["sitting", "standing"])
    legs, seat = body.stool(shape, pose)
    assert (legs.start_radius[0] > 0).all()
    assert (legs.start_radius[1] == 0).all()
    assert seat.axes[1].abs().max() == 0
    hips = body.forward(shape, pose).point("pelvis")[0]
    assert abs(float(seat.centre[0, 0, 0] - hips[0])) < 1
    assert float(seat.centre[0, 0, 1]) < float(hips[1])
    assert float((legs.end[0, :, 1] - legs.end_radius[0]).min()) > -1


def test_a_bone_origin_is_where_point_says():
    shape, _, pose = _people(4)
    frames = body.forward(shape, pose)
    assert torch.equal(frames.point("head"), frames.origin[:, BONE["head"]])
