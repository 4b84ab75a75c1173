"""Stacked hourglass: equal to its references, sizes, stages, skips, gradients."""

import copy

import pytest
import torch
from torch import nn

from poselab import zoo
from poselab.codecs import HeatmapCodec
from poselab.errors import ArgumentError, ShapeError
from poselab.evaluate import count_macs
from poselab.evaluate.tasks import rows
from poselab.models import build
from poselab.models.hourglass import (
    Hourglass,
    Residual,
    StackedHourglass,
    hourglass_paper,
    residuals,
)
from poselab.models.hourglass_flat import FlatStackedHourglass
from tests.support import golden
from tests.support.sources import Dots


def count(net):
    return sum(p.numel() for p in net.parameters())


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def tiny(**arguments):
    return build(
        "hourglass",
        0,
        **{"joints": 5, "width": 8, "depth": 2, "stem": (4, 8), **arguments},
    )


# --- equal to the references ---------------------------------------------------------


def test_as_a_released_network():
    """The authors' files hold the state dict of a wrapper around the network."""
    case = golden.manifest("hourglass_princeton_2")
    wrapped = {
        "state_dict": {
            f"model.module.{key}": value for key, value in golden.state(case).items()
        },
        "epoch": 7,
    }
    net = zoo.load("hourglass_2_mpii", state_dict=wrapped)
    assert not net.training
    (images,) = golden.inputs(case)
    with torch.no_grad():
        stacks = torch.stack(net(images.permute(0, 3, 1, 2)), 1)
    (wanted,) = case["outputs"]
    assert golden.error(wanted, stacks, "value") < wanted["tolerance_f32"]
    assert (
        zoo.load(
            "hourglass_8_mpii",
            stacks=1,
            joints=3,
            state_dict=build("hourglass_paper", stacks=1, joints=3).state_dict(),
        ).stages
        == 1
    )


def test_spare_shortcuts_are_never_used():
    case = golden.manifest("hourglass_princeton_2")
    net = build("hourglass_paper", stacks=2)
    sum(maps.mean() for maps in net(rand(2, 3, 64, 64))).backward()
    unused = {name for name, p in net.named_parameters() if p.grad is None}
    assert unused == set(case["unused_parameters"])
    lean = StackedHourglass(16, 2)
    assert count(net) - count(lean) == sum(
        p.numel() for name, p in net.named_parameters() if name in unused
    )


def test_sizes_of_the_papers_networks():
    with torch.device("meta"):
        net = build("hourglass_paper")
        maps = net(torch.zeros(1, 3, 256, 256))
        flat = FlatStackedHourglass()
        assert len(flat(torch.zeros(1, 3, 256, 192))) == 8
    assert [m.shape for m in maps] == [(1, 16, 64, 64)] * 8
    assert count(net) == 32_819_328
    assert f"{count(net):,}" in hourglass_paper.__doc__
    assert count(flat) == 25_594_624
    assert f"{count(flat):,}" in FlatStackedHourglass.__doc__


# --- any size ------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_an_hourglass_keeps_the_size_at_every_depth(depth):
    x = rand(2, 8, 32, 64)
    assert Hourglass(depth, 8)(x).shape == x.shape
    assert [level.depth for level in Hourglass(depth, 8).levels()] == list(
        range(depth, 0, -1)
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"stacks": 1},
        {"stacks": 3, "joints": 7},
        {"depth": 3},
        {"width": 12},
        {"residuals": 2},
        {"growth": 4},
        {"skips": False},
    ],
    ids=str,
)
def test_any_network_gives_maps_and_learns(arguments):
    net = tiny(**arguments)
    stacks = net(rand(2, 3, 64, 32))
    assert len(stacks) == net.stages == arguments.get("stacks", 2)
    assert {m.shape for m in stacks} == {(2, arguments.get("joints", 5), 16, 8)}
    sum(m.square().sum() for m in stacks).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize("arguments", [{}, {"residuals": 2, "stacks": 2}], ids=str)
