"""`python -m poselab.bench train`: how fast every recipe learns, and at what.

Each recipe's own trainer takes a few steps on a small pool. Of the time between two
batches, "data" is drawing from the pool, varying and encoding, "forward" the network
and its loss, "backward" the gradients and the update; what is left is the loop itself.
The first step of each stage, which warms up, does not count. A recipe that is slow
takes fewer steps than asked for, at least one that counts in each stage: all recipes
share `SECONDS`. "bfloat16" is how many times as fast the same steps are with
`fit(half=True)`; it is left out where the processor has no such units, and for
trainers that do not ask for it.
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
from poselab.errors import ArgumentError
from poselab.recipes import Recipe
from poselab.records import Sample
from poselab.system.gpu import half_type
from poselab.system.progress import progress_bar
from poselab.train.run import Run

STEPS = 3  # that count, at most, in each stage, so that the table is soon there
SECONDS = 75.0  # of the steps of all recipes; making networks takes as long again
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
    half: bool = False  # whether a step was taken in bfloat16

    def add(self, part: str, seconds: float) -> None:
        """So much more of a part, unless this step warms up."""
        self.spent[part] += seconds if self.warm else 0.0


class Metered(Source):
    """The batches of `data`, and in `meter` how long each step took."""

    def __init__(self, data: Source, meter: Meter, seconds: float) -> None:
        self.data, self.meter, self.seconds = data, meter, seconds

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Those of `data`; the first begins a stage, which ends after `seconds`."""
        meter, found = self.meter, self.data.batches(batch_size, seed)
        meter.warm, began, counted = False, time.perf_counter(), meter.steps
        while True:
            start = time.perf_counter()
            if meter.steps > counted and start - began > self.seconds:
                return
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
            meter.half = self.half is not None
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


def measured(
    recipe: Recipe, steps: int, seconds: float = float("inf"), half: bool = False
) -> dict[str, float]:
    """Pictures per second and the share of each part in the steps of a recipe.

    After `seconds` of a stage it ends, though not before a step counted.
    """
    recipe, meter = small(recipe, steps), Meter()
    data, held_out = recipe.data.open(recipe.size)
    options: dict[str, Any] = {"half": True} if half else {}
    with metered(meter):
        data = Metered(data, meter, seconds / len(recipe.stages))
        recipe.trainer(recipe, data, held_out, progress=False, **options)
    shares = {part: spent / meter.whole for part, spent in meter.spent.items()}
    speed = BATCH * meter.steps / meter.whole
    return {"pictures/s": speed, **shares, "half": float(meter.half)}


def line_of(name: str, steps: int, seconds: float, half: bool) -> str:
    """The line of a recipe."""
    recipe = recipes.find(name)
    speed, data, forward, backward, _ = measured(recipe, steps, seconds).values()
    line = f"{name:28s} {speed:10.1f}  {data:5.0%}  {forward:7.0%}  {backward:8.0%}"
    fast = measured(recipe, steps, seconds, True) if half else {"half": 0.0}
    return f"{line}  {fast['pictures/s'] / speed:8.2f}" if fast["half"] else line


def multiplies_in_bfloat16() -> bool:
    """Whether this processor has the units that `fit(half=True)` asks for."""
    try:
        return half_type("cpu", True) is not None
    except ArgumentError:
        return False


def train(repeats: int, names: list[str] | None = None) -> list[str]:
    """A line for every recipe, from `repeats` steps of each stage, at most `STEPS`."""
    names, half = names or recipes.names(), multiplies_in_bfloat16()
    lines = [f"{'recipe':28s} pictures/s   data  forward  backward"]
    lines[0] += "  bfloat16" if half else ""
    seconds = SECONDS / len(names) / (1 + half)
    with progress_bar(names, leave=False) as bar:
        for name in bar:
            bar.set_description(name)
            lines.append(line_of(name, min(repeats, STEPS), seconds, half))
    return lines
