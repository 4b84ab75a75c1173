"""Networks for photographs, which have only ever seen drawn people."""

from __future__ import annotations

from typing import Any

from poselab.recipes.base import Recipe
from poselab.recipes.data import Wild
from poselab.recipes.scenes_shared import LEARNS
from poselab.recipes.shared import WHICH_PIXEL, budget

CHAPTER = "07"  # where a learner gives a photograph to a system

SIZE = (
    192,
    144,
)  # (H, W) px: half as much again as the other networks, for small limbs
# Bodies lie, bend and lean in photographs, and boxes are wrong.
VARIATION = {"degrees": 45.0, "zoom": 0.3, "shift": 0.1}


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
    "photo_detector": Recipe(
        about="a detector of real people, learned from disorderly drawn ones",
        model="rcnn_tiny",
        arguments={},
        codec={"name": "detection", "size": (192, 256)},
        data=Wild(
            pool=20480,
            people=(1, 6),
            crops=20480,
            variation={"degrees": 0.0, "zoom": 0.3, "shift": 0.1},
            held_out=1024,
            erased=0.3,
        ),
        stages=(LEARNS,),
        task="boxes",
    ),
}
