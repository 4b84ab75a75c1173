"""Shapes and gradients of VNect and OccNet, of which no weights are published."""

import pytest
import torch

from poselab.models.occnet import OccNet, OccNetCB
from poselab.models.vnect import VNect, VNectTiny

SMALL = {"depth": 10, "width": 8}


@torch.no_grad()
def test_sizes_of_vnect():
    with torch.device("meta"):
        net = VNect()
        assert net(torch.zeros(1, 3, 368, 368)).shape == (1, 84, 46, 46)
        assert VNectTiny(17)(torch.zeros(1, 3, 128, 96)).shape == (1, 68, 32, 24)


@torch.no_grad()
@pytest.mark.parametrize("kind", [OccNet, OccNetCB])
def test_sizes_of_occnet(kind):
    with torch.device("meta"):
        visible, hidden = kind()(torch.zeros(1, 3, 256, 192))
    assert visible.shape == hidden.shape == (1, 14, 64, 48)


@pytest.mark.parametrize(
    "net",
    [
        VNect(joints=5, **SMALL),
        OccNet(joints=5, filters=8, **SMALL),
        OccNetCB(joints=5, filters=8, **SMALL),
    ],
    ids=["VNect", "OccNet", "OccNetCB"],
)
def test_gradients_reach_every_parameter(net):
    output = net(torch.rand(4, 3, 64, 64))
    output = output if isinstance(output, tuple) else (output,)
    sum(part.square().sum() for part in output).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_a_hidden_joint_reaches_the_visible_end_only_with_cross_branches():
    for kind, crossed in ((OccNet, False), (OccNetCB, True)):
        net = kind(joints=3, filters=8, **SMALL)
        visible, _ = net(torch.rand(2, 3, 64, 64))
        visible.sum().backward()
        own = net.branch_hidden if crossed else net.up3_hidden
        reached = [p.grad is not None for p in own.parameters()]
        assert all(reached) if crossed else not any(reached)
