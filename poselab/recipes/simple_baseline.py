"""Simple Baselines for pose estimation (Xiao et al. 2018, 1804.06208)."""

from __future__ import annotations

from poselab.datasets import Variation
from poselab.recipes.base import Recipe, Released
from poselab.recipes.shared import MIXTURE, WHICH_PIXEL, budget
from poselab.recipes.top_down_shared import mmpose, paper_recipe
from poselab.train import Schedule

CHAPTER = "07"

TINY = {
    "simple_baseline_tiny": Recipe(
        about="a short ResNet and three transposed convolutions, on crops of people",
        model="simple_baseline",
        arguments={"depth": 10, "width": 16, "filters": 48},
        codec=WHICH_PIXEL,
        data=MIXTURE,
        stages=budget(4e-3),
    )
}

NAME = "Simple Baselines for Human Pose Estimation and Tracking"


def _paper(depth: int) -> Recipe:
    """Section 4.1: Adam at 1e-3, divided by 10 after 90 and 120 of 140 epochs."""
    return paper_recipe(
        f"{NAME} (1804.06208), ResNet-{depth}",
        "simple_baseline",
        # Section 4.1: scale +-30 %, rotation +-40 degrees, flip.
        Variation(zoom=0.3, degrees=40.0, half_chance=0.0),
        # 128 people on all GPUs together and no weight decay, as in their code.
        Schedule(
            epochs=140,
            batch_size=128,
            lr=1e-3,
            schedule="early_drops",
            weight_decay=0.0,
        ),
        arguments={"depth": depth},
        near_zero=("deconv_layers", "final_layer"),  # as in their code
    )


PAPER = {f"simple_baseline_r{depth}": _paper(depth) for depth in (50, 101, 152)}


def _released(depth: int, parameters: int, file: str) -> Released:
    paper = (NAME, "1804.06208", "simple_baseline")
    return mmpose(*paper, parameters, f"resnet/{file}", depth=depth)


RELEASED = {
    "simple_baseline_r50_coco": _released(
        50, 33_999_697, "res50_coco_256x192-ec54d7f3_20200709.pth"
    ),
    "simple_baseline_r101_coco": _released(
        101, 52_991_825, "res101_coco_256x192-6e6babf0_20200708.pth"
    ),
    "simple_baseline_r152_coco": _released(
        152, 68_635_473, "res152_coco_256x192-f6e307c2_20200709.pth"
    ),
}
