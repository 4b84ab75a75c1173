"""HRNet: the reference's numbers, names, widths, what fusion does."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.models import HRNet, build


def test_w48_has_the_size_of_the_paper():
    with torch.device("meta"):
        net = HRNet(48)
    assert round(sum(p.numel() for p in net.parameters()) / 1e6, 1) == 63.6


TINY = {"width": 8, "joints": 5, "blocks": 1, "stem": 8}


@torch.no_grad()
@pytest.mark.parametrize("modules", [(1,), (1, 1), (1, 2, 1)])
@pytest.mark.parametrize("size", [(128, 96), (64, 32), (72, 40)])
def test_shapes(modules, size):
    net = build("hrnet", modules=modules, **TINY).eval()
    images = torch.rand(2, 3, *size)
    assert net(images).shape == (2, 5, size[0] // 4, size[1] // 4)
    assert net.features(images).shape[1] == 8


def test_gradients_reach_every_parameter():
    net = build("hrnet", modules=(1, 1, 1), **TINY)
    net(torch.rand(4, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def grads(fusion):
    """Which branches of the last stage a loss on the maps can teach."""
    net = build("hrnet", modules=(1, 1, 1), fusion=fusion, **TINY)
    net(torch.rand(4, 3, 64, 64)).square().sum().backward()
    branches = net.stage4[0].branches
    return [branch[0].conv1.weight.grad is not None for branch in branches]


def test_fusion_is_how_coarse_branches_reach_the_maps():
    assert grads("all") == [True] * 4
    assert grads("last") == [True] * 4
    assert grads("none") == [True] + [False] * 3
    sizes = [
        sum(p.numel() for p in build("hrnet", fusion=f, **TINY).parameters())
        for f in ("none", "last", "all")
    ]
    assert sizes == sorted(set(sizes))
    with pytest.raises(ArgumentError, match="fusion = 'some'"):
        HRNet(8, fusion="some")
