"""From a recipe to a trained network."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from poselab.errors import require
from poselab.recipes.base import Recipe
from poselab.skeleton import COCO_17, Skeleton
from poselab.train import History


@dataclass
class Followed:
    """A trained network in eval mode, and how it came about.

    `recipe` is the one that was followed, with its epochs as steps and the batch sizes
    used; `samples` how many people there were (None: without end), `left_out` how many
    of the file are none of them and why; `seconds` the whole time, those before a stop
    included.
    """

    net: nn.Module
    recipe: Recipe
    histories: list[History]
    samples: int | None
    seconds: float
    left_out: dict[str, int] | None = None

    @property
    def curve(self) -> list[dict[str, float]]:
        """The scores on the way; pictures are counted over all stages."""
        points, before = [], 0
        for stage, history in zip(self.recipe.stages, self.histories, strict=True):
            points += [{**p, "pictures": before + p["pictures"]} for p in history.curve]
            before += stage.pictures
        return points

    @property
    def ended(self) -> dict[str, Any]:
        """The pictures that were really seen, and why each stage ended."""
        steps = zip(self.recipe.stages, self.histories, strict=True)
        seen = sum(stage.batch_size * len(h.loss) for stage, h in steps)
        return {"pictures": seen, "stopped": [h.stopped for h in self.histories]}


def deadlines(recipe: Recipe, end: float) -> list[float]:
    """For each stage when it ends, so that all end at `end` (of `time.monotonic()`).

    They share the time from now by their pictures.
    """
    now, whole, seen, found = time.monotonic(), recipe.pictures, 0, []
    for stage in recipe.stages:
        seen += stage.pictures
        found.append(now + (end - now) * seen / whole)
    return found


def follow(
    recipe: Recipe,
    seed: int = 0,
    device: torch.device | str = "cpu",
    folder: str | None = None,
    changes: dict[str, Any] | None = None,
    skeleton: Skeleton | None = None,
    **options: Any,
) -> Followed:
    """Train what the recipe describes, on its people or on those of `folder`.

    `folder` as for `open_coco`; `changes` replaces fields of the schedules (epochs,
    batch_size); `options` go to `fit`, such as the folder of a `checkpoint`. Raises
    `ArgumentError`, before it starts, if the people have another `skeleton`.
    """
    start = time.perf_counter()
    if changes:
        stages = tuple(replace(stage, **changes) for stage in recipe.stages)
        recipe = replace(recipe, stages=stages)
    data, held_out = recipe.data.open(recipe.size, seed, folder)
    require(
        skeleton is None or held_out.skeleton == skeleton,
        f"its people have the joints of {held_out.skeleton.name}, those of --val not",
        where="--data",
        value=folder,
        fix="Score on a file with the same joints.",
    )
    samples = len(data) if folder is not None else None
    recipe = recipe if samples is None else recipe.for_samples(samples)
    if held_out.skeleton != COCO_17:
        recipe = recipe.for_skeleton(held_out.skeleton)
    net, histories = recipe.trainer(recipe, data, held_out, seed, device, **options)
    learning = sum(history.seconds for history in histories)  # before a stop as well
    spent = max(time.perf_counter() - start, learning)
    left_out = getattr(data, "left_out", None)
    return Followed(net, recipe, histories, samples, spent, left_out)
