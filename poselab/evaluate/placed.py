"""Joints of the same people, drawn small and drawn large."""

from __future__ import annotations

import functools
from typing import Any

from torch import nn

from poselab.datasets.placed import PlacedPeople
from poselab.evaluate.predictions import predict
from poselab.metrics import pck
from poselab.records import Sample

SIDES = (48, 96)  # px, of the person
COUNT = 256
SEED = 1
NEAR = 0.2  # of the longer side of the box: the right place, and not the right pixel


@functools.cache
def placed(side: int, size: tuple[int, int]) -> Sample:
    """`COUNT` people of the test split, `side` px long, in pictures of `size` px.

    They are the same people, in the same poses, for every `side`.
    """
    maker = PlacedPeople(size, (side, side), SEED, split="test")
    return Sample.cat([maker.batch(64) for _ in range(COUNT // 64)])


def score_sides(net: nn.Module, codec: Any) -> dict[str, float]:
    """PCK@0.2 of the last stage for people of each of `SIDES`."""
    scores = {}
    for side in SIDES:
        people = placed(side, tuple(codec.size))
        images = people.image.to(next(net.parameters()).device)
        joints = predict(net, images, codec=codec)[-1].cpu().float()
        found = pck(
            joints[:, None],
            people.keypoints,
            people.visibility,
            "box",
            (NEAR,),
            boxes=people.boxes,
        )
        scores[f"{side} px"] = round(float(found[0]), 4)
    return scores
