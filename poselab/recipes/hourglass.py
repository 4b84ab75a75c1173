"""Stacked hourglasses (Newell et al. 2016, 1603.06937)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from poselab.recipes.base import Ablation, Recipe, Released
from poselab.recipes.shared import MIXTURE, SHORT, SHORT_DATA, WHICH_PIXEL, budget

CHAPTER = "06"


def _tiny(about: str, **arguments: Any) -> Recipe:
    """Networks that differ only in what they spend their weights on."""
    # Depth 3 instead of the paper's 4: heatmaps of 32x24 become 4x3 at the bottom, as
    # 64x64 become 4x4.
    shape = {"joints": 17, "depth": 3, "stem": (16, 32)}
    return Recipe(
        about=about,
        model="hourglass",
        arguments=shape | arguments,
        codec=WHICH_PIXEL,
        data=MIXTURE,
        stages=budget(8e-3),
    )


TINY = {
    "hourglass_tiny": _tiny(
        "two stacked hourglasses, on single drawn people", stacks=2, width=32
    ),
    # 46 channels: as many weights as the two of 32.
    "hourglass_1_tiny": _tiny(
        "one hourglass with the weights of two", stacks=1, width=46
    ),
}


def _short(codec: str = "heatmap", **arguments: Any) -> Recipe:
    """hourglass_tiny, or with other `arguments`, for a short training."""
    two = TINY["hourglass_tiny"]
    return replace(
        two,
        arguments={**two.arguments, **arguments},
        codec={**two.codec, "name": codec},
        data=SHORT_DATA,
        stages=(SHORT,),
    )


ABLATIONS = {
    "parts": Ablation(
        question="what are skip branches, a loss on the first stack, a stack worth?",
        arms={
            "as in the paper": _short(),
            # 36 channels: as many weights as 32 with skip branches.
            "no skips": _short(width=36, skips=False),
            "loss on the last": _short("last_stage"),
            # 46 channels: as many weights as the two stacks of 32.
            "one wide stack": _short(stacks=1, width=46),
        },
    )
}


def _released(stacks: int, parameters: int) -> Released:
    """As trained by the authors; they publish no digest of the files."""
    folder = f"http://www-personal.umich.edu/~cnris/original_{stacks}hg"
    return Released(
        paper="Stacked Hourglass Networks for Human Pose Estimation",
        arxiv="1603.06937",
        model="hourglass_paper",
        arguments={"stacks": stacks},
        parameters=parameters,
        licence="BSD-3-Clause",
        codec={
            "name": "released",
            "size": (256, 256),
            "decoder": "hourglass",
            "skeleton": "mpii-16",
        },
        url=f"{folder}/checkpoint.pth.tar",
    )


RELEASED = {
    "hourglass_2_mpii": _released(2, 8_429_088),
    "hourglass_8_mpii": _released(8, 32_819_328),
}
