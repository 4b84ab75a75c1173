"""DeepPose (Toshev & Szegedy 2014, 1312.4659): regression and a cascade."""

from __future__ import annotations

from dataclasses import replace

from poselab.models import IMAGENET
from poselab.recipes.base import Ablation, Recipe, Released
from poselab.recipes.shared import MIXTURE, SIZE, budget, framed
from poselab.train import Schedule, train_cascade

CHAPTER = "01"

TINY = {
    "deeppose_tiny": Recipe(
        about="DeepPose with one refining stage, on single drawn people",
        model="deeppose_cascade",
        # sigma 1: a crop of the second stage is as large as the torso (section 3.2).
        arguments={"size": SIZE, "stages": 2, "sigma": 1.0, "crop": 24},
        codec={"name": "points", "size": SIZE},
        data=MIXTURE,
        stages=budget(4e-3, 7, 1),  # a refiner sees 17 crops of each person
        trainer=train_cascade,
    )
}


def _looks(sigma: float, *steps: int) -> Recipe:
    """A short training with so many steps for each look, the same pictures in all."""
    return replace(
        TINY["deeppose_tiny"],
        about=f"DeepPose with {len(steps)} looks, crops of {sigma:g} torsos",
        arguments={"size": SIZE, "stages": len(steps), "sigma": sigma, "crop": 24},
        data=framed(2000),
        stages=tuple(Schedule(n, batch_size=32, lr=4e-3) for n in steps),
    )


ABLATIONS = {
    "second_look": Ablation(
        question="Is a second look worth its pictures, and how wide should it be?",
        arms={
            "one look": _looks(1.0, 220),
            "one torso": _looks(1.0, 150, 70),
            "two torsos": _looks(2.0, 150, 70),
        },
    )
}

PAPER_NAME = "DeepPose: Human Pose Estimation via Deep Neural Networks"
MMPOSE = "https://download.openmmlab.com/mmpose/top_down/deeppose"


def keypoint_head(key: str) -> str:
    """MMPose 0.x says `keypoint_head` where 1.x says `head`; files are of both."""
    return key.replace("keypoint_head.", "head.", 1)


def _released(
    skeleton: str, joints: int, size: tuple[int, int], parameters: int, file: str
):
    """A ResNet-50 that regresses, as MMPose trained it."""
    return Released(
        paper=PAPER_NAME,
        arxiv="1312.4659",
        model="deeppose_resnet",
        arguments={"depth": 50, "joints": joints},
        parameters=parameters,
        licence="Apache-2.0 (MMPose)",
        codec={"name": "regression", "size": size, "unit": True, "skeleton": skeleton},
        normalise=IMAGENET,
        url=f"{MMPOSE}/{file}",
        sha256=file.split("-")[1][:8],
        rename=keypoint_head,
    )


RELEASED = {
    "deeppose_r50_coco": _released(
        "coco-17",
        17,
        (256, 192),
        23_577_698,
        "deeppose_res50_coco_256x192-f6de6c0e_20210205.pth",
    ),
    "deeppose_r50_mpii": _released(
        "mpii-16",
        16,
        (256, 256),
        23_573_600,
        "deeppose_res50_mpii_256x256-c63cd0b6_20210203.pth",
    ),
}
