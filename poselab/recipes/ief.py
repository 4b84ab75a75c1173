"""Iterative error feedback (Carreira et al. 2016, 1507.06550)."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.shared import MIXTURE, SIZE, budget
from poselab.train import train_feedback

CHAPTER = "05"

TINY = {
    "ief_tiny": Recipe(
        about="iterative error feedback, four steps, on single drawn people",
        model="ief",
        # Four steps of at most 7 px of 128; the paper has four of at most 20 px of 224.
        arguments={"size": SIZE, "stages": 4, "bound": 7.0, "sigma": 8.0},
        codec={"name": "points", "size": SIZE},
        data=MIXTURE,
        # One phase for each step of the path (fixed path consolidation), the last one,
        # which is used, the longest.
        stages=budget(2e-3, 4, 4, 6, 11),
        trainer=train_feedback,
    )
}
