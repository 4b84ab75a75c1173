"""Recipes that begin with bundled weights, on people in wrong boxes."""

from dataclasses import replace

import pytest
import torch

from poselab import recipes, zoo
from poselab.datasets.box_errors import UniformErrors
from poselab.errors import ArgumentError
from poselab.recipes.continued import Boxed
from poselab.recipes.occnet import ABLATIONS as HEADS
from poselab.recipes.occnet import TINY as OCCNETS
from poselab.recipes.rmpe import ABLATIONS, TINY
from poselab.train import Schedule

SSTN = TINY["sstn_tiny"]
HEAD = HEADS["heads"].arms["squared error: own joints"]


@pytest.fixture(scope="module")
def bundled():
    return zoo.load("simple_baseline_tiny")


@torch.no_grad()
def test_an_sstn_begins_as_the_network_that_it_surrounds(bundled):
    net, crops = SSTN.network(3).eval(), torch.rand(2, 3, 128, 96)
    torch.testing.assert_close(net(crops), bundled(crops), atol=1e-4, rtol=0)
    trunk, own = net.localisation.layer4[0].conv1, bundled.layer4[0].conv1
    assert torch.equal(trunk.weight, own.weight)


@torch.no_grad()
def test_two_heads_begin_with_the_trunk_and_different_last_layers(bundled):
    net = HEAD.network(0)
    assert torch.equal(net.up1[0].weight, bundled.deconv_layers[0].weight)
    for head in (net.up3_visible, net.up3_hidden):
        assert torch.equal(head[0].weight, bundled.deconv_layers[6].weight)
        assert torch.equal(head[1].running_var, bundled.deconv_layers[7].running_var)
    assert not torch.equal(net.visible.weight, net.hidden.weight)


@torch.no_grad()
def test_the_bundled_ones_begin_with_all_that_fits(bundled):
    net = OCCNETS["occnet_tiny"].network(0)
    for head in (net.visible, net.hidden):
        assert torch.equal(head.weight, bundled.final_layer.weight)
    crops = torch.rand(2, 3, 128, 96)
    for found in net.eval()(crops):  # two heads of the same network, as it was
        torch.testing.assert_close(found, bundled(crops), atol=1e-4, rtol=0)
    crossed = OCCNETS["occnet_cb_tiny"].network(0)
    assert torch.equal(crossed.up1[0].weight, bundled.deconv_layers[0].weight)
    for branch in (crossed.branch_visible, crossed.branch_hidden):
        for place, theirs in ((0, 3), (1, 6)):
            weight = bundled.deconv_layers[theirs].weight
            assert torch.equal(branch[place][0].weight, weight)


def test_the_arms_differ_in_what_is_asked_about_alone():
    arms = [*HEADS["heads"].arms.values(), *HEADS["empty heads"].arms.values()]
    contents = [arm.content() for arm in arms]
    assert [c["codec"].pop("other") for c in contents] == ["nothing", "same", "empty"]
    assert contents[0] == contents[1] == contents[2]
    boxes = ABLATIONS["boxes"].arms
    taught = [arm for arm in boxes.values() if arm.model != "sstn"]
    assert len({str(arm.content()["data"]) for arm in taught}) == len(taught) == 3
    assert len({arm.pictures for arm in boxes.values()}) == 1


def test_names_that_do_not_fit():
    for renamed in ((("", "elsewhere."),), (("nothing", "net."),)):
        with pytest.raises(ArgumentError, match="renamed"):
            replace(SSTN, renamed=renamed).network(0)


def test_it_is_followed():
    short = replace(
        SSTN,
        data=Boxed(4, errors=UniformErrors(0.3), held_out=2),
        stages=(Schedule(2, 4, 1e-3), Schedule(1, 4, 1e-4)),
    )
    made = recipes.follow(short, progress=False)
    assert [len(h.loss) for h in made.histories] == [2, 1]
    frozen, start = made.net.net.state_dict(), short.network(0).net.state_dict()
    assert all(torch.equal(frozen[k], v) for k, v in start.items())
    moved = made.net.localisation.answer.weight
    assert moved.abs().sum() > 0
    assert not made.net.training


def test_people_in_wrong_boxes_are_drawn_on_a_cpu():
    data, held_out = Boxed(4, errors=UniformErrors(0.2), held_out=2).open((64, 48))
    assert held_out.image.shape == (2, 3, 64, 48)
    assert next(data.batches(4)).image.shape == (4, 3, 64, 48)
    with pytest.raises(ArgumentError, match="Boxed"):
        Boxed(4).resident((64, 48), 0, "cuda")
