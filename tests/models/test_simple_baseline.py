"""Simple Baseline: the reference's numbers, names, shapes, gradients."""

import pytest
import torch

from poselab.models import SimpleBaseline, build


# The field's well-known totals for COCO's 17 joints.
@pytest.mark.parametrize(("depth", "millions"), [(50, 34.0), (101, 53.0), (152, 68.6)])
def test_sizes_of_the_paper(depth, millions):
    with torch.device("meta"):
        net = SimpleBaseline(depth)
    assert round(sum(p.numel() for p in net.parameters()) / 1e6, 1) == millions


@torch.no_grad()
@pytest.mark.parametrize(
    ("depth", "joints", "width", "size"),
    [
        (10, 17, 16, (128, 96)),
        (18, 16, 8, (64, 96)),
        (34, 14, 8, (96, 32)),
        (50, 21, 8, (32, 64)),
    ],
)
def test_other_sizes(depth, joints, width, size):
    net = build("simple_baseline", depth=depth, joints=joints, width=width, filters=24)
    got = net.eval()(torch.rand(2, 3, *size))
    assert got.shape == (2, joints, size[0] // 4, size[1] // 4)


def test_gradients_reach_every_parameter():
    net = build("simple_baseline", depth=10, width=8, filters=16)
    net(torch.rand(4, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
