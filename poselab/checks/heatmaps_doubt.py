"""An exercise of notebook 02: the map that squared error asks for under doubt."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import bumps, uniform
from poselab.checks.heatmaps import chapter


def _doubt_cases() -> list[Case]:
    return [
        Case("two targets, the first seen twice as often", bumps(70, 2), _seen(2, 1)),
        Case("four targets", uniform(71, 4, 6, 5), _seen(1, 5, 2, 3)),
        Case("a target that was never seen", bumps(72, 3), _seen(3, 0, 1)),
        Case("one target, seen three times", bumps(73, 1), _seen(3)),
        Case("a map of one cell", uniform(74, 3, 1, 1), _seen(1, 2, 4)),
    ]


def _seen(*times: int) -> Tensor:
    return torch.tensor(times, dtype=torch.float32)


def _weighted_sum(targets: Tensor, seen: Tensor) -> Tensor:
    return (targets * seen[:, None, None]).sum(0)


def _best(targets: Tensor, seen: Tensor) -> Tensor:
    return _weighted_sum(targets, seen) / seen.sum()


best_map = chapter.exercise(
    "best_map",
    cases=_doubt_cases,
    solution=_best,
    returns=("the cheapest map",),
    praise="The mean target: under doubt squared error asks for a low and wide map.",
)


@best_map.wrong(
    "You forget how often each target was seen. One that came twice as often costs "
    "twice as much where the map misses it: weight it with `seen`."
)
def plain_mean(targets, seen):
    return targets.mean(0)


@best_map.wrong(
    "You add the weighted targets and do not divide. With 3 sightings the map would "
    "be three times as high as any target; divide by the sum of `seen`."
)
def not_divided(targets, seen):
    return _weighted_sum(targets, seen)


@best_map.wrong(
    "You divide by the number of different targets. The weights are the sightings: "
    "divide by `seen.sum()`."
)
def divided_by_kinds(targets, seen):
    return _weighted_sum(targets, seen) / len(targets)


@best_map.wrong(
    "You take the target that was seen most often. Where another one was right this "
    "map pays twice, for its own bump and for the one that is missing; try its cost "
    "beside that of the mean."
)
def most_frequent(targets, seen):
    return targets[seen.argmax()]


@best_map.wrong(
    "You merge the targets by their maximum. That is how *people* in one picture are "
    "merged; here each picture has one joint, and a map with all bumps at full height "
    "is wrong in all places but one."
)
def maximum(targets, seen):
    return targets[seen > 0].amax(0)


@best_map.wrong(
    "You make the map sum to 1. Cross-entropy asks for that shape; squared error "
    "compares heights, so leave the mean as it is."
)
def sums_to_one(targets, seen):
    best = _best(targets, seen)
    return best / best.sum()


@best_map.wrong(
    "You scale the map to a peak of 1. Under doubt squared error asks for a *low* map: "
    "a full height in a place that is often empty costs more."
)
def peak_of_one(targets, seen):
    best = _best(targets, seen)
    return best / best.max()


@best_map.wrong(
    "You weight with the square of `seen`. The error is squared, not the number of "
    "times that it is made."
)
def squared_weights(targets, seen):
    return _best(targets, seen**2)
