"""What Simple Baseline and HRNet share: the training, and who released weights."""

from __future__ import annotations

from typing import Any

from poselab.datasets import Variation
from poselab.models import IMAGENET
from poselab.recipes.base import Recipe, Released
from poselab.recipes.data import Annotated
from poselab.train import Schedule

SIZE = (256, 192)
MMPOSE = "https://download.openmmlab.com/mmpose/top_down"

# Gaussians on the nearest heatmap pixel and the quarter-pixel decoder, as published.
MAPS = {
    "name": "heatmap",
    "size": SIZE,
    "stride": 4,
    "sigma": 2.0,
    "quantise": True,
    "decoder": "quarter",
}


def paper_recipe(
    about: str, model: str, variation: Variation, schedule: Schedule, **options: Any
) -> Recipe:
    """A recipe at paper size, on data in COCO's format, scored with COCO's AP."""
    arguments = {"joints": 17, **options.pop("arguments")}
    return Recipe(
        about=about,
        model=model,
        arguments=arguments,
        codec=MAPS,
        data=Annotated(margin=1.25, variation=variation),
        stages=(schedule,),
        normalise=IMAGENET,
        task="coco",
        **options,
    )


def authors_names(key: str) -> str:
    """MMPose's names of a network in two parts -> those of the authors' one network."""
    parts = ("backbone.", "keypoint_head.", "head.")
    return next((key.removeprefix(p) for p in parts if key.startswith(p)), key)


def mmpose(
    paper: str, arxiv: str, model: str, parameters: int, file: str, **arguments: Any
) -> Released:
    """A network that MMPose trained again for 256x192 pixels."""
    return Released(
        paper=paper,
        arxiv=arxiv,
        model=model,
        arguments={"joints": 17, **arguments},
        parameters=parameters,
        licence="Apache-2.0 (MMPose)",
        codec={"name": "released", "size": SIZE, "stride": 4, "sigma": 2.0},
        normalise=IMAGENET,
        url=f"{MMPOSE}/{file}",
        sha256=file.split("-")[1][:8],
        rename=authors_names,
    )
