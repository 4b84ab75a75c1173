"""`python -m poselab.bench train`: how fast every recipe learns, and at what.

Each recipe's own trainer takes a few steps on a small pool. Of the time between two
batches, "data" is drawing from the pool, varying and encoding, "forward" the network
and its loss, "backward" the gradients and the update; what is left is the loop itself.
The first step of each stage, which warms up, does not count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

from poselab import recipes
from poselab.datasets.sources import Source
from poselab.recipes import Recipe
from poselab.records import Sample
from poselab.system.progress import progress_bar
from poselab.train.run import Run

STEPS = 3  # that count, at most, in each stage, so that the table is soon there
BATCH, POOL = 16, 16  # pictures a step, and pictures drawn (as many crops)
PARTS = {"encoded": "data", "loss": "forward", "update_from": "backward"}  # of `Run`


@dataclass
class Meter:
    """Seconds of the steps that count, whole and by part, and how many there were."""

    steps: int = 0
    whole: float = 0.0
    spent: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(PARTS.values(), 0.0)
    )
    warm: bool = False

    def add(self, part: str, seconds: float) -> None:
        """So much more of a part, unless this step warms up."""
        self.spent[part] += seconds if self.warm else 0.0


class Metered(Source):
    """The batches of `data`, and in `meter` how long each step took."""

    def __init__(self, data: Source, meter: Meter) -> None:
        self.data, self.meter = data, meter

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Those of `data`; the first of them begins a stage."""
        meter, found = self.meter, self.data.batches(batch_size, seed)
        meter.warm = False
        while True:
            start = time.perf_counter()
            batch = next(found)
            drawn = time.perf_counter()
            meter.add("data", drawn - start)
            try:
                yield batch
            finally:  # also when the stage ends here
                if meter.warm:
                    meter.steps += 1
                    meter.whole += time.perf_counter() - start
                meter.warm = True


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Inside, every training notes its parts in `meter`."""

    def timed(method: Any, part: str) -> Any:
        def call(self: Run, *arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return method(self, *arguments)
            finally:
                meter.add(part, time.perf_counter() - start)

        return call

    methods = {name: timed(getattr(Run, name), part) for name, part in PARTS.items()}
    with mock.patch.multiple(Run, **methods):
        yield


def small(recipe: Recipe, steps: int) -> Recipe:
    """The same training with few pictures and so many steps that count a stage."""
    few = {"pool": POOL, "crops": POOL, "held_out": 4}
    known = {k: v for k, v in few.items() if getattr(recipe.data, k, 0)}
    stages = [
        replace(stage, steps=steps + 1, batch_size=BATCH) for stage in recipe.stages
    ]
    return replace(recipe, data=replace(recipe.data, **known), stages=tuple(stages))


def measured(recipe: Recipe, steps: int) -> dict[str, float]:
    """Pictures per second and the share of each part in the steps of a recipe."""
    recipe, meter = small(recipe, steps), Meter()
    data, held_out = recipe.data.open(recipe.size)
    with metered(meter):
        recipe.trainer(recipe, Metered(data, meter), held_out, progress=False)
    shares = {part: spent / meter.whole for part, spent in meter.spent.items()}
    return {"pictures/s": BATCH * meter.steps / meter.whole, **shares}


def train(repeats: int, names: list[str] | None = None) -> list[str]:
    """A line for every recipe, from `repeats` steps of each stage, at most `STEPS`."""
    lines = [f"{'recipe':28s} pictures/s   data  forward  backward"]
    with progress_bar(names or recipes.names(), leave=False) as bar:
        for name in bar:
            bar.set_description(name, refresh=False)
            found = measured(recipes.find(name), min(repeats, STEPS))
            speed, data, forward, backward = found.values()
            line = f"{name:28s} {speed:10.1f}  {data:5.0%}  {forward:7.0%}"
            lines.append(f"{line}  {backward:8.0%}")
    return lines
