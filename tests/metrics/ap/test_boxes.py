"""Average precision of boxes."""

from types import SimpleNamespace

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.metrics import box_ap
from tests.support.samples import make_sample

SAMPLES = [make_sample(seed, people=2, size=(60, 80)) for seed in range(3)]


def answers(change=lambda boxes: boxes, scores=None):
    return [
        SimpleNamespace(
            boxes=change(s.boxes), scores=torch.ones(2) if scores is None else scores
        )
        for s in SAMPLES
    ]


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
    found = [SimpleNamespace(boxes=s.boxes[:1], scores=torch.ones(1)) for s in SAMPLES]
    assert box_ap(SAMPLES, found)["AP50"] == pytest.approx(0.5, abs=0.01)


def test_nothing_found():
    none = SimpleNamespace(boxes=torch.zeros(0, 4), scores=torch.zeros(0))
    assert box_ap(SAMPLES, [none] * 3)["AP50"] == 0


def test_one_answer_for_each_image():
    with pytest.raises(ArgumentError, match="3 images"):
        box_ap(SAMPLES, answers()[:2])
