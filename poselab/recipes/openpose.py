"""OpenPose (Cao et al. 2017, 1611.08050)."""

from __future__ import annotations

import re
from typing import Any

from poselab.models.normalise import Normalise
from poselab.recipes.base import Recipe, Released
from poselab.recipes.scenes_shared import (
    CROWDS,
    FOREGROUND,
    LEARNS,
    SIGMA,
    SIZE,
    STRIDE,
)

CHAPTER = "10"

CODEC: dict[str, Any] = {
    "name": "part_affinity",
    "size": SIZE,
    "stride": STRIDE,
    "sigma": SIGMA,
    "width": 1.0,  # heatmap pixels to each side, 4 px of the picture, as in the paper
    "reach": 1.0,  # eyes and nose of a small person lie within one heatmap pixel
    "foreground": FOREGROUND,
    "criterion": "logistic",  # with squares heatmaps stayed near 0 for too long
    "rules": {
        # No blur: it is three pixels of 368 in the released code, where people are
        # larger; here it would join the joints of two people.
        "blur": 0.0,
        # Half-learnt fields are short vectors: what is half as long is taken, too.
        "above": 0.6,
        "min_parts": 3,
        "min_score": 0.2,
    },
}

TINY = {
    "openpose_tiny": Recipe(
        about="heatmaps and part affinity fields in two stages, on drawn crowds",
        model="openpose_tiny",
        arguments={"logistic": True},
        codec=CODEC,
        data=CROWDS,
        stages=(LEARNS,),
        task="people",
    )
}


def branch_names(key: str) -> str:
    """Layers' names in the released file -> those of the network, with the branch.

    `Mconv2_stage3_L1` is of stage 3, branch 1; `conv5_4_CPM_L2` of stage 1, branch 2;
    all others are of the trunk.
    """
    found = re.match(r"(?:Mconv\d+_stage(\d)|conv5_\d_CPM)_L([12])\.", key)
    if found is None:
        return f"model0.{key}"
    return f"model{found[1] or 1}_{found[2]}.{key}"


RELEASED = {
    "openpose_body_coco": Released(
        paper="Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
        arxiv="1611.08050",
        model="openpose",
        arguments={"bgr": True},
        parameters=52_311_446,
        licence="non-commercial research (Carnegie Mellon University)",
        codec={
            "name": "part_affinity",
            "size": (368, 368),
            "stride": 8,
            "released": True,
            "precise": False,
        },
        # Numbers in [0, 255] / 256 - 1/2 in their code.
        normalise=Normalise((128 / 255,) * 3, (256 / 255,) * 3),
        url="https://huggingface.co/lllyasviel/Annotators/resolve/main/"
        "body_pose_model.pth",
        sha256="25a948c16078b0f08e236bda51a385d855ef4c153598947c28c0d47ed94bb746",
        rename=branch_names,
    )
}
