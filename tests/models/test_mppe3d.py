"""PoseNet and RootNet: the references' numbers, shapes, gradients."""

import pytest
import torch

from poselab.codecs.space import VolumeCodec
from poselab.errors import ShapeError
from poselab.models.mppe3d import PoseNet3d, RootNet


def test_the_codec_reads_a_volume_as_the_reference_does():
    """The means of the softmax along each axis, which the golden has as `coord`."""
    draws = torch.Generator().manual_seed(0)
    volume = 3 * torch.randn(1, 2, 8, 8, 8, generator=draws)
    share = volume.flatten(2).softmax(-1).unflatten(2, (8,) * 3)
    cells = torch.arange(8.0)
    means = [(share.sum(axes) * cells).sum(-1) for axes in ((2, 3), (2, 4), (3, 4))]
    found, _ = VolumeCodec((32, 32), cells=8).coordinates(volume)
    torch.testing.assert_close(found, torch.stack(means, -1))


@torch.no_grad()
def test_depth_is_gamma_times_k():
    net = RootNet(10, width=8, filters=8).eval()
    images = torch.rand(3, 3, 64, 64)
    _, gamma = net.gamma(images)
    for k in (1000.0, 5000.0):
        _, depth = net(images, torch.full((3, 1), k))
        torch.testing.assert_close(depth, k * gamma)
    with pytest.raises(ShapeError, match="k"):
        net(images, torch.ones(3))


def test_gradients_reach_every_parameter():
    for net, rest in (
        (PoseNet3d(10, 5, 8, 8, cells=4), ()),
        (RootNet(10, 8, 8), (torch.ones(4, 1),)),
    ):
        output = net(torch.rand(4, 3, 64, 64), *rest)
        parts = output if isinstance(output, tuple) else (output,)
        sum(part.square().sum() for part in parts).backward()
        assert all(
            p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters()
        )
