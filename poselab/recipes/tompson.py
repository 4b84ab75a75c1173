"""Tompson et al. 2015 (1411.4280): three resolutions, then a second look."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.shared import SIZE, framed
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
        data=framed(3000),
        # The fine network sees 17 crops of each person, hence the smaller batch. Two
        # minutes on two cores.
        stages=(Schedule(1200, 16, 2e-3), Schedule(1200, 8, 4e-3)),
        trainer=train_coarse_to_fine,
    )
}
