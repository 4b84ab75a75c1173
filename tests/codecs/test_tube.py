"""Tubes to clips and back, frame by frame; frames of strangers; bad input."""

import pytest
import torch

from poselab.codecs import HeatmapCodec, TubeCodec
from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError

OPTIONS = dict(size=(64, 48), criterion="cross_entropy", decoder="dark")


@pytest.fixture(scope="module")
def tubes():
    return SyntheticPeople((64, 48), seed=5).batch(6)  # two tubes of three frames


def as_clips(maps):
    return maps.unflatten(0, (2, 3)).transpose(1, 2)  # [B, J, T, h, w]


def test_frames_stay_in_order(tubes):
    codec, flat = TubeCodec(**OPTIONS), HeatmapCodec(**OPTIONS)
    (clips,), targets = codec.encode(tubes)
    assert clips.shape == (2, 3, 3, 64, 48)
    assert torch.equal(clips[1, :, 2], tubes.image[5])
    _, single = flat.encode(tubes)
    assert torch.equal(targets["heatmaps"], single["heatmaps"])
    logits = (targets["heatmaps"] + 1e-6).log()
    torch.testing.assert_close(
        codec.loss(as_clips(logits), targets), flat.loss(logits, single)
    )
    found = codec.decode(as_clips(logits))
    assert torch.equal(found.keypoints, flat.decode(logits).keypoints)
    known = tubes.visibility > 0
    gap = (found.keypoints - tubes.keypoints)[known].norm(dim=-1)
    assert gap.max() < 0.5


def test_mirroring_twice_changes_nothing(tubes):
    codec = TubeCodec(**OPTIONS)
    maps = torch.rand(2, 17, 3, 16, 12)
    once = codec.mirror(maps)
    assert torch.equal(codec.mirror(once), maps)
    single = HeatmapCodec(**OPTIONS).mirror(codec.in_a_row(maps))
    assert torch.equal(codec.in_a_row(once), single)


def test_frames_of_strangers_are_the_same_pictures_with_their_targets(tubes):
    codec = TubeCodec(**OPTIONS, strangers=True)
    (clips,), targets = codec.encode(tubes)
    assert torch.equal(clips[0, :, 0], tubes.image[0])
    assert torch.equal(clips[0, :, 1], tubes.image[4])  # of the other tube
    assert torch.equal(clips[0, :, 2], tubes.image[2])
    row = codec.clips(targets["heatmaps"])  # [B, J, T, h, w]
    own = HeatmapCodec(**OPTIONS).encode(tubes)[1]["heatmaps"]
    assert torch.equal(row[0, :, 1], own[4])
    pictures = clips.transpose(1, 2).flatten(0, 1)
    assert sorted(x.sum().item() for x in pictures) == sorted(
        x.sum().item() for x in tubes.image
    )


def test_bad_input(tubes):
    with pytest.raises(ArgumentError, match="no whole tubes of 3 frames"):
        TubeCodec(**OPTIONS).encode(tubes[:4])
    with pytest.raises(ArgumentError, match="at least a frame"):
        TubeCodec(frames=0)
