"""Recipes that are followed in seconds, on coloured dots instead of people."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from poselab.recipes import Drawn, Recipe
from poselab.train import Schedule, train_cascade, train_coarse_to_fine, train_feedback
from tests.support.sources import Dots

SIZE = (64, 48)


@dataclass(frozen=True)
class DrawnDots(Drawn):
    """Dots without end instead of a pool of people."""

    pool: int = 0
    held_out: int = 64
    variation: dict[str, float] = field(default_factory=dict)

    def open(self, size, seed=0, folder=None):
        """The dots, and 64 that are never trained on; or the people of a folder."""
        if folder is not None:
            return super().open(size, seed, folder)
        return Dots(size), Dots(size).batch(
            self.held_out, torch.Generator().manual_seed(100)
        )


MAPS = Recipe(
    about="a toy that answers in heatmaps",
    model="heatmap_net",
    arguments={},
    codec={"name": "heatmap", "size": SIZE, "criterion": "cross_entropy"},
    data=DrawnDots(),
    stages=(Schedule(60, 16, 4e-3),),
)
CASCADE = Recipe(
    about="a toy cascade",
    model="deeppose_cascade",
    arguments={"size": SIZE, "stages": 2, "sigma": 1.0, "crop": 16},
    codec={"name": "points", "size": SIZE},
    data=DrawnDots(),
    stages=(Schedule(40, 16, 4e-3), Schedule(40, 8, 4e-3)),
    trainer=train_cascade,
)
COARSE_TO_FINE = Recipe(
    about="a toy with a second look",
    model="tompson_coarse_to_fine",
    arguments={"levels": 2, "width": 8, "crop": 16},
    codec={"name": "points", "size": SIZE},
    data=DrawnDots(),
    stages=(Schedule(40, 16, 4e-3), Schedule(60, 8, 4e-3)),
    trainer=train_coarse_to_fine,
)
FEEDBACK = Recipe(
    about="a toy that corrects itself",
    model="ief",
    arguments={"size": SIZE, "stages": 3, "bound": 4.0, "sigma": 5.0},
    codec={"name": "points", "size": SIZE},
    data=DrawnDots(),
    stages=tuple(Schedule(n, 16, 4e-3) for n in (30, 30, 60)),
    trainer=train_feedback,
)


def brief(recipe: Recipe, steps: int = 3) -> Recipe:
    """The recipe with so few steps in each stage."""
    stages = tuple(replace(stage, steps=steps) for stage in recipe.stages)
    return replace(recipe, stages=stages)
