"""Networks by name: found in their files, built from a seed."""

import pytest
import torch
from torch import nn

from poselab.errors import ArgumentError
from poselab.models import HRNet, build, maker, names, registry


def test_each_file_registers_its_own():
    assert {"deeppose", "hrnet", "rcnn_tiny", "fasterrcnn_fpn"} <= set(names())
    assert maker("hrnet") is HRNet
    assert names() == sorted(names())


def test_a_class_and_a_function_can_be_registered(monkeypatch):
    monkeypatch.setattr(registry, "_MAKERS", dict(registry._MAKERS))

    @registry.register("toy")
    class Toy(nn.Linear):
        """A network."""

    @registry.register("toy_wide")
    def wide(inputs=3):
        """The same, wide."""
        return Toy(inputs, 99)

    assert build("toy", in_features=2, out_features=1).weight.shape == (1, 2)
    assert build("toy_wide", inputs=4).weight.shape == (99, 4)
    with pytest.raises(ArgumentError, match="toy.*two networks"):
        registry.register("toy")(nn.Conv2d)


def test_build_leaves_the_global_random_state():
    torch.manual_seed(0)
    wanted = torch.rand(2)
    torch.manual_seed(0)
    a, b, c = (build("deeppose", seed=seed) for seed in (5, 5, 6))
    assert torch.equal(torch.rand(2), wanted)
    assert torch.equal(a.head[-1].weight, b.head[-1].weight)
    assert not torch.equal(a.head[-1].weight, c.head[-1].weight)
    with pytest.raises(ArgumentError, match="deeppose_cascade"):
        build("lenet")
