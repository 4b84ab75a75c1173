"""Convolutional pose machines (Wei et al. 2016, 1602.00134)."""

from __future__ import annotations

from poselab.models import IMAGENET
from poselab.recipes.base import Recipe, Released
from poselab.recipes.shared import MIXTURE, WHICH_PIXEL, budget

CHAPTER = "04"

TINY = {
    "cpm_tiny": Recipe(
        about="a pose machine of three stages, on single drawn people",
        model="cpm_tiny",
        # Three of the paper's six stages: half the time.
        arguments={"stages": 3, "width": 24},
        codec=WHICH_PIXEL,
        data=MIXTURE,
        stages=budget(4e-3),
    )
}

MMPOSE = "https://download.openmmlab.com/mmpose/top_down/cpm"


def _released(
    skeleton: str, joints: int, size: tuple[int, int], parameters: int, file: str
):
    """Six stages with batch normalisation, as MMPose trained them."""
    return Released(
        paper="Convolutional Pose Machines",
        arxiv="1602.00134",
        model="cpm_reference",
        arguments={"joints": joints, "stages": 6},
        parameters=parameters,
        licence="Apache-2.0 (MMPose)",
        codec={"name": "released", "size": size, "stride": 8, "skeleton": skeleton},
        normalise=IMAGENET,
        url=f"{MMPOSE}/{file}",
        sha256=file.split("-")[1][:8],
    )


RELEASED = {
    "cpm_coco": _released(
        "coco-17", 17, (256, 192), 31_304_166, "cpm_coco_256x192-aa4ba095_20200817.pth"
    ),
    "cpm_mpii": _released(
        "mpii-16", 16, (368, 368), 31_225_568, "cpm_mpii_368x368-116e62b8_20200822.pth"
    ),
}
