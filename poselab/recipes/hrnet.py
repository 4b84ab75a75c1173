"""HRNet (Sun et al. 2019, 1902.09212)."""

from __future__ import annotations

from poselab.datasets import Variation
from poselab.recipes.base import Ablation, Recipe, Released
from poselab.recipes.shared import MIXTURE, SHORT, SHORT_DATA, WHICH_PIXEL, budget
from poselab.recipes.top_down_shared import mmpose, paper_recipe
from poselab.train import Schedule

CHAPTER = "08"

TINY = {
    "hrnet_tiny": Recipe(
        about="four resolutions side by side that exchange what they know",
        model="hrnet",
        # One module for each stage after the first, where HRNet-W32 has 1, 4 and 3.
        arguments={"width": 16, "modules": (1, 1, 1), "blocks": 1, "stem": 24},
        codec=WHICH_PIXEL,
        data=MIXTURE,
        stages=budget(4e-3),
    ),
    # The same for the input that a system gives each person: half as much again.
    "hrnet_large_tiny": Recipe(
        about="hrnet_tiny for crops of 192x144 pixels, the network behind a detector",
        model="hrnet",
        arguments={"width": 16, "modules": (1, 1, 1), "blocks": 1, "stem": 24},
        codec={**WHICH_PIXEL, "size": (192, 144)},
        data=MIXTURE,
        stages=budget(4e-3),  # no time to search: that of hrnet_tiny
    ),
}


def _exchange(fusion: str, width: int = 12) -> Recipe:
    """A smaller HRNet whose branches exchange in all modules, the last one, or none."""
    return Recipe(
        about=f"an HRNet of {width} channels, exchange: {fusion}",
        model="hrnet",
        arguments={
            "width": width,
            "modules": (1, 1, 1),
            "blocks": 1,
            "stem": 16,
            "fusion": fusion,
        },
        codec=WHICH_PIXEL,
        data=SHORT_DATA,
        stages=(SHORT,),
    )


ABLATIONS = {
    "exchange": Ablation(
        question="what is the exchange between the branches worth?",
        arms={
            "all modules": _exchange("all"),
            "the last one": _exchange("last"),
            "none": _exchange("none"),
            # The fine branch alone with the multiplications of all four: 9 branches in
            # three stages against 3, and a branch costs the square of its channels.
            "none, wider": _exchange("none", 20),
        },
    )
}

NAME = "Deep High-Resolution Representation Learning for Human Pose Estimation"


def _paper(width: int) -> Recipe:
    """Section 4.1: Adam at 1e-3, divided by 10 after 170 and 200 of 210 epochs."""
    return paper_recipe(
        f"{NAME} (1902.09212), W{width}",
        "hrnet",
        # Section 4.1: scale +-35 %, rotation +-45 degrees, flip, half bodies.
        Variation(zoom=0.35, degrees=45.0, half_chance=0.3),
        # 128 people on all GPUs together and no weight decay, as in their code.
        Schedule(
            epochs=210, batch_size=128, lr=1e-3, schedule="two_drops", weight_decay=0.0
        ),
        arguments={"width": width},
        near_zero=("",),  # all convolutions, as in their code
    )


PAPER = {f"hrnet_w{width}": _paper(width) for width in (32, 48)}


def _released(width: int, parameters: int, file: str) -> Released:
    paper = (NAME, "1902.09212", "hrnet")
    return mmpose(*paper, parameters, f"hrnet/{file}", width=width)


RELEASED = {
    "hrnet_w32_coco": _released(
        32, 28_536_113, "hrnet_w32_coco_256x192-c78dce93_20200708.pth"
    ),
    "hrnet_w48_coco": _released(
        48, 63_595_745, "hrnet_w48_coco_256x192-b9e0b3ab_20200708.pth"
    ),
}
