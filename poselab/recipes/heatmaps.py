"""Heatmaps on the backbone of DeepPose: the same network with another question."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.shared import WHICH_PIXEL, framed
from poselab.train import Schedule

CHAPTER = "02"

TINY = {
    "heatmap_tiny": Recipe(
        about="heat maps on the backbone of DeepPose, on single drawn people",
        model="heatmap_net",
        arguments={},
        codec=WHICH_PIXEL,
        data=framed(8000),  # those of deeppose_tiny, which it is compared with
        stages=(Schedule(2400, 32, 2e-3),),  # nine minutes on two cores
    )
}
