"""Tompson et al. 2015 (1411.4280): three resolutions, then a second look."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.shared import MIXTURE, SIZE, budget
from poselab.train import train_coarse_to_fine

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
