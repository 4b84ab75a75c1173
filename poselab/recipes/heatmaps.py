"""Heatmaps on the backbone of DeepPose: the same network with another question."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from poselab.recipes.base import Ablation, Recipe
from poselab.recipes.data import Drawn
from poselab.recipes.shared import MIXTURE, SIZE, WHICH_PIXEL, budget
from poselab.train import Schedule

CHAPTER = "02"

TINY = {
    "heatmap_tiny": Recipe(
        about="heat maps on the backbone of DeepPose, on single drawn people",
        model="heatmap_net",
        arguments={},
        codec=WHICH_PIXEL,
        data=MIXTURE,
        stages=budget(4e-3),
    )
}

# The live training of the notebook, as a recipe: what is compared is what the network
# is asked, so pictures, steps, batch and rate are the same for all.
WEIGHED = {**WHICH_PIXEL, "criterion": "mse"}
SHORT = Schedule(steps=150, batch_size=32, lr=2e-3)


def _asked(about: str, codec: dict[str, Any], model: str = "heatmap_net") -> Recipe:
    """A short training on framed people, with another question or another reader."""
    pictures = Drawn(pool=3000, held_out=2)  # of the held-out ones none is needed
    return Recipe(about, model, {}, codec, pictures, (SHORT,))


def _faster(recipe: Recipe) -> Recipe:
    """The same training at four times the rate."""
    return replace(recipe, stages=(replace(SHORT, lr=4 * SHORT.lr),))


ASKED = {
    "regression": _asked(
        "two numbers", {"name": "regression", "size": SIZE}, "deeppose"
    ),
    # The loss of soft-argmax: between these two only the head differs.
    "regression, L1": _asked(
        "two numbers, absolute differences",
        {"name": "regression", "size": SIZE, "criterion": "l1"},
        "deeppose",
    ),
    "squared error": _asked("the height of each cell", WEIGHED),
    "soft-argmax": _asked(
        "the mean place", {"name": "integral", "size": SIZE, "stride": 4}
    ),
    "cross-entropy": _asked("which cell", WHICH_PIXEL),
}
ROUNDED = {**WHICH_PIXEL, "quantise": True}
ABLATIONS = {
    "question": Ablation(
        question="What is gained by the map, and what by its loss?",
        arms={**ASKED, "squared error, rate x 4": _faster(ASKED["squared error"])},
    ),
    "rounded": Ablation(
        question="Do better decoders help where the targets were rounded?",
        arms={
            "argmax": _asked("rounded targets", {**ROUNDED, "decoder": "argmax"}),
            "DARK": _asked("rounded targets", ROUNDED),
        },
    ),
}
