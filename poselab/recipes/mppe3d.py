"""3DMPPE: PoseNet and RootNet (Moon et al. 2019, 1907.11346)."""

from __future__ import annotations

from typing import Any

from poselab.recipes.base import Recipe
from poselab.recipes.shared import SIZE, UPRIGHT, budget

CHAPTER = "15"

# ResNet-10 with 16 channels in the first stage, where the paper has ResNet-50 with 64,
# and 48 channels in the transposed convolutions, where it has 256.
TRUNK: dict[str, Any] = {"depth": 10, "width": 16, "filters": 48}
TINY = {
    "posenet3d_tiny": Recipe(
        about="the joints of one person as peaks in a volume around the root",
        model="posenet3d",
        # 32 cells over 2 m of depth, 62 mm each; 64 in the paper.
        arguments={**TRUNK, "joints": 17, "cells": 32},
        codec={"name": "volume", "size": SIZE, "stride": 4, "cells": 32},
        data=UPRIGHT,
        stages=budget(4e-3, pictures=1 << 17),
        task="space",
    ),
    "rootnet_tiny": Recipe(
        about="how far off a person is: k from the box, corrected by the picture",
        model="rootnet",
        arguments=TRUNK,
        codec={"name": "root", "size": SIZE, "stride": 4},
        data=UPRIGHT,
        stages=budget(4e-3),
        task="root",
    ),
}
