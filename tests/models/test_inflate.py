"""Inflated networks answer a still clip as the network for images does."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.models import build
from poselab.models.inflate import MODES, inflate, inflate_kernel, still_clip


def nets():
    yield build("heatmap_net").eval()
    yield build("simple_baseline", depth=10, width=8, filters=16).eval()


@torch.no_grad()
def test_centre_is_the_network_for_images_in_every_frame_of_any_clip():
    clip = torch.rand(2, 3, 5, 64, 64)  # even where things move
    for net in nets():
        found = inflate(net, 3, "centre")(clip)
        for t in range(5):
            torch.testing.assert_close(
                found[:, :, t], net(clip[:, :, t]), atol=1e-5, rtol=0
            )


@torch.no_grad()
def test_mean_is_it_on_a_still_clip_far_from_the_ends_and_only_there():
    image = torch.rand(2, 3, 64, 64)
    net = build("deeppose_resnet", depth=10).eval().backbone
    frames, middle = 41, 20  # farther from the ends than the field in time reaches
    found = inflate(net, 3, "mean")(still_clip(image, frames))
    wanted = net(image)
    assert (found[:, :, middle] - wanted).abs().max() < 1e-5
    assert (found[:, :, 0] - wanted).abs().max() > 1e-3  # zeros before the first frame


@torch.no_grad()
def test_mean_looks_at_other_frames_and_centre_does_not():
    clip = torch.rand(1, 3, 9, 64, 64)
    other = clip.clone()
    other[:, :, 3] = torch.rand(1, 3, 64, 64)
    net = build("heatmap_net").eval()
    for mode, moves in (("centre", False), ("mean", True)):
        wide = inflate(net, 3, mode)
        change = (wide(clip) - wide(other))[:, :, 4].abs().max()
        assert (change > 1e-6) == moves


@pytest.mark.parametrize("mode", MODES)
def test_a_kernel_keeps_its_sum(mode):
    weight = torch.randn(4, 3, 3, 3)
    wide = inflate_kernel(weight, 5, mode)
    assert wide.shape == (4, 3, 5, 3, 3)
    torch.testing.assert_close(wide.sum(2), weight)


def test_the_network_for_images_stays_as_it_was():
    net = build("heatmap_net")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    inflate(net)
    assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="odd"):
        inflate_kernel(torch.zeros(1, 1, 3, 3), 2)
    with pytest.raises(ArgumentError, match="unknown way"):
        inflate(build("heatmap_net"), 3, "middle")
