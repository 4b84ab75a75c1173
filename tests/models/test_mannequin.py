"""The mannequin: a body model of the drawn person."""

import pytest
import torch

from poselab.models.mannequin import JOINTS, mannequin, rotations_of
from poselab.models.smpl import axis_angle_to_matrix
from poselab.people.body.motion import sample_pose
from poselab.people.body.person import average_shape, forward


@pytest.fixture(scope="module")
def body():
    return mannequin(4, people=60)


def posed(model, joint=None, angles=(0.0, 0.0, 0.0), betas=(0.0,) * 4):
    turns = torch.zeros(1, len(JOINTS), 3, dtype=torch.float64)
    if joint:
        turns[0, JOINTS.index(joint)] = torch.tensor(angles, dtype=torch.float64)
    shape = torch.tensor([betas], dtype=torch.float64)
    return model(shape, axis_angle_to_matrix(turns))


def test_zero_gives_the_template_and_a_person_s_size(body):
    model, faces = body
    assert (posed(model).vertices[0] - model.template).abs().max() < 1e-6
    size = model.template.amax(0) - model.template.amin(0)
    assert 1.5 < size[1] < 1.9
    assert 1.4 < size[0] < 2.0
    assert faces.min() == 0
    assert faces.max() == len(model.template) - 1


def test_rows_sum_to_one_and_joints_are_the_drawn_bones(body):
    model, _ = body
    for rows in (model.weights, model.regressor):
        assert (rows.sum(1) - 1).abs().max() < 1e-6
    assert (model.weights >= 0).all()
    joints = model.regressor @ model.template
    elbow, wrist = (joints[JOINTS.index(f"left_{n}")] for n in ("elbow", "wrist"))
    assert abs(elbow[1] - wrist[1]) < 0.005, "a T-pose"
    assert 0.2 < wrist[0] - elbow[0] < 0.3
    assert joints[0].norm() < 1e-6


@pytest.mark.parametrize("joint", ["left_elbow", "right_knee", "chest"])
def test_a_joint_moves_its_subtree_and_nothing_else(body, joint):
    model, _ = body
    inside = {JOINTS.index(joint)}
    for child, parent in enumerate(model.parents):
        if parent in inside:
            inside.add(child)
    share = model.weights[:, sorted(inside)].sum(1)
    moved = (posed(model, joint, (0.3, 0.2, 0.5)).vertices[0] - model.template).norm(
        dim=-1
    )
    assert moved[share == 0].max() < 1e-6
    assert (moved[share > 0] > 1e-4).float().mean() > 0.95


def test_the_skin_follows_the_shape_and_faces_look_outside(body):
    model, faces = body
    tall = posed(model, betas=(2.0, 0, 0, 0)).vertices[0]
    assert tall[:, 1].max() - tall[:, 1].min() > 1.8
    corners = model.template[faces]  # [F, 3, 3]
    normal = torch.linalg.cross(
        corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    )
    # The volume by the divergence theorem is positive where normals look outside.
    volume = (corners[:, 0] * normal).sum() / 6
    assert 0.04 < volume < 0.2, volume


def test_the_same_seed_gives_the_same_body():
    one, other = (mannequin(2, people=20, seed=3)[0] for _ in range(2))
    assert torch.equal(one.template, other.template)
    assert torch.equal(one.shape_directions, other.shape_directions)


def test_a_drawn_pose_is_the_mannequin_s(body):
    """Bones of the mannequin point where the drawn person's bones do."""
    model, _ = body
    pose = sample_pose(8, torch.Generator().manual_seed(0))
    joints = model(torch.zeros(8, 4).double(), rotations_of(pose.angles, pose.turn))
    drawn = forward(average_shape(8), pose).origin.double()
    drawn = drawn * torch.tensor([1.0, -1.0, -1.0]).double()
    for child, parent in enumerate(model.parents):
        if parent >= 0:
            one = joints.joints[:, child] - joints.joints[:, parent]
            other = drawn[:, child] - drawn[:, parent]
            alike = torch.nn.functional.cosine_similarity(one, other)
            assert (alike > 0.99).all(), JOINTS[child]


def test_the_rest_pose_hangs_its_arms(body):
    model, _ = body
    rotations = rotations_of(torch.zeros(1, len(JOINTS), 3))
    joints = model(torch.zeros(1, 4).double(), rotations).joints[0]
    shoulder, wrist = (joints[JOINTS.index(f"left_{n}")] for n in ("shoulder", "wrist"))
    assert wrist[1] - shoulder[1] > 0.4
    assert (rotations[0, 0] - torch.eye(3).double()).abs().max() < 1e-6
