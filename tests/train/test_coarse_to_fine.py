"""A coarse network and its second look: trained by a recipe, scored in two rows."""

import math

import pytest
import torch

from poselab.codecs import CropHeatmapCodec, place_in_boxes
from poselab.errors import ArgumentError
from poselab.evaluate.tasks import rows
from poselab.zoo import recipes
from tests.support.sources import Dots

SMALL = recipes.Recipe(
    about="a toy",
    arguments={"size": (64, 48), "levels": 2, "width": 8, "crop": 16},
    stages=(recipes.Stage(40, 16, 4e-3), recipes.Stage(60, 8, 4e-3)),
    pool=32,
    model="tompson_coarse_to_fine",
)


@pytest.fixture(scope="module")
def trained():
    source = Dots((64, 48))
    held_out = source.batch(1, torch.Generator().manual_seed(100))
    return recipes.train(SMALL, source, held_out, progress=False)


def test_both_networks_learn(trained):
    _, histories = trained
    assert len(histories) == 2
    falls = [sum(h.loss[:5]) / 5 - sum(h.loss[-5:]) / 5 for h in histories]
    assert min(falls) > 0.3  # nats per joint


def test_each_look_has_a_row(trained):
    net, _ = trained
    sample = Dots((64, 48)).batch(8, torch.Generator().manual_seed(7))
    first, second = rows("toy", net, sample)
    assert (first["stage"], second["stage"]) == (1, 2)
    fine = sum(p.numel() for p in net.fine.parameters())
    assert second["parameters"] == first["parameters"] + fine
    assert second["macs"] > first["macs"] > 0


def test_logits_are_read_as_probabilities():
    """The cross-entropy's best answer is the log of the target, up to a constant."""
    sample = Dots((64, 48)).batch(4, torch.Generator().manual_seed(3))
    codec = CropHeatmapCodec(16, 1.5, 2.0, "cross_entropy")
    _, targets = codec.encode(sample, torch.Generator().manual_seed(0))
    logits = targets["heatmaps"].clamp(min=1e-8).log() + 5.0
    best = codec.loss(logits, targets)
    assert codec.loss(0.5 * logits, targets) > best
    assert codec.loss(torch.zeros_like(logits), targets) == pytest.approx(math.log(256))
    points = codec.decode(logits, targets["boxes"]).keypoints[:, 0]
    assert (points - sample.keypoints[:, 0]).norm(dim=-1).median() < 0.1
    again, _ = place_in_boxes(targets["heatmaps"], targets["boxes"])
    assert (points - again).norm(dim=-1).median() < 0.1


def test_an_unknown_loss_is_refused():
    with pytest.raises(ArgumentError, match="hinge"):
        CropHeatmapCodec(loss="hinge")
