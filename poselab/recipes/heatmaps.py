"""Heatmaps on the backbone of DeepPose: the same network with another question."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.shared import MIXTURE, WHICH_PIXEL, budget

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
