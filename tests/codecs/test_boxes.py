"""Boxes: overlap, suppression, offsets, assignment."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.codecs.boxes import (
    BETWEEN,
    NOBODY,
    assign,
    clip_corners,
    corner_iou,
    decode_boxes,
    encode_boxes,
    grid_anchors,
    nms,
    nms_mask,
    nms_per_class,
)
from poselab.errors import ArgumentError, ShapeError
from poselab.geometry import box_iou, xyxy_to_xywh

# Coarse coordinates and scores, so that ties and equal boxes are common.
EDGE = st.integers(0, 12)
BOXES = st.lists(st.tuples(EDGE, EDGE, EDGE, EDGE, st.integers(0, 4)), max_size=24)
THRESHOLDS = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 0.7, 1.0])


def tensors(rows):
    rows = torch.tensor(rows, dtype=torch.float32).view(-1, 5)
    corner = rows[:, :2]
    return torch.cat([corner, corner + rows[:, 2:4]], 1), rows[:, 4]


def greedy(boxes, scores, threshold):
    """The algorithm as it is told: take the best, remove what overlaps it, repeat."""
    left = sorted(range(len(boxes)), key=lambda i: (-float(scores[i]), i))
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        overlap = corner_iou(boxes[best][None], boxes)[0]
        left = [i for i in left if not overlap[i] > threshold]
    return kept


@given(BOXES, THRESHOLDS)
def test_suppression_is_greedy_ties_included(rows, threshold):
    boxes, scores = tensors(rows)
    assert nms(boxes, scores, threshold).tolist() == greedy(boxes, scores, threshold)


@given(st.integers(0, 10_000), THRESHOLDS)
def test_suppression_is_greedy_in_a_crowd(seed, threshold):
    g = torch.Generator().manual_seed(seed)
    corner = torch.rand(60, 2, generator=g) * 30
    boxes = torch.cat([corner, corner + 5 + 20 * torch.rand(60, 2, generator=g)], 1)
    scores = torch.randint(0, 9, (60,), generator=g) / 9
    assert nms(boxes, scores, threshold).tolist() == greedy(boxes, scores, threshold)


def test_a_long_chain_needs_many_rounds():
    """Each box overlaps the next: every second one stays."""
    x = torch.arange(50.0)
    boxes = torch.stack([x, 0 * x, x + 2, 0 * x + 1], 1)
    kept = nms(boxes, -x, 0.3)
    assert kept.tolist() == list(range(0, 50, 2))


@given(BOXES, THRESHOLDS)
def test_suppression_per_class(rows, threshold):
    boxes, scores = tensors(rows)
    labels = torch.arange(len(boxes)) % 3
    kept = nms_per_class(boxes, scores, labels, threshold).tolist()
    wanted = []
    for label in range(3):
        own = (labels == label).nonzero()[:, 0]
        wanted += own[greedy(boxes[own], scores[own], threshold)].tolist()
    assert kept == sorted(wanted, key=lambda i: (-float(scores[i]), i))


@given(BOXES)
def test_overlap_is_that_of_the_other_format(rows):
    boxes, _ = tensors(rows)
    other = xyxy_to_xywh(boxes)
    torch.testing.assert_close(corner_iou(boxes, boxes), box_iou(other, other))


@given(st.integers(0, 10_000))
def test_offsets_lead_back(seed):
    g = torch.Generator().manual_seed(seed)
    corner = torch.rand(2, 20, 2, generator=g).double() * 100
    side = 3 + 60 * torch.rand(2, 20, 2, generator=g).double()
    boxes, anchors = torch.cat([corner, corner + side], -1)
    weights = (10.0, 10.0, 5.0, 5.0)
    steps = encode_boxes(boxes, anchors, weights)
    torch.testing.assert_close(decode_boxes(steps, anchors, weights), boxes)


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


def test_clipping():
    boxes = torch.tensor([[-5.0, -5.0, 200.0, 50.0]])
    assert clip_corners(boxes, (100, 80)).tolist() == [[0.0, 0.0, 80.0, 50.0]]


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


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match="scores"):
        nms(ANCHORS, torch.zeros(3), 0.5)


def test_many_rows_of_boxes_are_treated_as_one_after_the_other():
    boxes = torch.rand(3, 20, 2) * 30
    boxes = torch.cat([boxes, boxes + 5 + 10 * torch.rand(3, 20, 2)], -1)
    scores = torch.rand(3, 20).mul(8).round()  # some are equal
    stays = nms_mask(boxes, scores, 0.3)
    for row, own, score in zip(stays, boxes, scores, strict=True):
        kept = nms(own, score, 0.3)
        assert row.nonzero()[:, 0].tolist() == sorted(kept.tolist())


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
