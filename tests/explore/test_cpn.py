"""The explorers of notebook 08 about CPN: they show what the networks say."""

import pytest
import torch

from poselab.codecs import HeatmapCodec
from poselab.datasets import SyntheticPeople
from poselab.draw.overlay import covered
from poselab.errors import ArgumentError
from poselab.explore.cpn import MapsExplorer, OhkmExplorer, maps_at
from poselab.models import build

CODEC = HeatmapCodec((128, 96), criterion="cross_entropy")


@pytest.fixture(scope="module")
def samples():
    return SyntheticPeople(seed=5, split="test").batch(3)


@pytest.fixture(scope="module")
def networks():
    nets = {
        "heatmap_tiny": build("heatmap_net"),
        "simple_baseline": build("simple_baseline", depth=10, width=8, filters=8),
        "cpn_tiny": build("cpn", depth=10, width=8, filters=8),
        "hrnet": build("hrnet", width=8, modules=(1, 1), blocks=1, stem=8),
    }
    return {name: (net.eval(), CODEC) for name, net in nets.items()}


def test_every_control_of_the_maps_changes_the_picture(networks, samples):
    explorer = MapsExplorer(networks, samples)
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    assert "cpn" in explorer.caption
    assert "a grey square of 24 px" in explorer.caption
    assert "no occluder" in explorer.set(cover=0).live_caption


def test_at_its_own_size_a_network_says_what_it_says(networks, samples):
    net, codec = networks["cpn_tiny"]
    with torch.no_grad():
        output = net(samples.image[:1])[-1]
    maps, joints, seen = maps_at(net, codec, samples.image[0], 1.0)
    torch.testing.assert_close(seen, samples.image[0])
    torch.testing.assert_close(maps, codec.heatmaps(output)[0])
    torch.testing.assert_close(joints, codec.decode(output).keypoints[0, 0])


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.5])
def test_other_sizes_answer_in_the_same_pixels(networks, samples, scale):
    for net, codec in networks.values():
        maps, joints, seen = maps_at(net, codec, samples.image[0], scale)
        size = [round(scale * n) for n in (128, 96)]
        assert list(seen.shape[1:]) == size
        assert list(maps.shape) == [17, size[0] // 4, size[1] // 4]
        assert joints.abs().max() < 200


def test_an_occluder_covers_its_square():
    image = covered(torch.zeros(3, 20, 30), 10, 8, 6)
    assert image.sum() == 3 * 36 * 0.5
    assert (image[:, 5:11, 7:13] == 0.5).all()
    assert covered(torch.zeros(3, 20, 30), 0, 0, 6).sum() == 3 * 9 * 0.5


def test_the_hardest_joints_and_their_shares(networks, samples):
    explorer = OhkmExplorer(networks["cpn_tiny"][0], CODEC, samples)
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    for hard in (1, 8, 17):
        share = explorer.shares(hard, 4)
        assert share.sum() == pytest.approx(1.0)
    labelled = explorer.counts.sum(0) / explorer.counts.sum()
    torch.testing.assert_close(explorer.shares(17, 4), labelled)
    one = explorer.shares(1, 2)
    worst = torch.where(explorer.counts, explorer.losses[2], -torch.inf).argmax(1)
    assert set(one.nonzero()[:, 0].tolist()) == set(worst.tolist())


def test_errors(samples):
    with pytest.raises(ArgumentError, match="at least one network"):
        MapsExplorer({}, samples)
