"""Annotation files at random (10,000: `python -m tests.support.fuzz_annotations`)."""

import random

import pytest

from tests.support import fuzz_annotations


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_files_at_random_are_read_or_refused(seed):
    found = fuzz_annotations.run(100, seed)
    assert found["refused"] > 10
    assert found["read"] + found["mended"] > 30
    assert found["read"] > 5


def test_the_same_seed_gives_the_same_files():
    one, two, other = (
        [fuzz_annotations.make_file(random.Random(s)) for _ in range(3)]
        for s in (1, 1, 2)
    )
    assert one == two
    assert one != other
