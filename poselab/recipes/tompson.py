"""Tompson et al. 2015 (1411.4280): three resolutions, then a second look."""

from __future__ import annotations

from poselab.recipes.base import Ablation, Recipe
from poselab.recipes.data import Drawn
from poselab.recipes.shared import MIXTURE, SIZE, WHICH_PIXEL, budget
from poselab.train import Schedule, train_coarse_to_fine

CHAPTER = "03"

TINY = {
    "tompson_tiny": Recipe(
        about="three resolutions and a second look, on single drawn people",
        model="tompson_coarse_to_fine",
        arguments={
            "levels": 3,  # resolutions, as in the paper
            "width": 32,
            "dropout": 0.1,  # of whole channels (section 3.2)
            "crop": 24,  # px: 12 each way are four times the noise that it learns with
        },
        codec={"name": "points", "size": SIZE},
        data=MIXTURE,
        stages=budget(8e-3, 2, 1),  # the fine network sees 17 crops of each person
        trainer=train_coarse_to_fine,
    )
}


def _short(about: str, levels: int, width: int) -> Recipe:
    """A shorter training than the live one of the notebook: the pyramid alone."""
    return Recipe(
        about,
        model="tompson",
        arguments={"levels": levels, "width": width},
        codec=WHICH_PIXEL,
        data=Drawn(pool=3000, held_out=2),  # of the held-out ones none is needed
        stages=(Schedule(steps=100, batch_size=16, lr=2e-3),),
    )


ABLATIONS = {
    "levels": Ablation(
        question="What is better for the same price: one resolution, or three?",
        arms={
            "three levels": _short("three resolutions", 3, 32),
            "one level, same cost": _short("as many multiplications", 1, 37),
            "one level, same weights": _short("as many weights", 1, 55),
        },
    )
}
