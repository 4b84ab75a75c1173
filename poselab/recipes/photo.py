"""Networks for photographs, which have only ever seen drawn people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from poselab.recipes.base import Ablation, Recipe
from poselab.recipes.continued import Continued
from poselab.recipes.data import Wild, WildScenes
from poselab.recipes.shared import WHICH_PIXEL, budget
from poselab.train import Schedule

CHAPTER = "07"  # where a learner gives a photograph to a system

SIZE = (
    192,
    144,
)  # (H, W) px: half as much again as the other networks, for small limbs
# Bodies lie, bend and lean in photographs, and boxes are wrong.
VARIATION = {"degrees": 45.0, "zoom": 0.3, "shift": 0.1}
RATIOS = (1.0, 1.8, 3.0)  # height / width of the detector's anchors


def _recipe(about: str, **kinds: Any) -> Recipe:
    return Recipe(
        about=about,
        model="hrnet",
        # 2.8 million weights, 5.5 MB as float16: four times HRNet tiny.
        arguments={"width": 24, "modules": (1, 1, 1), "blocks": 2, "stem": 32},
        codec={**WHICH_PIXEL, "size": SIZE, "sigma": 2.0},
        data=Wild(pool=20480, crops=20480, variation=VARIATION, held_out=1024, **kinds),
        stages=budget(4e-3),
    )


TINY = {
    "photo": _recipe("joints of real people, learned from disorderly drawn ones"),
    "photo_detector": Continued(
        about="a detector of real people, learned from disorderly drawn ones",
        model="rcnn_tiny",
        # Somebody cut off by the frame is as wide as high. Of two boxes that overlap by
        # half, one is kept: in photographs most wrong boxes were second ones.
        arguments={"ratios": RATIOS, "iou_threshold": 0.5},
        codec={"name": "detection", "size": (192, 256), "ratios": RATIOS},
        # Few people and much clutter: rcnn_tiny finds people in photographs, and at
        # least as many things that are none. From a crowd to one face.
        data=WildScenes(
            pool=3072,
            people=(1, 5),
            held_out=16,
            smallest=0.2,
            faces=True,
            aim=(0.05, 0.5),
        ),
        stages=(Schedule(4096, 32, 2e-3, average=0.998),),
        task="boxes",
        start="rcnn_tiny",
    ),
}


def _after(disorder: bool) -> Recipe:
    """As many pictures again after `rcnn_tiny`'s, disorderly ones or tidy ones."""
    kinds = dict.fromkeys(("backgrounds", "prints", "light"), disorder)
    scenes = WildScenes(
        pool=3072,
        people=(1, 5),
        held_out=16,
        switches=kinds,
        taken=disorder,
        erased=0.5 * disorder,
    )
    again = Schedule(2560, 32, 2e-3, average=0.998)
    plain = replace(TINY["photo_detector"], data=scenes, stages=(again,))
    about = "the control of photo_detector: disorderly or tidy pictures, all else equal"
    return replace(plain, about=about, task="disorder")


# One seed: each of the two takes 40 minutes.
ABLATIONS = {
    "disorder": Ablation(
        question="Is it the disorder that helps, or are there simply more pictures?",
        arms={"tidy again": _after(False), "disorder": _after(True)},
        seeds=(0,),
    )
}
