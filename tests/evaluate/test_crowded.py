"""Scores of crowds: wrong boxes, hidden joints, thirds by the crowd index."""

import pytest
import torch
from torch import nn

from poselab.codecs import HeatmapCodec, HiddenCodec
from poselab.datasets import SyntheticPeople
from poselab.datasets.box_errors import BoxErrors, UniformErrors
from poselab.evaluate.crowded import (
    ap_by_crowding,
    found_share,
    score_heads,
    score_heights,
    score_hidden,
    thirds,
)
from poselab.evaluate.tasks import JUDGES, SETS
from poselab.metrics import crowding_of
from poselab.records import Poses, Sample


class Middle(nn.Module):
    """Every joint in the middle of the crop, whatever is in it."""

    def __init__(self):
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))

    def forward(self, crops):
        heat = torch.zeros(len(crops), 17, 32, 24)
        heat[:, :, 15:17, 11:13] = 1.0
        return heat


@pytest.fixture(scope="module")
def crowd():
    return SyntheticPeople((96, 128), (2, 5), seed=8).batch(6)


def test_joints_in_the_middle_of_a_box_move_with_it(crowd):
    centre = crowd.boxes[..., :2] + crowd.boxes[..., 2:] / 2 - 0.5
    points = centre[:, :, None].expand_as(crowd.keypoints)
    flat = crowd.replace(keypoints=points.clone())
    codec, net = HeatmapCodec((128, 96)), Middle()
    shares = [found_share(net, codec, flat, UniformErrors(n)) for n in (0.0, 0.1, 0.4)]
    assert shares[0] == 1.0
    assert 1.0 >= shares[1] > shares[2]


def test_hidden_and_visible_joints_are_counted_apart():
    sample = SyntheticPeople((128, 96), seed=6, occluded=1.0).batch(6)
    flags = sample.visibility[:, 0]
    middle = torch.tensor([47.5, 63.5])
    seen = (flags == 2)[:, None, :, None]
    points = torch.where(seen, middle, sample.keypoints + 500)
    found = score_hidden(
        Middle(), HeatmapCodec((128, 96)), sample.replace(keypoints=points)
    )
    assert found == {"visible": 1.0, "hidden": 0.0}


class Perfect(nn.Module):
    """Two heads: each joint in the one of its flag, in the other somewhere else."""

    def __init__(self, sample, sure):
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))
        _, targets = HiddenCodec((128, 96)).encode(sample)
        seen = (sample.visibility[:, 0] == 2)[..., None, None]
        wrong = torch.zeros(32, 24)
        wrong[0, 0] = 1 - sure
        self.heads = (
            torch.where(seen, sure * targets["heatmaps"], wrong),
            torch.where(seen, wrong, sure * targets["hidden"]),
        )

    def forward(self, images):
        return self.heads


def test_the_right_head_and_the_one_with_the_higher_peak():
    sample = SyntheticPeople((128, 96), seed=6, occluded=1.0).batch(12)
    codec = HiddenCodec((128, 96))
    told = score_heads(Perfect(sample, 0.9), codec, sample)
    assert all(value == 1.0 for value in told.values())
    fooled = score_heads(Perfect(sample, 0.2), codec, sample)
    assert fooled["hidden, right head"] == fooled["visible, right head"] == 1.0
    assert max(fooled["hidden"], fooled["visible"], fooled["flags"]) < 0.1


def test_nobody_in_a_crowd_is_no_share(crowd):
    nobody = crowd.replace(present=torch.zeros_like(crowd.present))
    codec, net = HeatmapCodec((128, 96)), Middle()
    assert found_share(net, codec, nobody, UniformErrors(0.2)) == 0.0


def test_boxes_far_outside_find_nothing(crowd):
    codec, net = HeatmapCodec((128, 96)), Middle()
    away = BoxErrors((30.0,) * 4, (0.0,) * 4)  # thirty widths and heights away
    assert found_share(net, codec, crowd, away) == 0.0


def test_thirds():
    low, middle, high = thirds(torch.tensor([5.0, 1.0, 3.0, 2.0, 4.0, 6.0]))
    assert (low.tolist(), middle.tolist(), high.tolist()) == ([1, 3], [2, 4], [0, 5])


def test_the_truth_is_right_in_every_third(crowd):
    found = [truth(one) for one in crowd]
    rows = ap_by_crowding(crowd, found)
    assert [ap for _, ap in rows] == [1.0, 1.0, 1.0]
    assert rows[0][0] <= rows[1][0] <= rows[2][0]
    hard = int(crowding_of(crowd).argmax())
    found[hard] = Poses.empty(17)
    rows = ap_by_crowding(crowd, found)
    assert rows[2][1] < 1.0 == rows[0][1]


def truth(one: Sample) -> Poses:
    sure = torch.ones(one.visibility.shape)
    return Poses(one.keypoints, sure, boxes=one.boxes, person_scores=sure[:, 0])


def test_every_set_has_a_judge():
    assert SETS.keys() <= JUDGES.keys()


class Blurred:
    """A system that knows everybody but the short ones, who are off by `pixels`."""

    def __init__(self, crowd, pixels):
        self.crowd, self.pixels, self.calls = crowd, pixels, 0
        self.net = Middle()

    def __call__(self, image):
        one = self.crowd[self.calls]
        self.calls += 1
        short = one.boxes[:, 3] < self.crowd_median()
        points = one.keypoints + self.pixels * short[:, None, None]
        count = len(points)
        return Poses(points, torch.ones(count, 17), person_scores=torch.ones(count))

    def crowd_median(self):
        return torch.cat([one.boxes[:, 3] for one in self.crowd]).median()


def test_people_are_scored_by_their_height(crowd):
    right = score_heights(Blurred(crowd, 0.0), crowd)
    assert right["small"] == right["tall"] == right["AP"] == 1.0
    wrong = score_heights(Blurred(crowd, 3.0), crowd)
    assert wrong["small"] < 0.9
    assert wrong["tall"] == 1.0


def test_nobody_found_is_no_error(crowd):
    class Blind(Blurred):
        def __call__(self, image):
            return super().__call__(image).people(torch.zeros(0, dtype=torch.long))

    found = score_heights(Blind(crowd, 0.0), crowd)
    assert found["small"] == found["tall"] == 0.0
