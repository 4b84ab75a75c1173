"""Sources: the same for the same seed, mixed, varied, and true to their split."""

import itertools

import pytest
import torch

from poselab.datasets import SyntheticPeople
from poselab.datasets.sources import SEEDS, Mixed, Varied, other_seed
from poselab.errors import ArgumentError
from poselab.system.distributed import Team
from tests.support.sources import Dots

SIZE = (64, 48)


def first(source, n=6, seed=0):
    return next(source.batches(n, seed))


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda people: people,
        lambda people: Varied(people, {"degrees": 10.0}),
        lambda people: Varied(Mixed((people, people)), {}),
        lambda people: Mixed((Varied(people, {}), people)),
    ],
)
def test_no_wrapper_hides_the_split(wrapped):
    """Every picture of the wrapped test split is one of the test split."""
    train, test = (
        wrapped(SyntheticPeople(SIZE, split=split)) for split in ("train", "test")
    )
    for a, b in itertools.product(first(train).image, first(test).image):
        assert not torch.equal(a, b)


def test_what_is_not_varied_stays_as_it_is():
    still = {"flip_chance": 0.0, "degrees": 0.0, "zoom": 0.0, "shift": 0.0}
    people = SyntheticPeople(SIZE, split="test")
    batch, varied = first(people, seed=3), first(Varied(people, still), seed=3)
    torch.testing.assert_close(varied.image, batch.image, atol=1e-4, rtol=0)


def test_mixed_batches_are_made_in_equal_parts():
    a, b = Dots(SIZE), Varied(Dots(SIZE), {"flip_chance": 1.0})
    batch = first(Mixed((a, b)))
    assert batch.image.shape == (6, 3, *SIZE)
    assert torch.equal(batch.image[:3], first(a, 3).image)
    assert not torch.equal(batch.image[3:], batch.image[:3])


def test_two_parts_of_the_same_kind_draw_different_samples():
    batch = first(Mixed((Dots(SIZE), Dots(SIZE))))
    assert not torch.equal(batch.image[:3], batch.image[3:])


def test_a_mixture_needs_equal_parts():
    data = Mixed((Dots(SIZE), Dots(SIZE), Dots(SIZE)))
    with pytest.raises(ArgumentError, match="batch_size = 8.*multiple of 3"):
        data.batches(8)


def test_varied_batches_keep_their_shape_and_repeat():
    varied = Varied(Dots(SIZE), {"degrees": 10.0, "zoom": 0.1})
    a, b = first(varied, 4), first(varied, 4)
    assert torch.equal(a.image, b.image)
    assert a.keypoints.shape == (4, 1, 17, 2)
    assert not torch.equal(first(varied, 4, seed=1).image, a.image)


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize(
    "source", [Dots(SIZE), Varied(Mixed((Dots(SIZE), Dots(SIZE))), {"zoom": 0.2})]
)
def test_a_stream_is_the_part_of_the_batches_from_a_number_on(source, start):
    whole = next(itertools.islice(source.batches(6, 1), start, None))
    for rank in range(2):
        part = next(source.stream(6, 1, Team(rank, 2), start))
        rows = slice(3 * rank, 3 * rank + 3)
        torch.testing.assert_close(part.image, whole.image[rows])
        torch.testing.assert_close(part.keypoints, whole.keypoints[rows])


def test_seeds_of_parts_stay_in_their_range():
    assert other_seed(5, 0) == 5
    assert other_seed(SEEDS - 1, 3) < SEEDS
    assert len({other_seed(0, i) for i in range(100)}) == 100
