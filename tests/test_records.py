"""Samples and poses: stacking, indexing, moving."""

import pytest
import torch

from poselab.errors import PoselabError
from poselab.records import Poses, Sample
from tests.support.samples import make_sample


def test_stack_and_take_apart():
    samples = [make_sample(i, 2) for i in range(3)]
    batch = Sample.stack(samples)
    assert batch.is_stacked
    assert len(batch) == 3
    assert batch.image.shape == (3, 3, 40, 30)
    for one, sample in zip(batch, samples, strict=True):
        assert one.size == (40, 30)
        assert not one.is_stacked
        for name, value in sample.tensors().items():
            assert torch.equal(one.tensors()[name], value), name
        assert int(one.image_id) == sample.image_id
    assert len(batch[1:]) == 2
    picked = batch[torch.tensor([2, 0])]
    assert torch.equal(picked[0].image, samples[2].image)


def test_people_that_are_missing_are_filled_with_zeros():
    batch = Sample.stack([make_sample(0, 1), make_sample(1, 3), make_sample(2, 0)])
    assert batch.keypoints.shape == (3, 3, 17, 2)
    assert (batch.visibility[0, 1:] == 0).all()
    assert (batch.boxes[2] == 0).all()
    assert not batch.masks[2].any()


def test_fields_that_one_lacks_are_dropped():
    samples = [make_sample(0), make_sample(1).replace(depth=None)]
    for order in (samples, samples[::-1]):
        batch = Sample.stack(order)
        assert batch.depth is None
        assert batch.masks is not None


def test_what_cannot_be_done_says_so():
    one = make_sample(0)
    with pytest.raises(PoselabError, match="crop"):
        Sample.stack([one, make_sample(1, size=(20, 20))])
    with pytest.raises(PoselabError, match="nothing to stack"):
        Sample.stack([])
    with pytest.raises(TypeError, match="stack it first"):
        len(one)
    with pytest.raises(TypeError, match="indexed"):
        one[0]
    with pytest.raises(IndexError):
        Sample.stack([one])[1]


def test_replace_shares_and_does_not_change():
    one = make_sample(0)
    two = one.replace(areas=one.areas * 2)
    assert two.image is one.image
    assert torch.equal(two.areas, 2 * one.areas)
    moved = one.to("meta")
    assert moved.image.device.type == "meta"
    assert one.image.device.type == "cpu"
    assert moved.skeleton is one.skeleton


def test_poses_stack_too():
    few = Poses(torch.ones(1, 17, 2), torch.ones(1, 17), person_scores=torch.ones(1))
    more = Poses(torch.ones(2, 17, 2), torch.ones(2, 17), person_scores=torch.ones(2))
    both = Poses.stack([few, more])
    assert both.scores.shape == (2, 2, 17)
    assert both.person_scores.tolist() == [[1, 0], [1, 1]]
    assert both.boxes is None
