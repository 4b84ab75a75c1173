"""OKS-NMS, its soft kind and rescoring: the reference's numbers, and by hand."""

import numpy as np
import pytest
import torch

from poselab.errors import ArgumentError
from poselab.metrics import oks
from poselab.pipelines import oks_nms, pose_oks, rescore, soft_oks_nms
from poselab.skeleton import MPII_16
from tests.support.golden import FOLDER


@pytest.fixture(scope="module")
def golden():
    arrays = np.load(FOLDER / "alg_oks_nms.npz")
    return {name: torch.from_numpy(arrays[name]) for name in arrays}


@pytest.fixture(scope="module")
def similarity(golden):
    return pose_oks(golden["keypoints"], golden["area"])


def test_oks_equals_the_reference(golden, similarity):
    assert (similarity - golden["oks"]).abs().max() < 1e-10


@pytest.mark.parametrize("threshold", [0.9, 0.5])
def test_nms_equals_the_reference(golden, similarity, threshold):
    name = f"{100 * threshold:.0f}"
    kept = oks_nms(similarity, golden["score"], threshold)
    assert kept.tolist() == golden[f"nms_{name}"].tolist()
    order, scores = soft_oks_nms(similarity, golden["score"], threshold)
    assert order.tolist() == golden[f"soft_{name}"].tolist()
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)


def test_only_the_candidates_joints_are_asked(golden):
    joint_scores = golden["keypoints"][..., 2]
    value = pose_oks(
        golden["keypoints"], golden["area"], joint_scores=joint_scores, threshold=0.2
    )
    kept = oks_nms(value, golden["score"], 0.9)
    assert kept.tolist() == golden["nms_90_vis02"].tolist()
    nothing = pose_oks(
        golden["keypoints"], golden["area"], joint_scores=joint_scores, threshold=2.0
    )
    assert not nothing.any()


def test_with_equal_areas_it_is_the_oks_of_the_evaluation(golden):
    points = golden["keypoints"][..., :2]
    areas = torch.full((len(points),), 5000.0, dtype=torch.float64)
    flags = torch.ones(points.shape[:2])
    wanted = oks(points, points, flags, areas)
    torch.testing.assert_close(pose_oks(points, areas), wanted)


def test_nms_by_hand():
    close = torch.tensor([[1.0, 0.95, 0.2], [0.95, 1.0, 0.92], [0.2, 0.92, 1.0]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    # 1 goes because of 0; so 2, close to 1 only, stays.
    assert oks_nms(close, scores, 0.9).tolist() == [0, 2]
    assert oks_nms(close, scores, 0.95).tolist() == [0, 1, 2]  # above, not at
    order, sunk = soft_oks_nms(close, scores, 0.9)
    assert order.tolist() == [0, 2, 1]
    wanted = [
        0.9,
        0.7 * np.exp(-(0.2**2) / 0.9),
        0.8 * np.exp(-(0.95**2) / 0.9) * np.exp(-(0.92**2) / 0.9),
    ]
    np.testing.assert_allclose(sunk.numpy(), wanted, rtol=1e-6)
    assert soft_oks_nms(close, scores, 0.9, limit=2)[0].tolist() == [0, 2]


def test_nobody():
    empty = pose_oks(torch.zeros(0, 17, 2), torch.zeros(0))
    assert oks_nms(empty, torch.zeros(0)).tolist() == []
    order, scores = soft_oks_nms(empty, torch.zeros(0))
    assert len(order) == len(scores) == 0
    assert rescore(torch.zeros(0), torch.zeros(0, 17)).shape == (0,)


def test_one_equal_ones_and_scores_of_zero():
    alone = torch.ones(1, 1)
    assert oks_nms(alone, torch.zeros(1)).tolist() == [0]
    order, scores = soft_oks_nms(alone, torch.zeros(1))
    assert (order.tolist(), scores.tolist()) == ([0], [0.0])
    pose = 50 * torch.rand(1, 17, 2, generator=torch.Generator().manual_seed(0))
    same = pose_oks(pose.expand(3, -1, -1), torch.full((3,), 900.0))
    torch.testing.assert_close(same, torch.ones(3, 3))
    for level in (0.8, 0.0):  # the first of equals stays
        assert oks_nms(same, torch.full((3,), level)).tolist() == [0]
    order, scores = soft_oks_nms(same, torch.full((3,), 0.8), 0.9)
    sinks = torch.exp(torch.tensor(-1 / 0.9))
    torch.testing.assert_close(scores, 0.8 * sinks ** torch.arange(3.0))


def test_people_of_no_area_are_like_nobody_but_themselves():
    pose = torch.zeros(2, 17, 2)
    pose[1] += 5
    alike = pose_oks(pose, torch.zeros(2))
    assert alike.isfinite().all()
    assert oks_nms(alike, torch.tensor([0.5, 0.6])).tolist() == [1, 0]


def test_rescore_by_hand():
    joints = torch.tensor([[0.9, 0.5, 0.1], [0.1, 0.2, 0.0], [1.0, 1.0, 1.0]])
    got = rescore(torch.tensor([0.5, 0.9, 0.8]), joints, 0.2)
    torch.testing.assert_close(got, torch.tensor([0.5 * 0.7, 0.0, 0.8]))


def test_errors():
    with pytest.raises(ArgumentError, match="mpii-16"):
        pose_oks(torch.zeros(1, 16, 2), torch.ones(1), MPII_16)
    with pytest.raises(ArgumentError, match="threshold = 0"):
        soft_oks_nms(torch.eye(2), torch.ones(2), 0.0)
