"""Detectors in two steps: Faster R-CNN (1506.01497), Mask R-CNN (1703.06870)."""

from __future__ import annotations

import re

from poselab.models import IMAGENET
from poselab.recipes.base import Recipe, Released
from poselab.recipes.data import Drawn
from poselab.recipes.scenes_shared import LEARNS

CHAPTER = "07"

TINY = {
    "rcnn_tiny": Recipe(
        about="a detector of people in two steps, on drawn crowds",
        model="rcnn_tiny",
        arguments={},
        codec={"name": "detection", "size": (192, 256)},
        # Two to eight people, as in the evaluation of crowds. Not turned: a turned box
        # is not tight any more.
        data=Drawn(
            pool=8192,
            people=(2, 8),
            variation={"degrees": 0.0, "zoom": 0.2, "shift": 0.05},
            held_out=64,
        ),
        stages=(LEARNS,),
        task="boxes",
    )
}


# Pairs of a detector and a pose network that have a row on the scoreboard. The first is
# the best of the bundled ones, and what `zoo.top_down` gives; the second has the head
# that notebook 07 builds.
SYSTEMS = {
    "rcnn+hrnet_large": ("rcnn_tiny", "hrnet_large_tiny"),
    "rcnn+simple_baseline": ("rcnn_tiny", "simple_baseline_tiny"),
}


def torchvision_names(key: str) -> str | None:
    """Names in torchvision's older files -> those of its present detectors.

    Single layers became one-layer blocks: `rpn.head.conv` is now `rpn.head.conv.0.0`.
    """
    if key.endswith("num_batches_tracked"):  # frozen normalisation counts nothing
        return None
    key = re.sub(r"mask_fcn(\d)", lambda m: f"{int(m[1]) - 1}.0", key)
    key = re.sub(r"(rpn\.head\.conv)\.(weight|bias)$", r"\1.0.0.\2", key)
    return re.sub(r"(fpn\.\w+_blocks\.\d)\.(weight|bias)$", r"\1.0.\2", key)


def _released(kind: str, parameters: int, digits: str) -> Released:
    """A detector with a ResNet-50 and a pyramid, trained on COCO by torchvision."""
    faster = ("Faster R-CNN", "1506.01497")
    paper, arxiv = faster if kind == "fasterrcnn" else ("Mask R-CNN", "1703.06870")
    return Released(
        paper=paper,
        arxiv=arxiv,
        model=f"{kind}_fpn",
        arguments={"depth": 50},
        parameters=parameters,
        licence="BSD-3-Clause (torchvision)",
        codec={},  # `detect` resizes, normalises and reads by itself
        normalise=IMAGENET,
        url=f"https://download.pytorch.org/models/{kind}_resnet50_fpn_coco-{digits}.pth",
        sha256=digits,
        rename=torchvision_names,
    )


RELEASED = {
    "fasterrcnn_r50_fpn": _released("fasterrcnn", 41_755_286, "258fb6c6"),
    "keypointrcnn_r50_fpn": _released("keypointrcnn", 59_137_258, "fc266e95"),
    "maskrcnn_r50_fpn": _released("maskrcnn", 44_401_393, "bf2d0c1e"),
}
