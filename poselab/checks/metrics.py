"""Exercises of notebook 16 about one joint: the ring that a part in OKS allows.

That about a whole set (a results file) is in `poselab.checks.metrics_sets`, that about
video in `poselab.checks.metrics_time`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.skeleton import COCO_17

chapter = Chapter("metrics", "16_metrics")

# --- 1. the ring ---------------------------------------------------------------------

SIGMAS = torch.tensor(COCO_17.sigmas)


def _ring_cases() -> list[Case]:
    few = torch.tensor([0.026, 0.079, 0.107])
    return [
        Case("two people, half a part", torch.tensor([900.0, 12000.0]), SIGMAS, 0.5),
        Case("one person, a small part", torch.tensor([1600.0]), SIGMAS, 0.1),
        Case("three joints", torch.tensor([400.0, 2500.0]), few, 0.8),
        Case("a part of 1 leaves no room", torch.tensor([2500.0]), few, 1.0),
        Case("nobody", torch.zeros(0), few, 0.5),
    ]


def _ring(area: Tensor, sigmas: Tensor, part: float) -> Tensor:
    return area.sqrt()[:, None] * 2 * sigmas * math.sqrt(-2 * math.log(part))


ring = chapter.exercise(
    "ring",
    cases=_ring_cases,
    solution=_ring,
    returns=("the radii",),
    praise="s k, times the root of -2 ln(part): the Gaussian turned round.",
)


@ring.wrong(
    "You take COCO's sigma for k. k = 2 sigma: COCO's list holds the standard "
    "deviations of the annotators, and the rings are twice as wide."
)
def sigma_for_k(area, sigmas, part):
    return _ring(area, sigmas, part) / 2


@ring.wrong(
    "You take the area for s. s^2 is the area, so s is its root: a radius in px cannot "
    "grow with px^2."
)
def area_for_side(area, sigmas, part):
    return _ring(area.square(), sigmas, part)


@ring.wrong(
    "The 2 in front of s^2 k^2 got lost on the way: d^2 = -2 s^2 k^2 ln(part). (The "
    "other 2 is in k.)"
)
def one_two_forgotten(area, sigmas, part):
    return _ring(area, sigmas, part) / math.sqrt(2)


@ring.wrong(
    "That is d^2. The radius is its root: the square of the distance stands in the "
    "exponent."
)
def root_forgotten(area, sigmas, part):
    return _ring(area, sigmas, part) ** 2


@ring.wrong(
    "The logarithm of a number below 1 is negative, and its root is nan: the minus in "
    "front of d^2 belongs to it, d^2 = -2 s^2 k^2 ln(part)."
)
def sign_forgotten(area, sigmas, part):
    reach = area.sqrt()[:, None] * 2 * sigmas
    return reach * (2 * torch.log(torch.tensor(part))).sqrt()


@ring.wrong(
    "You took the logarithm to base 10. The part is a power of e, so it is the natural "
    "logarithm, `torch.log` or `math.log`."
)
def base_ten(area, sigmas, part):
    return _ring(area, sigmas, part) / math.sqrt(math.log(10))


@ring.wrong(
    "k has lost its square root: in the formula it stands as k^2, so out of the root "
    "comes k, as s comes out of s^2."
)
def root_of_k(area, sigmas, part):
    k = 2 * sigmas
    return _ring(area, sigmas, part) / k.sqrt()


@ring.wrong(
    "That is the whole width of the ring. How far off a joint may be is half of it, "
    "the radius."
)
def diameter(area, sigmas, part):
    return 2 * _ring(area, sigmas, part)


@ring.wrong(
    "You take 1 - part: a large part should mean a small ring, and it does so by "
    "itself, since -ln(part) falls."
)
def rest_for_part(area, sigmas, part):
    rest = torch.log(torch.tensor(1 - part))
    return area.sqrt()[:, None] * 2 * sigmas * (-2 * rest).sqrt()


@ring.wrong(
    "People and joints have changed places: the rows are people, the columns joints "
    "(`area[:, None]` against `sigmas`)."
)
def joints_in_rows(area, sigmas, part):
    return _ring(area, sigmas, part).T
