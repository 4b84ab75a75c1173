"""Boxes as corners: overlap, suppression, and what is no corner box."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab.boxes import clip_xyxy, iou_xyxy, nms, nms_mask, nms_per_class
from poselab.codecs.anchors import encode_boxes
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
        overlap = iou_xyxy(boxes[best][None], boxes)[0]
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
    torch.testing.assert_close(iou_xyxy(boxes, boxes), box_iou(other, other))


def test_clipping():
    boxes = torch.tensor([[-5.0, -5.0, 200.0, 50.0]])
    assert clip_xyxy(boxes, (100, 80)).tolist() == [[0.0, 0.0, 80.0, 50.0]]


XYWH = torch.tensor([[10.0, 10.0, 30.0, 30.0], [50.0, 20.0, 8.0, 60.0]])


@pytest.mark.parametrize(
    "call",
    [
        lambda boxes: iou_xyxy(boxes, boxes.abs()),
        lambda boxes: iou_xyxy(boxes[:1], boxes),
        lambda boxes: nms(boxes, torch.ones(2), 0.5),
        lambda boxes: encode_boxes(boxes, boxes),
    ],
)
def test_boxes_of_the_other_format_are_refused(call):
    with pytest.raises(ArgumentError, match=r"8.0.*no corners.*xywh_to_xyxy"):
        call(XYWH)
    call(XYWH[:1].expand(2, 4))  # nobody can tell


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match="scores"):
        nms(XYWH[:1], torch.zeros(3), 0.5)


def test_many_rows_of_boxes_are_treated_as_one_after_the_other():
    boxes = torch.rand(3, 20, 2) * 30
    boxes = torch.cat([boxes, boxes + 5 + 10 * torch.rand(3, 20, 2)], -1)
    scores = torch.rand(3, 20).mul(8).round()  # some are equal
    stays = nms_mask(boxes, scores, 0.3)
    for row, own, score in zip(stays, boxes, scores, strict=True):
        kept = nms(own, score, 0.3)
        assert row.nonzero()[:, 0].tolist() == sorted(kept.tolist())
