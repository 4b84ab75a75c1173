"""VNect (Mehta et al. 2017, 1705.01583)."""

from __future__ import annotations

from poselab.recipes.base import Recipe
from poselab.recipes.shared import SIZE, UPRIGHT, budget

CHAPTER = "14"

TINY = {
    "vnect_tiny": Recipe(
        about="heatmaps, and maps of X, Y and Z that are read where they peak",
        model="vnect_tiny",
        arguments={"joints": 17},
        # Stride 4 as the other networks here; 8 in the paper.
        codec={"name": "location_map", "size": SIZE, "stride": 4, "sigma": 1.5},
        data=UPRIGHT,
        stages=budget(4e-3, pictures=1 << 17),
        task="space",
    )
}
