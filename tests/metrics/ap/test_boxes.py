"""Average precision of boxes."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.metrics import box_ap
from poselab.records import Detections
from tests.support.samples import make_sample

SAMPLES = [make_sample(seed, people=2, size=(60, 80)) for seed in range(3)]


def detections(boxes, scores=None):
    scores = torch.ones(len(boxes)) if scores is None else scores
    return Detections(boxes, scores, torch.ones(len(boxes)).long())


def answers(change=lambda boxes: boxes):
    return [detections(change(s.boxes)) for s in SAMPLES]


def test_the_truth_is_perfect():
    assert box_ap(SAMPLES, answers())["AP"] == pytest.approx(1)


def test_a_shifted_box_counts_up_to_its_overlap():
    """Shifted by a quarter of its width a box overlaps itself by 3/5."""

    def shift(boxes):
        return boxes + boxes[:, 2:3] * torch.tensor([0.25, 0.0, 0.0, 0.0])

    found = box_ap(SAMPLES, answers(shift))
    assert found["AP50"] == pytest.approx(1)
    assert found["AP75"] == pytest.approx(0)
    assert found["AP"] == pytest.approx(0.3, abs=0.11)  # t = 0.50, 0.55, (0.60)


def test_half_of_them_found():
    found = [detections(s.boxes[:1]) for s in SAMPLES]
    assert box_ap(SAMPLES, found)["AP50"] == pytest.approx(0.5, abs=0.01)


def test_nothing_found():
    assert box_ap(SAMPLES, [Detections.empty()] * 3)["AP50"] == 0


def test_who_is_absent_counts_nowhere():
    """A sure box where nobody is costs precision, unless it is marked as nobody."""
    nobody = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    sure = torch.tensor([1.0, 0.5, 0.5])
    more = [detections(torch.cat([nobody, s.boxes]), sure) for s in SAMPLES]
    assert box_ap(SAMPLES, more)["AP"] < 0.8
    present = torch.tensor([False, True, True])
    marked = [one.replace(present=present) for one in more]
    assert box_ap(SAMPLES, marked)["AP"] == pytest.approx(1)
    assert box_ap(SAMPLES, Detections.stack(marked))["AP"] == pytest.approx(1)
    twice = [s.people([0, 0, 1]) for s in SAMPLES]
    assert box_ap(twice, answers())["AR"] < 0.8
    once = [s.replace(present=present) for s in twice]
    assert box_ap(once, answers())["AR"] == pytest.approx(1)


def test_one_answer_for_each_image():
    with pytest.raises(ArgumentError, match="3 images"):
        box_ap(SAMPLES, answers()[:2])
