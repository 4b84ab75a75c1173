"""ResNet: sizes, names, gradients."""

import pytest
import torch

from poselab.errors import ArgumentError
from poselab.models.resnet import ResNet

# Parameters without the classifier: the well-known totals minus 1000 C + 1000.
COUNTS = {
    18: 11_176_512,
    34: 21_284_672,
    50: 23_508_032,
    101: 42_500_160,
    152: 58_143_808,
}


@pytest.mark.parametrize("depth", COUNTS)
def test_parameter_counts(depth):
    with torch.device("meta"):
        net = ResNet(depth)
    assert sum(p.numel() for p in net.parameters()) == COUNTS[depth]
    assert net.channels == (512 if depth < 50 else 2048)


@pytest.mark.parametrize("depth", [18, 50])
def test_shape_and_gradients(depth):
    net = ResNet(depth)
    output = net(torch.rand(2, 3, 64, 96))
    assert output.shape == (2, net.channels, 2, 3)
    output.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_odd_sizes_round_up():
    assert ResNet(18).eval()(torch.rand(1, 3, 65, 33)).shape[-2:] == (3, 2)


def test_unknown_depth():
    with pytest.raises(ArgumentError, match="depth = 51.*152"):
        ResNet(51)
