"""Where AP is lost: systems that fail in one known way."""

from itertools import pairwise

import pytest
import torch

from poselab import datasets
from poselab.codecs import HeatmapCodec
from poselab.evaluate.lost import (
    NEAR,
    gain_of_each_repair,
    noise_curve,
    step_that_loses,
    where_ap_is_lost,
)
from poselab.pipelines import TopDown
from poselab.records import Detections, Poses


@pytest.fixture(scope="module")
def crowd():
    return datasets.evaluation("crowd", 6, (192, 256))


class System(TopDown):
    """Answers with the truth, changed by `wrong(sample, points)`."""

    def __init__(self, crowd, wrong, boxes=lambda one: one.boxes):
        super().__init__(self, torch.nn.Identity(), HeatmapCodec())
        self.known = {float(one.image.sum()): one for one in crowd}
        self.wrong, self.found = wrong, boxes

    def detect(self, image):
        boxes = self.found(self.known[float(image.sum())])
        one = torch.ones(len(boxes))
        return Detections(boxes, one, one.long())

    def poses(self, image, boxes, scores=None, flip=None):
        one = self.known[float(image.sum())]
        points = self.wrong(one, one.keypoints.clone())[: len(boxes)]
        sure = torch.ones(points.shape[:2])
        return Poses(points, sure, boxes=boxes, person_scores=sure[:, 0])


def gains(system, crowd):
    """What each repair gives back, and what none of them does."""
    steps = where_ap_is_lost(system, crowd)
    names, values = [*steps, "rest"], [*steps.values(), 1.0]
    rows = zip(names[1:], pairwise(values), strict=True)
    return {name: after - before for name, (before, after) in rows}


def test_a_perfect_system_loses_nothing(crowd):
    steps = where_ap_is_lost(System(crowd, lambda one, points: points), crowd)
    assert list(steps) == [
        "system",
        "boxes",
        "hidden joints",
        "small people",
        "precision",
    ]
    assert min(steps.values()) > 0.999


def test_missing_boxes_are_found_out(crowd):
    half = System(crowd, lambda one, points: points, lambda one: one.boxes[:1])
    lost = gains(half, crowd)
    assert lost["boxes"] > 0.3
    assert sum(lost.values()) - lost["boxes"] < 0.01


def test_hidden_joints_are_found_out(crowd):
    def wrong(one, points):
        points[one.visibility == 1] += 40.0
        return points

    lost = gains(System(crowd, wrong), crowd)
    assert lost["hidden joints"] > 0.1
    assert sum(lost.values()) - lost["hidden joints"] < 0.01


def test_as_many_visible_joints_are_no_cure_for_hidden_ones(crowd):
    def wrong(one, points):
        points[one.visibility == 1] += 40.0
        return points

    poses = [System(crowd, wrong).poses(one.image, one.boxes) for one in crowd]
    gain = gain_of_each_repair(poses, crowd)
    assert gain["hidden joints"] > 0.1
    assert abs(gain["as many visible joints"]) < 1e-6
    assert gain == gain_of_each_repair(poses, crowd)


def test_visible_errors_are_repaired_by_the_control(crowd):
    def wrong(one, points):
        points[one.visibility == 2] += 40.0
        return points

    poses = [System(crowd, wrong).poses(one.image, one.boxes) for one in crowd]
    gain = gain_of_each_repair(poses, crowd)
    assert gain["as many visible joints"] > gain["hidden joints"] == 0


def test_small_errors_are_precision_and_large_ones_are_not(crowd):
    def off(share):
        def wrong(one, points):
            return points + share * one.boxes[:, 2:].amax(-1)[:, None, None] / 2**0.5

        return wrong

    near = gains(System(crowd, off(0.9 * NEAR)), crowd)
    far = gains(System(crowd, off(3 * NEAR)), crowd)
    assert near["precision"] > 0.1
    assert near["rest"] < 0.01
    assert far["precision"] < 0.01
    assert far["rest"] > 0.1


def test_noise_costs_more_the_more_of_it_there_is(crowd):
    curve = noise_curve(crowd, (0.0, 1.0, 3.0))
    values = list(curve.values())
    assert values[0] == pytest.approx(1.0)
    assert values[0] > values[1] > values[2]
    assert curve == noise_curve(crowd, (0.0, 1.0, 3.0))


class Finder:
    """A detector that finds these boxes (xywh) with these scores."""

    def __init__(self, boxes, scores):
        self.answer = Detections(boxes, scores, torch.ones(len(boxes)).long())

    def detect(self, image, iou_threshold, max_detections):
        return self.answer


class Poser(TopDown):
    """Every pose is the truth of the person whose box is nearest."""

    def __init__(self, one, boxes, scores, oks_threshold=0.9):
        net, codec = torch.nn.Identity(), HeatmapCodec()
        super().__init__(Finder(boxes, scores), net, codec, oks_threshold=oks_threshold)
        self.one = one

    def poses(self, image, boxes, scores=None, flip=None):
        gap = (boxes[:, None, :2] - self.one.boxes[:, :2]).norm(dim=-1)
        points = self.one.keypoints[gap.argmin(1)]
        sure = torch.ones(points.shape[:2])
        return Poses(points, sure, boxes=boxes, person_scores=scores)


def test_the_step_that_loses_a_person_is_named(crowd):
    two = crowd[1].people([0, 1])
    true, sure = two.boxes, torch.tensor([0.9, 0.8])

    def steps(boxes, scores, **thresholds):
        return step_that_loses(Poser(two, boxes, scores), two, **thresholds)

    assert steps(true, sure) == ["found", "found"]
    assert steps(true, sure, score_threshold=0.85) == ["found", "score"]
    assert steps(true[:1], sure[:1]) == ["found", "score"]
    assert steps(true[:0], sure[:0]) == ["score", "score"]
    near = true[:1].repeat(2, 1) + torch.tensor([[0.0] * 4, [3.0, 0.0, 0.0, 0.0]])
    close = two.replace(boxes=near)
    found = step_that_loses(Poser(close, near, sure), close, iou_threshold=0.3)
    assert found == ["found", "NMS"]
    same = close.replace(keypoints=two.keypoints[:1].repeat(2, 1, 1))
    found = step_that_loses(Poser(same, near, sure), same, iou_threshold=0.99)
    assert found == ["found", "OKS-NMS"]