def test_the_second_family_in_other_sizes(arguments):
    net = FlatStackedHourglass(
        5, **{"stacks": 3, "width": 16, "depth": 2, "stem": 4, **arguments}
    )
    stacks = net(rand(2, 3, 64, 32))
    assert [m.shape for m in stacks] == [(2, 5, 16, 8)] * net.stages
    sum(m.square().sum() for m in stacks).backward()
    assert all(p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize("net", [tiny(), FlatStackedHourglass(5, 1, 16, 2, stem=4)])
def test_sides_that_do_not_halve_evenly(net):
    with pytest.raises(ShapeError, match=r"images: shape = \[1, 3, 64, 40\].* of 16"):
        net(rand(1, 3, 64, 40))
    with pytest.raises(ShapeError, match="images"):
        net(rand(3, 64, 48))
    assert net(rand(1, 3, 16, 48))[0].shape[-2:] == (4, 12)


def test_nothing_to_stack():
    with pytest.raises(ArgumentError, match="stacks = 0"):
        StackedHourglass(stacks=0)


# --- what it is made of --------------------------------------------------------------


def test_a_residual_module_without_its_branch_is_the_identity():
    block, x = Residual(8, 8).eval(), rand(1, 8, 5, 6)
    block.conv3.conv.weight.data.zero_()
    block.conv3.conv.bias.data.zero_()
    assert torch.equal(block(x), x)
    assert isinstance(residuals(4, 8, 3), nn.Sequential)
    assert residuals(4, 8, 3)(rand(1, 4, 5, 6)).shape == (1, 8, 5, 6)


def test_what_is_added_on_the_way_up():
    """The branch at full size plus the rest, each cell of which became four."""
    net, x = Hourglass(1, 8).eval(), rand(1, 8, 4, 6)
    with torch.no_grad():
        pooled = nn.functional.max_pool2d(x, 2)
        low = net.low3(net.low2(net.low1(pooled)))
        wide = low.repeat_interleave(2, -1).repeat_interleave(2, -2)
        torch.testing.assert_close(net(x), net.up1(x) + wide)
        net.skip = False
        assert torch.equal(net(x), wide)


def test_the_input_is_left_alone():
    net, x = tiny().eval(), rand(1, 3, 32, 32)
    before = x.clone()
    with torch.no_grad():
        first = [m.clone() for m in net(x)]
        again = net(x)
    assert torch.equal(x, before)
    assert all(map(torch.equal, first, again))


def test_cutting_a_skip_and_putting_it_back():
    net, x = tiny().eval(), rand(1, 3, 32, 32)
    with torch.no_grad():
        whole = net(x)
        for level in (level for hg in net.hgs for level in hg[0].levels()):
            level.skip = False
            assert not torch.allclose(net(x)[-1], whole[-1])
            level.skip = True
        assert torch.equal(net(x)[-1], whole[-1])


# --- stages --------------------------------------------------------------------------


def test_a_truncated_network_is_the_same_up_to_there():
    net, x = tiny(stacks=3).eval(), rand(2, 3, 32, 32)
    keys = list(net.state_dict())
    with torch.no_grad():
        whole = net(x)
        for n in (1, 2, 3):
            part = net.truncated(n)
            assert part.stages == n
            assert all(map(torch.equal, part(x), whole[:n]))
    assert list(net.state_dict()) == keys
    part = net.truncated(1)
    assert part.outs[0] is net.outs[0]
    assert count(part) == count(tiny(stacks=1)) < count(net.truncated(2))
    with pytest.raises(ArgumentError, match="stages = 4.*3 stacks"):
        net.truncated(4)


def test_a_row_for_each_stack():
    sample = Dots().batch(4, torch.Generator().manual_seed(0))
    net = tiny(joints=17).eval()
    table = rows("hourglass", net, sample, HeatmapCodec(sample.size))
    assert [row["stage"] for row in table] == [1, 2]
    assert table[0]["parameters"] == count(net.truncated(1))
    assert table[1]["macs"] == count_macs(net, sample.image[:1])


def test_a_copy_is_independent():
    net = tiny().eval()
    other = copy.deepcopy(net)
    other.hgs[0][0].skip = False
    assert net.hgs[0][0].skip
