"""Boxes that were half beside a person move to the person."""

import pytest
import torch

from poselab import geometry
from poselab.errors import ArgumentError
from poselab.pipelines import SecondLook
from poselab.pipelines.second_look import around
from poselab.records import Detections, Poses

IMAGE = torch.zeros(3, 200, 300)
PERSON = torch.tensor([60.0, 40.0, 50.0, 120.0])  # xywh px


class Boxes:
    def __init__(self, boxes, scores):
        scores = torch.tensor(scores)
        labels = torch.ones(len(scores), dtype=torch.int64)
        self.found = Detections(torch.tensor(boxes).view(-1, 4), scores, labels)

    def detect(self, image, **thresholds):
        self.thresholds = thresholds
        return self.found


class Sees:
    """Finds the joints of PERSON from any box; far away from it, it is unsure."""

    def __init__(self):
        self.asked = []

    def poses(self, image, boxes, flip=None):
        self.asked.append(len(boxes))
        x, y, w, h = PERSON.tolist()
        air = 0.07 * h / 1.14  # `around` will add as much
        us, vs = torch.linspace(0, 1, 17), torch.linspace(0, 1, 17).flip(0)
        points = torch.stack(
            [x + air - 0.5 + us * (w - 2 * air), y + air - 0.5 + vs * (h - 2 * air)], -1
        )
        overlap = geometry.box_iou(boxes, PERSON[None])[:, 0]
        return Poses(
            points.expand(len(boxes), 17, 2),
            torch.ones(len(boxes), 17),
            boxes=boxes,
            person_scores=0.5 + 0.5 * overlap,
        )


def test_a_box_goes_half_of_the_way_each_round():
    start = PERSON + torch.tensor([20.0, 0.0, 0.0, 0.0])
    for rounds in (1, 2, 3):
        detector = Boxes(start.tolist(), [0.9])
        found = SecondLook(detector, Sees(), rounds).detect(IMAGE)
        gap = found.boxes[0] - PERSON
        assert gap[0] == pytest.approx(20 / 2**rounds, abs=1.0)
        assert gap[1:].abs().max() < 1.5


def test_boxes_that_meet_on_one_person_become_one():
    shifts = ([0.0, 0, 0, 0], [22.0, 30, 0, 0], [-20.0, -25, 0, 0])
    boxes = [(PERSON + torch.tensor(s)).tolist() for s in shifts]
    apart = geometry.box_iou(torch.tensor(boxes), PERSON[None])[:, 0]
    assert apart[1:].max() < 0.5  # suppression alone would keep all three
    found = SecondLook(Boxes(boxes, [0.6, 0.9, 0.8]), Sees()).detect(IMAGE)
    assert len(found.boxes) == 1
    assert geometry.box_iou(found.boxes, PERSON[None]).item() > 0.7


def test_scores_count_the_joints_and_weak_boxes_are_not_looked_at():
    sees = Sees()
    boxes = [PERSON.tolist(), [250.0, 0.0, 20.0, 20.0]]
    detector = Boxes(boxes, [0.9, 0.1])
    found = SecondLook(detector, sees, 2).detect(IMAGE, max_detections=7)
    assert sees.asked == [1, 1]
    assert detector.thresholds == {"max_detections": 7}
    assert found.scores.item() == pytest.approx(0.9, abs=0.05)
    nobody = SecondLook(Boxes([], []), sees).detect(IMAGE)
    assert len(nobody.boxes) == 0


def test_a_box_around_joints_stays_in_the_picture():
    points = torch.tensor([[[-9.0, 5.0], [30.0, 210.0]], [[400.0, 9.0], [410.0, 9.0]]])
    boxes = around(points, (200, 300))
    assert boxes[0, :2].tolist() == [0, 0]
    assert boxes[0, 3] == 200
    assert (boxes[:, 2:] >= 1).all()


@pytest.mark.parametrize("rounds", [0, -1, 1.5])
def test_rounds_are_whole_numbers_from_one(rounds):
    with pytest.raises(ArgumentError, match="rounds"):
        SecondLook(Boxes([], []), Sees(), rounds)
