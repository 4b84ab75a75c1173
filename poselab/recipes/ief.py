"""Iterative error feedback (Carreira et al. 2016, 1507.06550)."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.data import Drawn
from poselab.recipes.shared import SIZE
from poselab.train import Schedule, train_feedback

CHAPTER = "05"

TINY = {
    "ief_tiny": Recipe(
        about="iterative error feedback, four steps, on single drawn people",
        model="ief",
        # Four steps of at most 7 px of 128; the paper has four of at most 20 px of 224.
        arguments={"size": SIZE, "stages": 4, "bound": 7.0, "sigma": 8.0},
        codec={"name": "points", "size": SIZE},
        data=Drawn(pool=8000),
        # One phase for each step of the path (fixed path consolidation), the last one,
        # which is used, the longest.
        stages=(
            Schedule(400, 16, 2e-3),
            Schedule(400, 16, 2e-3),
            Schedule(600, 16, 2e-3),
            Schedule(1100, 16, 2e-3),
        ),
        trainer=train_feedback,
    )
}
