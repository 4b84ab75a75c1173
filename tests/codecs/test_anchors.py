"""Anchors: deltas to boxes and back, and which anchor learns which box."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.codecs.anchors import (
    BETWEEN,
    NOBODY,
    assign,
    decode_boxes,
    encode_boxes,
    grid_anchors,
)
from poselab.errors import ArgumentError


@given(st.integers(0, 10_000))
def test_deltas_lead_back(seed):
    g = torch.Generator().manual_seed(seed)
    corner = torch.rand(2, 20, 2, generator=g).double() * 100
    side = 3 + 60 * torch.rand(2, 20, 2, generator=g).double()
    boxes, anchors = torch.cat([corner, corner + side], -1)
    weights = (10.0, 10.0, 5.0, 5.0)
    deltas = encode_boxes(boxes, anchors, weights)
    torch.testing.assert_close(decode_boxes(deltas, anchors, weights), boxes)


def test_growth_has_a_limit():
    anchor = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    wild = decode_boxes(torch.tensor([[0.0, 0.0, 50.0, 1.0]]), anchor)[0]
    assert wild[2] - wild[0] == pytest.approx(625.0)
    assert wild[3] - wild[1] == pytest.approx(10 * 2.718281828)


def test_anchors_have_their_area_and_ratio():
    (level,) = grid_anchors((64, 96), [(4, 6)], (32,), (1.0, 2.0))
    assert level.shape == (48, 4)
    torch.testing.assert_close(level[0], torch.tensor([-16.0, -16.0, 16.0, 16.0]))
    side = level[1, 2:] - level[1, :2]
    assert side[1] / side[0] == pytest.approx(2, rel=0.1)
    centre = (level[:, :2] + level[:, 2:]) / 2
    torch.testing.assert_close(centre[2], torch.tensor([16.0, 0.0]))  # x before y


def test_one_size_for_each_level():
    with pytest.raises(ArgumentError, match="sizes"):
        grid_anchors((64, 96), [(4, 6)], (32, 64))


ANCHORS = torch.tensor(
    [
        [0.0, 0.0, 10.0, 10.0],
        [0.0, 0.0, 10.0, 5.0],
        [4.0, 0.0, 14.0, 10.0],
        [50.0, 50.0, 60.0, 60.0],
    ]
)


def test_who_learns_which_box():
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [48.0, 48.0, 80.0, 80.0]])
    found = assign(ANCHORS, boxes, 0.3, 0.7).tolist()
    assert found == [0, BETWEEN, BETWEEN, NOBODY]
    assert assign(ANCHORS, boxes, 0.3, 0.7, best=True).tolist()[3] == 1
    assert (assign(ANCHORS, torch.zeros(0, 4), 0.3, 0.7) == NOBODY).all()


def test_anchors_of_many_images_learn_as_those_of_each():
    """Who is not present is nobody's, whatever the box of the row is."""
    anchors = torch.rand(40, 2) * 30
    anchors = torch.cat([anchors, anchors + 12], -1)
    boxes = torch.rand(2, 3, 2) * 30
    boxes = torch.cat([boxes, boxes + 11], -1)
    present = torch.tensor([[True, True, True], [True, False, False]])
    found = assign(anchors, boxes, 0.2, 0.5, best=True, present=present)
    for row, own, there in zip(found, boxes, present, strict=True):
        assert torch.equal(row, assign(anchors, own[there], 0.2, 0.5, best=True))
    nobody = assign(anchors, boxes, 0.2, 0.5, True, torch.zeros_like(present))
    assert (nobody == -1).all()
