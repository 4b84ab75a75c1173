"""HigherHRNet (Cheng et al. 2020, 1908.10357)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from poselab.models import IMAGENET
from poselab.recipes.associative_embedding import TAGS
from poselab.recipes.base import Ablation, Recipe, Released
from poselab.recipes.scenes_shared import (
    CROWDS,
    FOREGROUND,
    LEARNS,
    SIGMA,
    SIZE,
    STRIDE,
)
from poselab.recipes.top_down_shared import authors_names
from poselab.train import Schedule

CHAPTER = "11"

CODEC: dict[str, Any] = {
    "name": "fine_tag",
    "size": SIZE,
    "stride": STRIDE,
    # The same number of heatmap pixels in both resolutions, as in the paper: the fine
    # bumps are half as wide in the picture.
    "sigma": SIGMA,
    "foreground": FOREGROUND,
    "criterion": "logistic",  # with squares heatmaps stayed near 0 for too long
    **TAGS,
}

TINY = {
    "higherhrnet_tiny": Recipe(
        about="tags at stride 4 and heatmaps at strides 4 and 2, on drawn crowds",
        model="higherhrnet_tiny",
        arguments={"logistic": True},
        codec=CODEC,
        data=CROWDS,
        stages=(LEARNS,),
        task="people",
    )
}

# The control has the same trunk, the same people and the same decoder, which enlarges
# its only heatmaps to stride 2; it lacks what the paper adds. 12,288 pictures each: six
# short trainings with three seeds say more than one long one.
SHORT = Schedule(384, 32, 3e-3, average=0.99)
WITH = replace(TINY["higherhrnet_tiny"], stages=(SHORT,), task="heights")
ABLATIONS = {
    "fine_map": Ablation(
        question="Do small people gain from heatmaps at half the stride?",
        arms={
            "with": WITH,
            "without": replace(WITH, arguments={"logistic": True, "fine": False}),
        },
    )
}

NAME = "HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human Pose"


def _released(width: int, parameters: int, file: str) -> Released:
    """Trained again by MMPose on 512x512 pixels."""
    return Released(
        paper=NAME,
        arxiv="1908.10357",
        model="higherhrnet",
        arguments={"width": width},
        parameters=parameters,
        licence="Apache-2.0 (MMPose)",
        codec={"name": "fine_tag", "size": (512, 512), "precise": False},
        normalise=IMAGENET,
        url=f"https://download.openmmlab.com/mmpose/bottom_up/{file}",
        sha256=file.split("-")[1][:8],
        rename=authors_names,
    )


RELEASED = {
    "higherhrnet_w32_coco": _released(
        32, 28_645_331, "higher_hrnet32_coco_512x512-8ae85183_20200713.pth"
    ),
    "higherhrnet_w48_coco": _released(
        48, 63_827_139, "higher_hrnet48_coco_512x512-60fedcbc_20200712.pth"
    ),
}
