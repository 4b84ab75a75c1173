"""Lifting joints from 2D to 3D (Martinez et al. 2017, 1705.03098)."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.shared import SIZE, UPRIGHT, budget

CHAPTER = "14"

TINY = {
    "lifting_tiny": Recipe(
        about="from joints in 2D to joints in 3D, without the picture",
        model="lifting",
        # A quarter of the paper's 1024 channels, and less dropout: the drawn people are
        # as many as one wants, so there is little to learn by heart.
        arguments={"joints": 17, "width": 256, "blocks": 2, "dropout": 0.1},
        # Two pixels of noise: about the error of a 2D network of this size.
        codec={"name": "lifting", "size": SIZE, "noise": 2.0},
        data=UPRIGHT,
        stages=budget(4e-3, pictures=1 << 17),
        task="space",
    )
}
