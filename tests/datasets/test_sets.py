"""The fixed evaluation sets."""

import pytest
import torch

from poselab.datasets import evaluation
from poselab.errors import ArgumentError


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("POSELAB_CACHE", str(tmp_path))
    return tmp_path


def as_seen_at(points, factor):
    """Points of a picture in one that is `factor` times as large."""
    return (points + 0.5) * factor - 0.5


def test_the_first_samples_are_the_same_however_many_are_asked_for():
    whole = evaluation("single", 60)
    assert whole.image.shape == (60, 3, 128, 96)
    some = evaluation("single", 10)
    assert torch.equal(some.keypoints, whole.keypoints[:10])
    clips = evaluation("clips", 2)
    assert [c.image.shape for c in clips] == [(16, 3, 192, 256)] * 2


def test_a_large_set_is_kept_on_disk_and_says_the_same(cache_folder):
    few = evaluation("crops", 3)
    assert not list(cache_folder.glob("*.safetensors"))
    many = evaluation("crops", 70)
    assert len(list(cache_folder.glob("*.safetensors"))) == 1
    assert torch.equal(many.keypoints[:3], few.keypoints)
    assert (many.image[:3] - few.image).abs().max() < 0.51 / 255  # bytes on disk
    assert many.image.shape == (70, 3, 128, 96)


def test_crops_show_one_person_of_a_crowd_in_a_box_that_is_not_perfect():
    crops = evaluation("crops", 64)
    assert crops.keypoints.shape == (64, 1, 17, 2)
    assert ((crops.visibility > 0).sum(-1) >= 4).all()
    off = crops.boxes[:, 0, :2] + crops.boxes[:, 0, 2:] / 2 - torch.tensor([48.0, 64])
    assert 2 < off.abs().amax(-1).median() < 12  # px: ten per cent of a person
    assert (crops.visibility == 1).float().mean() > 0.15  # others stand in front


def test_another_size_shows_the_same_people_larger():
    small, large = evaluation("crops", 4), evaluation("crops", 4, (192, 144))
    assert large.image.shape == (4, 3, 192, 144)
    at = as_seen_at(small.keypoints, 1.5)
    torch.testing.assert_close(large.keypoints, at, rtol=0, atol=1e-3)
    small, large = evaluation("single", 4), evaluation("single", 4, (192, 144))
    at = as_seen_at(small.keypoints, 1.5)
    torch.testing.assert_close(large.keypoints, at, rtol=0, atol=0.02)


def test_crowds_have_people_large_enough_for_a_second_look():
    full, seen = evaluation("crowd", 6), evaluation("crowd", 6, (192, 256))
    assert full.image.shape == (6, 3, 384, 512)
    assert full.masks is None
    assert seen.masks is not None
    tall = full.boxes[..., 3]
    assert 140 < tall[tall > 0].median() < 240
    at = as_seen_at(seen.keypoints, 2)
    there = (full.visibility > 0) & (seen.visibility > 0)
    assert (full.keypoints - at)[there].abs().max() < 0.02
    reduced = torch.nn.functional.avg_pool2d(full.image, 2)
    assert (reduced - seen.image).abs().mean() < 0.02  # noise, edges


def test_errors():
    with pytest.raises(ArgumentError, match="Known"):
        evaluation("video")
    with pytest.raises(ArgumentError, match="from 1 to 200"):
        evaluation("crowd", 201)
