"""Exercises of notebook 11: how far tags are apart, and maps of two resolutions
(Newell et al. 2017, 1611.05424, section 3.2; Cheng et al. 2020, 1908.10357, section
3.4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed, uniform

chapter = Chapter("associative_embedding", "11_associative_embedding")


# --- 1. how far tags of several numbers are apart ------------------------------------


def _apart_cases() -> list[Case]:
    return [
        Case("two numbers per tag", 3 * signed(1, 4, 2), 3 * signed(2, 3, 2)),
        Case("three numbers per tag", 2 * signed(3, 2, 3), 2 * signed(4, 5, 3)),
        Case("one number per tag", 3 * signed(5, 3, 1), 3 * signed(6, 2, 1)),
        Case("no peak", signed(7, 0, 2), signed(8, 3, 2)),
        Case("nobody yet", signed(9, 3, 2), signed(10, 0, 2)),
        Case("equal tags", torch.ones(2, 2), torch.ones(1, 2)),
    ]


def _apart(tags, people) -> Tensor:
    return (tags[:, None] - people[None]).square().mean(-1).sqrt()


apart = chapter.exercise(
    "apart",
    cases=_apart_cases,
    solution=_apart,
    returns=("the distances",),
    praise="As the mirrored test needs it: tags are compared number by number.",
)


@apart.wrong(
    "You take the mean of each tag's numbers first. They come from different pictures "
    "(the mirrored one has its own numbers), so their mean says nothing: subtract "
    "number by number."
)
def mean_of_tags_first(tags, people):
    return (tags.mean(-1)[:, None] - people.mean(-1)[None]).abs()


@apart.wrong(
    "You take the root of the *sum*. With more numbers per tag the same people would "
    "be further apart, and the threshold would mean something else: divide by T."
)
def root_of_the_sum(tags, people):
    return (tags[:, None] - people[None]).square().sum(-1).sqrt()


@apart.wrong("The root is missing: this is the mean of squares, not a distance.")
def root_forgotten(tags, people):
    return (tags[:, None] - people[None]).square().mean(-1)


@apart.wrong(
    "You take the mean of the absolute differences. The task asks for the root of the "
    "mean *square*."
)
def mean_of_absolute(tags, people):
    return (tags[:, None] - people[None]).abs().mean(-1)


@apart.wrong(
    "Only the first number of each tag counts for you. The mirrored picture's tags "
    "stand behind it."
)
def first_number_only(tags, people):
    return (tags[:, None, 0] - people[None, :, 0]).abs()


@apart.wrong("Peaks are the rows, people the columns: yours is turned, [P, N].")
def turned(tags, people):
    return _apart(tags, people).T


@apart.wrong(
    "You subtract the root mean squares of the tags. 1 and -1 are equal for you; take "
    "the difference first."
)
def difference_of_lengths(tags, people):
    a, b = (x.square().mean(-1).sqrt() for x in (tags, people))
    return (a[:, None] - b[None]).abs()


@apart.wrong(
    "You divide the root of the sum by T. Asked is the root of the mean square: divide "
    "by T *before* the root."
)
def divided_after_the_root(tags, people):
    return (tags[:, None] - people).norm(dim=-1) / tags.shape[1]


@apart.wrong(
    "You take the largest of the differences. All T tags take part: the root of the "
    "mean square."
)
def largest_difference(tags, people):
    return (tags[:, None] - people).abs().amax(-1)


# --- 2. one answer from two resolutions ----------------------------------------------


def _aggregate_cases() -> list[Case]:
    coarse = torch.zeros(1, 3, 4)
    coarse[0, 1, 2] = 1.0
    return [
        Case("two joints", uniform(1, 2, 5, 6), uniform(2, 2, 10, 12)),
        Case("a single cell", coarse, torch.zeros(1, 6, 8)),
        Case("no joint", uniform(3, 0, 3, 4), uniform(4, 0, 6, 8)),
        Case("a map of one cell", uniform(5, 1, 1, 1), uniform(6, 1, 2, 2)),
    ]


def _grown(coarse: Tensor, **how) -> Tensor:
    h, w = coarse.shape[-2:]
    if not len(coarse):
        return coarse.new_zeros(0, 2 * h, 2 * w)
    return F.interpolate(coarse[None], size=(2 * h, 2 * w), **how)[0]


def _linear(coarse: Tensor) -> Tensor:
    return _grown(coarse, mode="bilinear", align_corners=False)


def _aggregate(coarse, fine) -> Tensor:
    return (_linear(coarse) + fine) / 2


aggregate = chapter.exercise(
    "aggregate",
    cases=_aggregate_cases,
    solution=_aggregate,
    returns=("the heatmaps",),
    praise="Cells are matched by their middles, and both maps count the same.",
)


@aggregate.wrong(
    "You add the two. A peak of two sure maps would be 2, above every score and twice "
    "the threshold: take the mean."
)
def summed(coarse, fine):
    return 2 * _aggregate(coarse, fine)


@aggregate.wrong(
    "You copy each coarse cell four times. Enlarge bilinearly: else all four fine "
    "cells look equally good."
)
def copied_cells(coarse, fine):
    return (_grown(coarse, mode="nearest") + fine) / 2


@aggregate.wrong(
    "You align corners: the middles of the border cells are then taken for the border "
    "of the picture, and the enlarged map is stretched (notebook 02)."
)
def corners_aligned(coarse, fine):
    return (_grown(coarse, mode="bilinear", align_corners=True) + fine) / 2


@aggregate.wrong("This is the fine map alone. The coarse one sees more: use both.")
def fine_alone(coarse, fine):
    return fine.clone()


@aggregate.wrong(
    "This is the enlarged coarse map alone. What HigherHRNet adds is the fine one."
)
def coarse_alone(coarse, fine):
    return _linear(coarse)


@aggregate.wrong(
    "You take the larger of the two values. One sure map is then enough for a peak; "
    "with the mean both are asked."
)
def larger_value(coarse, fine):
    return torch.maximum(_linear(coarse), fine)


@aggregate.wrong(
    "You multiply: one unsure map is then enough to lose a joint. Take the mean."
)
def product(coarse, fine):
    return _linear(coarse) * fine
