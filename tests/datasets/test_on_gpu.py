"""People drawn on a GPU: all of it there, with no way back in between."""

import pytest
import torch

from poselab.datasets import PersonCrops, SyntheticPeople, augment
from poselab.people.scene import scenes
from tests.support.pretend import CUDA, Pretend, pretended

MAKERS = {"framed": SyntheticPeople, "crops": PersonCrops}


@pytest.fixture(autouse=True)
def nothing_pretended_stays():
    yield
    scenes._noise_bank.cache_clear()


def all_there(sample) -> bool:
    return all(value.device == CUDA for value in sample.tensors().values())


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_people_are_drawn_there(name):
    with pretended():
        there = MAKERS[name](seed=3, device="cuda").batch(4)
        assert all_there(there)
        there = there.to("cpu")
    here = MAKERS[name](seed=3).batch(4)
    torch.testing.assert_close(there.image, here.image)
    torch.testing.assert_close(there.keypoints, here.keypoints)


@pytest.mark.parametrize("name", MAKERS)
def test_people_are_thought_up_there_and_nothing_is_copied_on_the_way(name):
    """With numbers drawn on a CPU every one of them would have to travel."""
    with pretended() as copies:
        maker = MAKERS[name](seed=3, device="cuda", cast_there=True)
        assert maker.generator().device == CUDA
        maker.batch(1)  # what is kept for later batches is brought there
        copies.clear()
        sample = maker.batch(16)
        varied = augment(sample, maker.generator())
        assert all_there(sample)
        assert all_there(varied)
        assert copies  # a table here, a count there
        assert max(copies) < 500  # 16 people alone have 816 coordinates


def test_a_large_batch_takes_the_same_path_on_a_cpu():
    people = SyntheticPeople((64, 48), seed=4, cast_there=True)
    sample = people.batch(256)
    assert sample.image.shape == (256, 3, 64, 48)
    assert torch.equal(
        sample.keypoints, SyntheticPeople((64, 48), seed=4).batch(256).keypoints
    )


def test_a_gpu_refuses_tensors_that_were_left_behind():
    """What the tests above rest on."""
    with pretended():
        there = torch.ones(3, device="cuda")
        assert isinstance(there, Pretend)
        with pytest.raises(RuntimeError, match="on cuda and on cpu"):
            there + torch.ones(3)
