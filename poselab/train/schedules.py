"""How long a training lasts, in what batches, and how its learning rate changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from poselab.errors import require
from poselab.system import distributed

# The parts of a training after which the rate falls: in Sun et al. 2019 after 170 and
# 200 of 210 epochs, in Xiao et al. 2018 after 90 and 120 of 140.
DROPS = {"two_drops": (170 / 210, 200 / 210), "early_drops": (90 / 140, 120 / 140)}
SCHEDULES = ("cosine", "one_cycle", "constant", *DROPS)


@dataclass(frozen=True)
class Schedule:
    """One call of `fit`: `steps` of `batch_size` samples, AdamW, rate and its course.

    `lr` is the highest learning rate and `schedule` its course, one of `SCHEDULES` (see
    `learning_rate`). `epochs` instead of `steps`, as papers say it, become steps when
    the number of samples is known (`for_samples`). `average` is the decay of averaged
    weights (0: none), see `poselab.train.averaging`. Raises `ArgumentError`.
    """

    steps: int = 300
    batch_size: int = 64
    lr: float = 2e-3
    schedule: str = "cosine"
    weight_decay: float = 1e-2
    epochs: float | None = None
    average: float = 0.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            value = getattr(self, name)
            whole = isinstance(value, int) and value > 0
            require(whole, "must be a whole number from 1", where=name, value=value)
        require(
            self.epochs is None or 0 < self.epochs < math.inf,
            "must be above 0",
            where="epochs",
            value=self.epochs,
        )
        require(
            0 <= self.average < 1,
            "must be from 0 to below 1",
            where="average",
            value=self.average,
        )
        require(
            self.schedule in SCHEDULES,
            "unknown schedule",
            where="schedule",
            value=self.schedule,
            fix=f"Known: {', '.join(SCHEDULES)}.",
        )

    @property
    def pictures(self) -> int:
        """How many training samples are seen, repeated ones counted again."""
        return self.steps * self.batch_size

    def for_samples(self, samples: int) -> Schedule:
        """The schedule for a data set of so many samples.

        No batch is larger than the data set, and epochs become steps.
        """
        batch = distributed.shared_batch(self.batch_size, samples)
        if self.epochs is None:
            return replace(self, batch_size=batch)
        steps = max(1, round(self.epochs * samples / batch))
        return replace(self, steps=steps, batch_size=batch, epochs=None)


def learning_rate(step: int, steps: int, peak: float, schedule: str) -> float:
    """The learning rate of a step in [0, steps).

    "cosine" falls from `peak` to 0 along half a cosine after a warm-up over the first
    2 %; "one_cycle" rises for the first 30 % (Smith & Topin 2017, 1708.07120), then
    falls in the same way; "constant" stays; "two_drops" and "early_drops" divide by 10
    at each of their `DROPS`.
    """
    if schedule == "constant":
        return peak
    if schedule in DROPS:
        return peak * 0.1 ** sum(step >= drop * steps for drop in DROPS[schedule])
    rise = max(1, round((0.02 if schedule == "cosine" else 0.3) * steps))
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
