"""PersonLab (Papandreou et al. 2018, 1803.08225)."""

from __future__ import annotations

from typing import Any

from poselab.recipes.base import Recipe
from poselab.recipes.scenes_shared import CROWDS, LEARNS, SIZE, STRIDE

CHAPTER = "12"

RULES: dict[str, Any] = {
    # A clean disc gives 1; half-learnt ones, and those cut by a neighbour's, less.
    "score": 0.1,
    "nms_radius": 5.0,  # px; the paper's 10 are for pictures five times as large
    "max_people": 30,
    "min_score": 0.05,  # AP counts the unlikely ones, too, behind the others
}

CODEC: dict[str, Any] = {
    "name": "offset",
    "size": SIZE,
    "stride": STRIDE,
    "radius": 8.0,  # px: a quarter of the paper's 32 at a fifth of its 1401 px
    "unit": 8.0,  # px: short offsets are about 1 in it, long ones about 10
    "masks": True,
    "rules": RULES,
}

TINY = {
    "personlab_tiny": Recipe(
        about="discs, offsets of three ranges and masks, on drawn crowds",
        model="personlab_tiny",
        arguments={},
        codec=CODEC,
        data=CROWDS,
        stages=(LEARNS,),
        task="people",
    )
}
