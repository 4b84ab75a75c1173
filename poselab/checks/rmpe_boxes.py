"""Exercise of notebook 09: how wrong a detector's boxes are (Fang et al. 2017,
1612.00137, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import signed, uniform
from poselab.checks.rmpe import chapter


def _offset_cases() -> list[Case]:
    def boxes(seed: int, count: int) -> Tensor:
        corner = uniform(seed, count, 2, high=80.0)
        return torch.cat([corner, uniform(seed + 1, count, 2, low=20, high=90)], 1)

    true, wrong = boxes(40, 9), signed(42, 9, 4)
    found = true + torch.tensor([4.0, 3.0, 9.0, 12.0]) * wrong
    one = torch.tensor([[10.0, 20.0, 40.0, 80.0]])
    less = torch.tensor([[14.0, 20.0, 32.0, 88.0]])
    return [
        Case("nine boxes", found, true),
        Case("narrower and longer, twice", less.repeat(2, 1), one.repeat(2, 1)),
        Case("all exact", true, true.clone()),
        Case("two boxes", found[:2], true[:2]),
    ]


def _edges(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def _offsets(found: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    offset = (_edges(found) - _edges(true)) / true[:, 2:].repeat(1, 2)
    return offset.mean(0), offset.std(0)


offsets = chapter.exercise(
    "offsets",
    cases=_offset_cases,
    solution=_offsets,
    returns=("the means", "the spreads"),
    praise="Eight numbers of a detector, from which any number of training boxes come.",
)


@offsets.wrong(
    "You compare x, y, width and height. A width that is wrong says nothing about "
    "which edge is; the four edges are wanted: left, top, right, bottom."
)
def sides_compared(found, true):
    offset = (found - true) / true[:, 2:].repeat(1, 2)
    return offset.mean(0), offset.std(0)


@offsets.wrong(
    "You divide by the sides of the found box. The share is one of the true box: only "
    "that one is known when a wrong box is drawn for it."
)
def shares_of_found(found, true):
    offset = (_edges(found) - _edges(true)) / found[:, 2:].repeat(1, 2)
    return offset.mean(0), offset.std(0)


@offsets.wrong("Still in pixels: divide by the true width and height, box by box.")
def in_px(found, true):
    offset = _edges(found) - _edges(true)
    return offset.mean(0), offset.std(0)


@offsets.wrong(
    "The sign is turned: an offset leads from the true edge to the found one."
)
def turned(found, true):
    means, spreads = _offsets(found, true)
    return -means, spreads


@offsets.wrong(
    "You divide everything by the width. The upper and the lower edge belong to the "
    "height."
)
def width_only(found, true):
    offset = (_edges(found) - _edges(true)) / true[:, 2:3]
    return offset.mean(0), offset.std(0)


@offsets.wrong(
    "You divide by the mean size of all boxes. Then a large person counts more than a "
    "small one: each offset is a share of its own box."
)
def mean_size(found, true):
    offset = (_edges(found) - _edges(true)) / true[:, 2:].mean(0).repeat(2)
    return offset.mean(0), offset.std(0)


@offsets.wrong(
    "That is the variance. The spread is its root, in the same unit as the mean."
)
def variance(found, true):
    means, spreads = _offsets(found, true)
    return means, spreads.square()


@offsets.wrong(
    "Your spread divides by N. `std` of torch divides by N - 1; so do we (write "
    "`std(0)`, or give numpy's `ddof=1`)."
)
def divided_by_n(found, true):
    offset = (_edges(found) - _edges(true)) / true[:, 2:].repeat(1, 2)
    return offset.mean(0), offset.std(0, unbiased=False)


@offsets.wrong(
    "You take the absolute value of each offset. Whether an edge is too far in or out "
    "is what the mean is to show: keep the sign."
)
def sign_dropped(found, true):
    offset = (_edges(found) - _edges(true)) / true[:, 2:].repeat(1, 2)
    return offset.abs().mean(0), offset.abs().std(0)


@offsets.wrong(
    "The order of the edges is left, top, right, bottom; yours is left, right, top, "
    "bottom."
)
def sides_by_axis(found, true):
    means, spreads = _offsets(found, true)
    return means[[0, 2, 1, 3]], spreads[[0, 2, 1, 3]]
