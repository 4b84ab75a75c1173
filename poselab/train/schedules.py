"""How the learning rate changes in the course of a training."""

from __future__ import annotations

import math

# Where of the training the rate falls: Sun et al. 2019 after 170 and 200 of 210
# epochs, Xiao et al. 2018 after 90 and 120 of 140.
DROPS = {"two_drops": (170 / 210, 200 / 210), "early_drops": (90 / 140, 120 / 140)}
SCHEDULES = ("cosine", "one_cycle", "constant", *DROPS)


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
