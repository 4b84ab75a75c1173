"""Lessons on a path of the network's own, and the trainings that are compared."""

import pytest
import torch

from poselab import models, recipes
from poselab.codecs import IefCodec
from poselab.datasets import SyntheticPeople
from poselab.train.feedback import OwnPath


@pytest.fixture(scope="module")
def sample():
    return SyntheticPeople(seed=3).batch(6)


def own_path(steps):
    net = models.build("ief", seed=0).eval()
    net.start.copy_(torch.rand(17, 2, generator=torch.Generator().manual_seed(1)) * 90)
    codec = IefCodec(net.start, 7.0, 8.0, steps, spread=0.0, whole=True)
    return net, OwnPath(net, codec)


def poses_of(codec, sample):
    (_,), targets = codec.encode(sample, torch.Generator().manual_seed(2))
    return targets


def test_the_first_phase_starts_where_the_fixed_path_does(sample):
    net, codec = own_path(1)
    shown = poses_of(codec, sample)["points"]
    torch.testing.assert_close(shown, net.start.expand_as(shown))


def test_later_phases_show_what_the_network_reached(sample):
    net, codec = own_path(3)
    with torch.no_grad():
        walk = [net.start.expand(6, 17, 2), *net.truncated(2)(sample.image)]
    shown = poses_of(codec, sample)["points"]
    gaps = torch.stack([(shown - pose).abs().amax((1, 2)) for pose in walk])  # [3, 6]
    assert gaps.amin(0).max() < 1e-3
    assert len(gaps.argmin(0).unique()) > 1  # not all at the same step


def test_the_target_is_the_whole_way_that_is_left(sample):
    _, codec = own_path(2)
    targets = poses_of(codec, sample)
    reached = targets["points"] + 7.0 * targets["target"]
    torch.testing.assert_close(reached, sample.keypoints[:, 0])


@pytest.mark.parametrize("chapter", ["01", "05"])
def test_arms_see_the_same_pictures(chapter):
    for ablation in recipes.ablations(chapter).values():
        arms = ablation.arms.values()
        assert len({arm.pictures for arm in arms}) == 1
        assert len({repr(arm.data) for arm in arms}) == 1
