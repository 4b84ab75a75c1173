"""PersonMaker: what it shows is what SyntheticPeople.scene draws."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.explore.welcome import PersonMaker


@pytest.fixture(scope="module")
def maker():
    return PersonMaker()


def test_the_person_is_the_one_that_scene_draws(maker):
    for change in (
        {},
        {"activity": "sitting", "yaw": 90, "occluder": "plant"},
        {"child": 0.8, "height": 1100, "crouch": 0.5},
    ):
        maker.set(**change)
        wanted = maker.people.scene(**maker.scene_arguments())
        assert torch.equal(maker.sample.image, wanted.image)
        assert torch.equal(maker.sample.keypoints, wanted.keypoints)
        assert torch.equal(maker.sample.visibility, wanted.visibility)


def test_every_control_changes_the_picture():
    seen = PersonMaker().sweep()
    assert all(count > 1 for count in seen.values()), seen


def test_the_caption_has_the_sample_s_numbers(maker):
    maker.set(occluder=None, distance=3000)
    flags = maker.sample.visibility[0]
    said = maker.live_caption
    assert f"{int((flags == 2).sum())} of 17 joints visible" in said
    assert f"{maker.sample.areas[0]:.0f} px²" in said
    assert "3.00 m away" in said


def test_first_values_and_wrong_names():
    assert "running" in PersonMaker(activity="running").caption
    with pytest.raises(ArgumentError, match="activity"):
        PersonMaker(activity="flying")
    with pytest.raises(ArgumentError, match="hight"):
        PersonMaker(hight=3)


def test_a_person_turned_or_drawn_again_is_not_posed_again(maker):
    posed = maker._posed.cache_info().misses
    maker.set(yaw=-170, focal_length=300, occluder="pole")
    maker.set(yaw=-165, mask=True)
    assert maker._posed.cache_info().misses == posed
