"""Associative embedding (Newell et al. 2017, 1611.05424)."""

from __future__ import annotations

from typing import Any

from poselab.recipes.base import Recipe
from poselab.recipes.scenes_shared import (
    CROWDS,
    FOREGROUND,
    LEARNS,
    SIGMA,
    SIZE,
    STRIDE,
)

CHAPTER = "11"

# Both weights are 1e-3 in the released code, which trains for a hundred times as long.
# Equal tags are a point where the push has no slope; with 1e-2 they had not come apart
# after 150 steps on four pictures, with 1e-1 they had.
TAGS = {"pull": 1e-1, "push": 1e-1}

CODEC: dict[str, Any] = {
    "name": "tag",
    "size": SIZE,
    "stride": STRIDE,
    "sigma": SIGMA,
    "foreground": FOREGROUND,
    **TAGS,
}

TINY = {
    "associative_embedding_tiny": Recipe(
        about="heatmaps and tags from two hourglasses, on drawn crowds",
        model="associative_embedding_tiny",
        arguments={},
        codec=CODEC,
        data=CROWDS,
        stages=(LEARNS,),
        task="people",
    )
}
