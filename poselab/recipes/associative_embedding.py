"""Associative embedding (Newell et al. 2017, 1611.05424)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from poselab.recipes.base import Ablation, Recipe
from poselab.recipes.scenes_shared import (
    CROWDS,
    FOREGROUND,
    LEARNS,
    SIGMA,
    SIZE,
    STRIDE,
)
from poselab.train import Schedule

CHAPTER = "11"

# Both weights are 1e-3 in the released code, which trains for a hundred times as long.
# Equal tags are a point where the push has no slope; with 1e-2 they had not come apart
# after 150 steps on four pictures, with 1e-1 they had.
TAGS = {"pull": 1e-1, "push": 1e-1}

CODEC: dict[str, Any] = {
    "name": "tag",
    "size": SIZE,
    "stride": STRIDE,
    "sigma": SIGMA,
    "foreground": FOREGROUND,
    "criterion": "logistic",  # with squares heatmaps stayed near 0 for too long
    **TAGS,
}

TINY = {
    "associative_embedding_tiny": Recipe(
        about="heatmaps and tags from two hourglasses, on drawn crowds",
        model="associative_embedding_tiny",
        arguments={"logistic": True},
        codec=CODEC,
        data=CROWDS,
        stages=(LEARNS,),
        task="people",
    )
}

# One stack, for the time it takes, and a short training whose learning rate comes to
# its end; the same pictures and draws for all. "of probabilities" tells the loss from
# the sigmoid, without which there is no cross-entropy.
SHORT = Schedule(512, 32, 3e-3, average=0.99)
LOSSES = {
    "squares": ("mse", False),
    "squares of probabilities": ("mse", True),
    "cross-entropy": ("logistic", True),
}

ABLATIONS = {
    "heatmap_loss": Ablation(
        question="Are heatmaps learned sooner from cross-entropies than from squares?",
        arms={
            name: replace(
                TINY["associative_embedding_tiny"],
                arguments={"stacks": 1, "logistic": logistic},
                codec={**CODEC, "criterion": criterion},
                stages=(SHORT,),
            )
            for name, (criterion, logistic) in LOSSES.items()
        },
    )
}
