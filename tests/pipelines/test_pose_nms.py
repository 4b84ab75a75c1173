"""Parametric pose NMS: both released programs, and poses that are hard for it."""

import numpy as np
import pytest
import torch

from poselab.errors import ArgumentError
from poselab.pipelines.pose_nms import ALPHAPOSE, RMPE, parametric_pose_nms
from tests.support import golden


def read(name):
    arrays = np.load(golden.FOLDER / f"alg_{name}.npz")
    corners = torch.from_numpy(arrays["boxes"]).double()
    boxes = torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)
    poses, scores = (torch.from_numpy(arrays[k]).double() for k in ("poses", "scores"))
    return arrays, (poses, scores, boxes)


def test_alphapose_s_program():
    arrays, given = read("alphapose_pose_nms")
    kept = parametric_pose_nms(*given, ALPHAPOSE)
    assert kept.index.tolist() == arrays["pick"].tolist()
    assert kept.cluster.tolist() == arrays["cluster_of"].tolist()
    np.testing.assert_allclose(kept.keypoints, arrays["merged_poses"], atol=1e-2)
    np.testing.assert_allclose(kept.scores, arrays["merged_scores"], atol=1e-6)


def test_the_paper_s_program():
    arrays, given = read("rmpe_original_pose_nms")
    kept = parametric_pose_nms(*given, RMPE)
    np.testing.assert_allclose(kept.keypoints, arrays["merged_poses"], atol=1e-6)
    np.testing.assert_allclose(kept.scores, arrays["merged_scores"], atol=1e-6)


def test_the_two_programs_differ():
    arrays, given = read("rmpe_original_pose_nms")
    other = parametric_pose_nms(*given, ALPHAPOSE)
    same = other.keypoints.shape == arrays["merged_poses"].shape
    assert not same or np.abs(other.keypoints - arrays["merged_poses"]).max() > 1


def person(x):
    """A pose of 17 joints on a grid at x px, its box 40 x 100 px."""
    columns, rows = torch.meshgrid(torch.arange(3.0), torch.arange(6.0), indexing="ij")
    points = torch.stack([10 * columns, 20 * rows], -1).reshape(-1, 2)[:17]
    return points + torch.tensor([x, 0.0]), torch.tensor([x - 10, 0.0, 40, 100])


def crowd(*places, score=0.9):
    poses, boxes = zip(*(person(x) for x in places), strict=True)
    scores = torch.full((len(places), 17), score)
    return torch.stack(poses), scores, torch.stack(boxes)


@pytest.mark.parametrize("options", [RMPE, ALPHAPOSE], ids=["RMPE", "AlphaPose"])
def test_doubles_go_and_a_neighbour_stays(options):
    kept = parametric_pose_nms(*crowd(0.0, 0.5, 60.0), options)
    assert len(kept.index) == 2
    assert kept.cluster[0] == kept.cluster[1] != kept.cluster[2]


@pytest.mark.parametrize("options", [RMPE, ALPHAPOSE], ids=["RMPE", "AlphaPose"])
def test_nobody_one_and_equal_ones(options):
    empty = parametric_pose_nms(
        torch.zeros(0, 17, 2), torch.zeros(0, 17), torch.zeros(0, 4), options
    )
    assert empty.keypoints.shape == (0, 17, 2)
    assert empty.cluster.shape == (0,)
    assert parametric_pose_nms(*crowd(0.0), options).index.tolist() == [0]
    alike = parametric_pose_nms(*crowd(5.0, 5.0, 5.0, 5.0), options)
    assert alike.index.tolist() == [0]
    torch.testing.assert_close(alike.keypoints[0], person(5.0)[0])


@pytest.mark.parametrize("options", [RMPE, ALPHAPOSE], ids=["RMPE", "AlphaPose"])
def test_scores_of_zero_are_no_answer(options):
    kept = parametric_pose_nms(*crowd(0.0, 60.0, score=0.0), options)
    assert len(kept.index) == 0
    assert kept.cluster.tolist() == [-1, -1]


def test_a_box_without_a_size_keeps_its_pose_as_it_is():
    poses, scores, boxes = crowd(0.0, 60.0)
    boxes[:, 2:] = 0
    kept = parametric_pose_nms(poses, scores, boxes, RMPE)
    torch.testing.assert_close(kept.keypoints, poses[kept.index])


@pytest.mark.parametrize("options", [RMPE, ALPHAPOSE], ids=["RMPE", "AlphaPose"])
def test_people_and_boxes_outside_the_picture_are_as_good_as_others(options):
    inside = parametric_pose_nms(*crowd(0.0, 0.5, 60.0), options)
    outside = parametric_pose_nms(*crowd(-900.0, -899.5, -840.0), options)
    assert outside.index.tolist() == inside.index.tolist()
    assert outside.cluster.tolist() == inside.cluster.tolist()


@pytest.mark.parametrize("options", [RMPE, ALPHAPOSE], ids=["RMPE", "AlphaPose"])
def test_equal_poses_with_scores_of_zero_among_them(options):
    poses, scores, boxes = crowd(0.0, 0.0, 60.0)
    scores[1] = 0
    kept = parametric_pose_nms(poses, scores, boxes, options)
    assert kept.index.tolist() == [0, 2]
    assert kept.keypoints.isfinite().all()
    torch.testing.assert_close(kept.keypoints[0], poses[0], atol=1e-3, rtol=0)


def test_numbers_that_are_none():
    poses, scores, boxes = crowd(0.0)
    with pytest.raises(ArgumentError, match="keypoints"):
        parametric_pose_nms(poses * torch.nan, scores, boxes)
