"""Pools on a device."""

from itertools import islice

import pytest
import torch

from poselab.datasets import Resident, SyntheticPeople, resident
from poselab.errors import ArgumentError
from tests.support.pretend import CUDA, pretended

SIZE = (32, 24)


@pytest.fixture
def pools(tmp_path):
    return [
        SyntheticPeople(SIZE, seed=i).pool(n, directory=tmp_path)
        for i, n in ((1, 8), (2, 4))
    ]


def test_a_round_has_every_sample_of_all_pools_once(pools, monkeypatch):
    monkeypatch.setattr(resident, "AHEAD", 6 * 32 * 24)
    source = Resident(pools, "cpu")
    assert len(source) == 12
    first, second = (
        torch.cat([b.keypoints for b in islice(source.batches(3, seed), 4)])
        for seed in (0, 1)
    )
    every = torch.cat([pool.samples(range(len(pool))).keypoints for pool in pools])
    for found in (first, second):
        assert torch.equal(
            found.flatten(1).sum(1).sort()[0], every.flatten(1).sum(1).sort()[0]
        )
    assert not torch.equal(first, second)


def test_the_same_seed_varies_the_same(pools):
    source = Resident(pools, "cpu", {"degrees": 20.0, "zoom": 0.1, "shift": 0.05})
    a, b = (next(source.batches(4, seed=5)) for _ in range(2))
    assert torch.equal(a.image, b.image)
    plain = next(Resident(pools, "cpu").batches(4, seed=5))
    assert not torch.equal(a.keypoints, plain.keypoints)


def test_batches_are_made_on_the_device_with_no_copy_between(pools):
    with pretended() as copies:
        source = Resident(pools, "cuda", {"degrees": 20.0, "zoom": 0.1, "shift": 0.05})
        batches = source.batches(3)
        copies.clear()
        for batch in islice(batches, 5):
            assert batch.image.device == CUDA
        assert not copies or max(copies) < 20


def test_a_batch_larger_than_all_pools(pools):
    with pytest.raises(ArgumentError, match="between 1 and 12"):
        next(Resident(pools, "cpu").batches(13))
