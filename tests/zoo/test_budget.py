"""The weights that were trained on one budget: whole, as good as their cards say."""

import json

import pytest
import torch

from poselab import datasets, zoo
from poselab.evaluate.predictions import predict
from poselab.evaluate.tasks import pck_scores

FOLDER = zoo.FOLDER / "budget"
SINGLE = ("heatmap_tiny", "hrnet_tiny", "simple_baseline_tiny")


def test_all_single_person_networks_saw_the_same_pictures():
    cards = {name: zoo.card(name, FOLDER) for name in zoo.names(FOLDER)}
    same = {
        name: card["pictures"]
        for name, card in cards.items()
        if card["recipe"]["task"] == "single" and "done" in card["stopped"]
    }
    assert len(same) == 11
    assert max(same.values()) - min(same.values()) <= 128  # a batch, of four stages


@pytest.mark.parametrize("name", zoo.names(FOLDER))
def test_weights_fit_their_card(name):
    net = zoo.load(name, folder=FOLDER)
    card = json.loads((FOLDER / f"{name}.json").read_text())
    assert sum(p.numel() for p in net.parameters()) == card["parameters"]
    assert all(value.isfinite().all() for value in net.state_dict().values())


@torch.no_grad()
@pytest.mark.parametrize("name", SINGLE)
def test_they_are_as_good_on_a_cpu(name):
    """A part of the set, another machine and float16 weights: within two points."""
    sample = datasets.evaluation("single", 100)
    net = zoo.load(name, folder=FOLDER)
    scores = pck_scores(predict(net, sample.image)[-1], sample)
    wanted = zoo.card(name, FOLDER)["curve"][-1]
    assert scores["PCK@0.1"] == pytest.approx(wanted["PCK@0.1"], abs=0.03)
    assert scores["PCK@0.1"] > 0.88
