"""Crops of people in crowds."""

import pytest
import torch

from poselab.datasets import PersonCrops, crop_people
from poselab.errors import ArgumentError
from poselab.records import Sample


def test_people_fill_their_crops():
    crops = PersonCrops(seed=1).batch(24)
    assert crops.image.shape == (24, 3, 128, 96)
    assert crops.keypoints.shape == (24, 1, 17, 2)
    assert ((crops.visibility > 0).sum(-1) >= 4).all()
    filled = (crops.boxes[:, 0, 2:] / torch.tensor([96.0, 128.0])).amax(-1)
    assert 0.6 < filled.median() < 0.95
    centre = crops.boxes[:, 0, :2] + crops.boxes[:, 0, 2:] / 2
    assert ((centre - torch.tensor([48.0, 64.0])).abs() < 40).all()


def test_the_same_seed_gives_the_same_people():
    maker = PersonCrops(seed=2)
    a = maker.batch(5, maker.scenes.generator())
    b = PersonCrops(seed=2).batch(5)
    assert torch.equal(a.image, b.image)
    assert torch.equal(a.keypoints, b.keypoints)
    other = PersonCrops(seed=2, split="test").batch(5)
    assert not torch.equal(a.keypoints, other.keypoints)


def test_without_jitter_the_box_is_centred():
    crops = PersonCrops(seed=3, jitter=0.0, people=(2, 2)).batch(6)
    whole = (crops.boxes[:, 0, :2] > 0).all(-1)  # nothing of it was outside
    ends = crops.boxes[whole, 0, :2] + crops.boxes[whole, 0, 2:]
    inner = (ends < torch.tensor([96.0, 128.0])).all(-1)
    centre = (crops.boxes[whole, 0, :2] + ends)[inner] / 2
    assert len(centre) > 2
    assert ((centre - torch.tensor([48.0, 64.0])).abs() < 3).all()


def test_a_crop_is_that_of_crop_people():
    maker = PersonCrops(seed=6, jitter=0.0)
    g = maker.generator()
    scene = maker.scenes.batch(1, g)
    crops, every = maker._crops(scene, g), crop_people(scene[0], maker.size)[0]
    ids = every.track_ids[:, 0].tolist()
    assert len(crops) >= 2
    for crop in crops:
        other = every[ids.index(int(crop.track_ids[0]))]
        torch.testing.assert_close(crop.image, other.image, rtol=0, atol=1e-4)
        torch.testing.assert_close(crop.keypoints, other.keypoints, rtol=0, atol=1e-3)
        assert torch.equal(crop.visibility, other.visibility)


def test_pool(tmp_path):
    pool = PersonCrops(seed=4).pool(6, directory=tmp_path)
    batch = next(pool.batches(6))
    assert batch.image.shape == (6, 3, 128, 96)


def test_cat():
    crops = PersonCrops(seed=5).batch(4)
    joined = Sample.cat([crops[:1], crops[1:].replace(joints_3d=None)])
    assert torch.equal(joined.image, crops.image)
    assert joined.joints_3d is None
    with pytest.raises(ArgumentError, match="nothing to stack"):
        Sample.cat([])


def test_errors():
    with pytest.raises(ArgumentError, match="jitter = 0.7"):
        PersonCrops(jitter=0.7)
