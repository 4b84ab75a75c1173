"""The explorer of notebook 08 about HRNet: branches that are off."""

import pytest
import torch

from poselab.codecs import HeatmapCodec
from poselab.datasets import SyntheticPeople
from poselab.errors import ArgumentError
from poselab.explore.hrnet import BranchExplorer
from poselab.models import build

CODEC = HeatmapCodec((128, 96), criterion="cross_entropy")


@pytest.fixture(scope="module")
def samples():
    return SyntheticPeople(seed=5, split="test").batch(3)


@pytest.fixture(scope="module")
def net():
    return build("hrnet", width=8, modules=(1, 1, 1), blocks=1, stem=8).eval()


@pytest.fixture
def explorer(net, samples):
    return BranchExplorer(net, CODEC, samples)


def test_every_control_changes_the_picture(explorer):
    explorer.set(cover=16)
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    assert list(explorer.branches) == ["1/8", "1/16", "1/32"]


def test_with_all_branches_it_is_the_network(explorer, net, samples):
    with torch.no_grad():
        output = net(samples.image[1:2])
    maps, joints = explorer.answer(1, 0, ())
    torch.testing.assert_close(maps, CODEC.heatmaps(output)[0])
    torch.testing.assert_close(joints, CODEC.decode(output).keypoints[0, 0])


@torch.no_grad()
def test_a_silent_branch_has_no_say(net, samples):
    """Its weights may be anything: nobody hears them."""
    images = samples.image[:1]
    before = net.features(images, (3,))
    module = net.stage4[0]
    module.branches[3][0].conv1.weight.mul_(-3)
    try:
        assert torch.equal(net.features(images, (3,)), before)
        assert not torch.equal(net.features(images), before)
    finally:
        module.branches[3][0].conv1.weight.div_(-3)


def test_errors(samples):
    with pytest.raises(ArgumentError, match="HRNet"):
        BranchExplorer(build("heatmap_net"), CODEC, samples)
