"""A detector in disorder: who is found, and which boxes are nobody's."""

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.evaluate.disorder import found_and_nobody, scenes, score_disorder
from poselab.evaluate.tasks import judge_of
from poselab.records import Detections

PICTURES = SyntheticPeople((96, 128), (2, 2), seed=8).batch(4)


class Knowing:
    """Finds the first `found` people of each picture, and `nobody` boxes elsewhere."""

    def __init__(self, found, nobody):
        self.found, self.nobody, self.calls = found, nobody, 0

    def detect(self, image, score_threshold, iou_threshold):
        boxes = PICTURES[self.calls].boxes[: self.found]
        self.calls += 1
        corner = torch.tensor([[0.0, 0.0, 2.0, 2.0]]).expand(self.nobody, 4)
        boxes = torch.cat([boxes, corner])
        ones = torch.ones(len(boxes))
        return Detections(boxes, ones, ones.long())


@pytest.mark.parametrize("found", [0, 1, 2])
@pytest.mark.parametrize("nobody", [0, 3])
def test_people_and_boxes_are_counted(found, nobody):
    scores = found_and_nobody(Knowing(found, nobody), PICTURES)
    assert scores == (found / 2, nobody)


def test_disorder_changes_pixels_and_nobody():
    tidy, wild = scenes(False), scenes(True)
    assert torch.equal(tidy.boxes, wild.boxes)
    assert (tidy.image - wild.image).abs().mean() > 0.05


def test_the_task_asks_both():
    class Blind:
        def detect(self, image, score_threshold, iou_threshold):
            none = torch.zeros(0)
            return Detections(torch.zeros(0, 4), none, none.long())

    scores = score_disorder(Blind())
    assert scores == judge_of("disorder")(Blind(), None, None)
    assert set(scores.values()) == {0.0}
    assert list(scores)[0] == "disorder: found"
