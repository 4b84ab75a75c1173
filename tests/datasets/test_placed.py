"""People of a chosen size, anywhere in the picture."""

import pytest
import torch

from poselab.datasets.placed import PlacedPeople
from poselab.errors import ArgumentError


def people(side, n=16):
    return PlacedPeople((160, 144), (side, side), seed=3).batch(n)


@pytest.mark.parametrize("side", [48, 96])
def test_a_person_has_the_asked_size(side):
    longer = people(side).boxes[:, 0, 2:].amax(-1)
    # The box is of the whole body, the size that of its joints and soles.
    assert (longer > 0.9 * side).all()
    assert (longer < 1.3 * side).all()


def test_people_of_two_sizes_are_the_same_people():
    small, large = people(48), people(96)
    both = [
        p.keypoints[:, 0] - p.keypoints[:, 0].mean(1, keepdim=True)
        for p in (small, large)
    ]
    known = (small.visibility[:, 0] > 0) & (large.visibility[:, 0] > 0)
    every = known.all(1)
    assert every.sum() > 4
    assert torch.allclose(2 * both[0][every], both[1][every], atol=0.01)


def test_they_stand_anywhere_and_whole_in_the_picture():
    boxes = people(48).boxes[:, 0]
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    assert (middles.amax(0) - middles.amin(0) > 50).all()
    assert (boxes[:, :2] > -8).all()
    assert (boxes[:, :2] + boxes[:, 2:] < torch.tensor([152.0, 168.0])).all()


@pytest.mark.parametrize("sides", [(0, 40), (60, 40), (40, 200)])
def test_sides_that_do_not_fit_are_refused(sides):
    with pytest.raises(ArgumentError, match="fit into the picture"):
        PlacedPeople((160, 144), sides)
