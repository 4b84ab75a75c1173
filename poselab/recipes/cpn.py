"""Cascaded pyramid network (Chen et al. 2018, 1711.07319)."""

from __future__ import annotations

from poselab.models import Normalise
from poselab.recipes.base import Recipe, Released
from poselab.recipes.shared import MIXTURE, WHICH_PIXEL, budget

CHAPTER = "08"

TINY = {
    "cpn_tiny": Recipe(
        about="a feature pyramid, refined on the 8 hardest joints of each person",
        model="cpn",
        arguments={"depth": 10, "width": 16, "filters": 48},
        codec={**WHICH_PIXEL, "name": "ohkm", "hard": 8},  # of 17 (section 3.2)
        data=MIXTURE,
        stages=budget(8e-3),
    )
}

# Their code subtracts this mean, and then divides by 255 and by nothing else.
CAFFE = Normalise(mean=(122.7717 / 255, 115.9465 / 255, 102.9801 / 255))


def _released(depth: int, parameters: int) -> Released:
    return Released(
        paper="Cascaded Pyramid Network for Multi-Person Pose Estimation",
        arxiv="1711.07319",
        model="cpn",
        arguments={"depth": depth, "joints": 17},
        parameters=parameters,
        licence="GPL-3.0 (pytorch-cpn)",
        # Near `decode_cpn_reference`, which also smooths the heatmaps first.
        codec={"name": "heatmap", "size": (256, 192), "decoder": "quarter"},
        normalise=CAFFE,
        supply="weights of github.com/GengDavid/pytorch-cpn",
    )


RELEASED = {
    "cpn_r50_coco": _released(50, 27_406_826),
    "cpn_r101_coco": _released(101, 46_398_954),
}
