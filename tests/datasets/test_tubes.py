"""Tubes follow a person; squares stand anywhere and not at joints."""

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.datasets.tubes import FEWEST, LENGTH, Tubes, cover, follow
from poselab.errors import ArgumentError

SIZE = (64, 48)


@pytest.fixture(scope="module")
def tubes():
    return Tubes(SIZE, 3, frames=3, seed=4)


def test_a_tube_follows_a_person():
    clip = SyntheticPeople((192, 256), 2, seed=3).clip(4, seed=11, activity="walking")
    person = int(clip.present.all(0).nonzero()[0, 0])
    tube = follow(clip, person, SIZE)
    assert tube.image.shape == (4, 3, *SIZE)
    assert tube.present.shape == (4, 1)
    middle = tube.boxes[:, 0, :2] + tube.boxes[:, 0, 2:] / 2
    inside = clip.boxes[:, person, :2].amin() > 20
    if inside:  # a box cut off by the picture is not in the middle
        assert (middle - torch.tensor([24.0, 32.0])).abs().max() < 1.0
    moved = follow(clip, person, SIZE, torch.tensor([0.2, 0.0, 0.0]))
    gap = (tube.keypoints - moved.keypoints)[..., 0]
    assert (gap[tube.visibility[:, 0, None, :].squeeze(1)[:, None] > 0] > 0).all()


def test_batches_are_whole_tubes(tubes):
    assert all(len(track) == LENGTH for track in tubes.tracks)
    for track in tubes.tracks:
        assert ((track.visibility > 0).sum(-1) >= FEWEST - 2).all()
    batch = next(tubes.batches(6, seed=1))
    again = next(tubes.batches(6, seed=1))
    other = next(tubes.batches(6, seed=2))
    assert torch.equal(batch.image, again.image)
    assert not torch.equal(batch.image, other.image)
    assert batch.image.shape == (6, 3, *SIZE)
    assert batch.image.min() >= 0
    assert batch.image.max() <= 1
    owners = batch.track_ids[:, 0].view(2, 3)
    assert (owners == owners[:, :1]).all()
    step = (batch.keypoints[1:] - batch.keypoints[:-1]).norm(dim=-1).mean((1, 2))
    assert step[[0, 1, 3, 4]].max() < step[2]  # to another tube is farther


def test_squares_are_painted_where_and_when_they_should_be():
    images = torch.zeros(3, 3, 16, 16)
    cover(images[1:], torch.tensor([8.0, 4.0]), 4, torch.ones(3))
    assert images[0].sum() == 0
    assert images[1, :, 2:6, 6:10].min() == 1
    assert images[1].sum() == 3 * 16
    cover(images[:1], torch.zeros(2), 4, torch.full((3,), 0.5))  # over the corner
    assert images[0].sum() == 3 * 4 * 0.5


def test_a_batch_size_that_is_no_multiple(tubes):
    with pytest.raises(ArgumentError, match="multiple of the 3 frames"):
        next(tubes.batches(4))
