"""Convolutional pose machines (Wei et al. 2016, 1602.00134)."""

from __future__ import annotations

from poselab.models import IMAGENET
from poselab.recipes.base import Ablation, Recipe, Released
from poselab.recipes.data import Drawn, Placed
from poselab.recipes.shared import MIXTURE, WHICH_PIXEL, budget
from poselab.train import Schedule

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


def _short(about: str, **arguments) -> Recipe:
    """The live training of the notebook: narrow machines, 200 steps."""
    return Recipe(
        about,
        model="cpm_tiny",
        arguments=arguments,
        codec=WHICH_PIXEL,
        data=Drawn(pool=3000, held_out=2),  # of the held-out ones none is needed
        stages=(Schedule(steps=200, batch_size=16, lr=5e-3),),
    )


def _window(spread: int) -> Recipe:
    """One stage whose cells see more, with the same weights and multiplications."""
    return Recipe(
        "one stage",
        model="cpm_tiny",
        arguments={"stages": 1, "width": 16, "spread": spread},
        codec={**WHICH_PIXEL, "size": (160, 144)},
        data=Placed(pool=2000, held_out=2),
        stages=(Schedule(steps=200, batch_size=16, lr=5e-3),),
        task="sides",
    )


ABLATIONS = {
    "window": Ablation(
        question="Up to which window does a wider one help, for people of two sizes?",
        # Up to 7 the window has no holes: a cell below sees 29 px, 4 px apart.
        arms={f"{29 + 16 * n} px": _window(n) for n in (1, 3, 5, 7)},
    ),
    "reading": Ablation(
        question="Is it reading its own beliefs that makes the last stage better?",
        arms={
            "reads its beliefs": _short("three stages", width=16),
            "without the wire": _short("zeros for the beliefs", width=16, wired=False),
            # 35 channels: as many weights in use as in the three stages together
            "one wide stage": _short("one stage", stages=1, width=35),
        },
    ),
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
