"""SMPL: the reference's mesh, and what pose and shape may and may not change."""

import zlib

import numpy as np
import pytest
import torch

from poselab.errors import ArgumentError, ShapeError
from poselab.models.smpl import (
    HMR,
    SMPL_PARENTS,
    BodyModel,
    axis_angle_to_matrix,
    six_to_matrix,
)
from tests.support import golden

VERTICES = 6890


def synthetic_arrays(count=VERTICES, joints=24):
    """Arrays of the right shapes that follow from names, as the golden's are."""

    def stream(key):
        return np.random.Generator(np.random.PCG64(zlib.crc32(f"smpl:{key}".encode())))

    def normal(key, *shape):
        return stream(key).standard_normal(shape)

    skin = stream("lbs_weights").random((count, joints)) ** 8
    regressor = stream("J_regressor").random((joints, count)) ** 20
    arrays = (
        0.3 * normal("v_template", count, 3),
        0.01 * normal("shapedirs", count, 3, 10),
        0.001 * normal("posedirs", count, 3, 9 * (joints - 1)),
        regressor / regressor.sum(1, keepdims=True),
        skin / skin.sum(1, keepdims=True),
    )
    # The reference rounds its arrays to float32 even where it computes in float64.
    return [torch.from_numpy(a.astype("float32").astype("float64")) for a in arrays]


@pytest.fixture(scope="module")
def model():
    return BodyModel(*synthetic_arrays())


def test_mesh_and_joints_are_the_reference_s(model):
    wanted = np.load(golden.FOLDER / "alg_smpl_lbs.npz")
    given = {k: torch.from_numpy(wanted[k]) for k in wanted.files}
    angles = torch.cat([given["global_orient"], given["body_pose"]], 1)
    rotations = axis_angle_to_matrix(angles.unflatten(1, (24, 3)))
    body = model(given["betas"], rotations, given["transl"])
    assert (body.joints - given["joints"]).abs().max() < 1e-12
    sampled = body.vertices.flatten()[given["vertex_index"]]
    assert (sampled - given["vertex_value"]).abs().max() < 1e-12
    assert (body.vertices.mean(1) - given["vertex_mean"]).abs().max() < 1e-12


def test_zero_pose_and_shape_are_the_template(model):
    rest = torch.eye(3, dtype=torch.float64).expand(1, 24, 3, 3)
    body = model(torch.zeros(1, 10, dtype=torch.float64), rest)
    # The rows of weights rounded to float32 sum to 1 within 3e-8, and so far it moves.
    scale = model.weights.sum(1, keepdim=True)
    assert (body.vertices[0] - scale * model.template).abs().max() < 1e-12


def subtree(joint):
    inside = {joint}
    for child, parent in enumerate(SMPL_PARENTS):
        if parent in inside:
            inside.add(child)
    return inside


@pytest.mark.parametrize("joint", [1, 9, 18])
def test_one_joint_moves_only_its_subtree(model, joint):
    """With weights of one joint per vertex and no correctives nothing else moves."""
    hard = torch.nn.functional.one_hot(model.weights.argmax(1), 24).double()
    flat = torch.zeros_like(model.pose_directions)
    rigid = BodyModel(
        model.template, model.shape_directions, flat, model.regressor, hard
    )
    angles = torch.zeros(1, 24, 3, dtype=torch.float64)
    angles[0, joint] = torch.tensor([0.3, -0.2, 0.4])
    betas = torch.zeros(1, 10, dtype=torch.float64)
    moved = rigid(betas, axis_angle_to_matrix(angles)).vertices[0] - model.template
    inside = torch.tensor([int(j) in subtree(joint) for j in hard.argmax(1)])
    assert moved[~inside].abs().max() < 1e-7
    assert moved[inside].norm(dim=1).median() > 1e-3


def test_rotations_are_rotations():
    draws = torch.Generator().manual_seed(0)
    for make, size in ((axis_angle_to_matrix, 3), (six_to_matrix, 6)):
        values = torch.randn(50, size, generator=draws, dtype=torch.float64)
        matrices = make(values)
        unit = torch.eye(3, dtype=torch.float64)
        assert (matrices @ matrices.transpose(1, 2) - unit).abs().max() < 1e-6
        assert (torch.linalg.det(matrices) - 1).abs().max() < 1e-6


def test_an_angle_turns_by_itself():
    matrix = axis_angle_to_matrix(torch.tensor([0, 0, torch.pi / 2]))
    turned = matrix @ torch.tensor([1.0, 0, 0])
    torch.testing.assert_close(turned, torch.tensor([0.0, 1, 0]), atol=1e-6, rtol=0)
    assert axis_angle_to_matrix(torch.zeros(3)).isfinite().all()


def test_a_small_hmr_answers_in_the_shapes_of_its_body():
    net = HMR(depth=10, width=8, hidden=32, joints=5, shapes=4).eval()
    rotations, shape, camera = net(torch.rand(2, 3, 64, 64))
    assert rotations.shape == (2, 5, 3, 3)
    assert (shape.shape, camera.shape) == ((2, 4), (2, 3))


def test_bad_arrays():
    arrays = synthetic_arrays(10, 3)
    with pytest.raises(ArgumentError, match="parent"):
        BodyModel(*arrays, parents=(-1, 2, 0))
    with pytest.raises(ShapeError, match="regressor"):
        BodyModel(*arrays[:3], arrays[3][:2], arrays[4], parents=(-1, 0, 1))
