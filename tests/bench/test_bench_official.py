"""Our networks against plain transcriptions of them."""

import pytest
import torch

from poselab.bench import official as bench_official


@pytest.mark.parametrize("name", bench_official.PAIRS)
def test_networks_need_no_more_memory_than_plain_ones(name):
    """`compare` asserts equal answers; how fast they are is measured, not tested."""
    values = bench_official.compare(name, 1, size=(128, 128))
    assert values[f"{name} / {name} plain"] > 0
    assert values[f"memory {name} / {name} plain"] <= 1.001


def test_the_most_that_is_held_at_once():
    with bench_official.Peak() as peak:
        a = torch.zeros(1000)  # 4000 bytes
        b = a + 1  # 8000
        b.relu_()  # in place
        del a
        c = b.view(10, 100) * 2  # 8000 again: the view is b's
        del b
        assert peak.now == 4000
    assert c.shape == (10, 100)
    assert peak.most == 8000
