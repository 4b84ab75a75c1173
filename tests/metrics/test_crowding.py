"""The crowd index: others' joints in my box."""

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.errors import ShapeError
from poselab.metrics import crowd_index, crowding_of


def pair(gap, joints=4):
    """Two people 10 px wide, `gap` px apart, with joints in a column."""
    column = torch.stack([torch.full((joints,), 4.5), torch.arange(joints) * 2.0], 1)
    points = torch.stack([column, column + torch.tensor([gap, 0.0])])
    boxes = torch.tensor([[0.0, 0, 10, 8], [gap, 0, 10, 8]])
    return points, torch.full((2, joints), 2), boxes


def test_apart_it_is_nought_and_on_one_spot_it_is_one():
    assert crowd_index(*pair(20.0)) == 0
    assert crowd_index(*pair(0.0)) == 1
    assert crowd_index(*pair(3.0)) == 1


def test_one_box_in_the_other_counts_once():
    points, flags, boxes = pair(20.0)
    boxes[0, 2] = 40.0  # the first box holds both
    assert crowd_index(points, flags, boxes) == pytest.approx(0.5)


def test_three_on_one_spot_are_two_others_each():
    points, flags, boxes = pair(0.0)
    three = (torch.cat([x, x[:1]]) for x in (points, flags, boxes))
    assert crowd_index(*three) == 2


def test_unlabelled_joints_do_not_count():
    points, flags, boxes = pair(0.0)
    flags[1, :2] = 0
    assert crowd_index(points, flags, boxes) == pytest.approx((0.5 + 2.0) / 2)
    flags[1] = 0  # who has no joint of their own is left out
    assert crowd_index(points, flags, boxes) == 0


def test_nobody_and_one():
    empty = torch.zeros(0, 17, 2), torch.zeros(0, 17), torch.zeros(0, 4)
    assert crowd_index(*empty) == 0
    points, flags, boxes = pair(0.0)
    assert crowd_index(points[:1], flags[:1], boxes[:1]) == 0


def test_lists_and_shapes():
    points, flags, boxes = pair(0.0)
    assert crowd_index(points.tolist(), flags.tolist(), boxes.tolist()) == 1
    with pytest.raises(ShapeError, match="boxes"):
        crowd_index(points, flags, boxes[:, :3])
    with pytest.raises(ShapeError, match="visibility"):
        crowd_index(points, flags[:1], boxes)
    with pytest.raises(ShapeError, match="keypoints"):
        crowd_index(torch.zeros(3), flags, boxes)


def test_of_a_stack():
    crowd = SyntheticPeople((64, 96), (2, 5), seed=4).batch(3)
    values = crowding_of(crowd)
    assert values.shape == (3,)
    one = crowd[1]
    own = crowd_index(one.keypoints, one.visibility, one.boxes)
    assert values[1] == pytest.approx(own)
