"""An exercise of notebook 04: how many stages until a cell sees the whole person."""

from __future__ import annotations

import math

from poselab.checks.base import Case
from poselab.checks.cpm import chapter

WIDE = [7, 7]  # what a later stage of our small machine looks through


def _enough_cases() -> list[Case]:
    return [
        Case("our machine and a whole picture", 45, 4, WIDE, 128),
        Case("the paper's machine and its picture", 160, 8, [11, 11, 11], 368),
        Case("a person as large as stage 1's window", 45, 4, WIDE, 45),
        Case("one pixel more", 45, 4, WIDE, 46),
        Case("a person as large as stage 2's window", 45, 4, WIDE, 93),
        Case("two unlike kernels", 26, 2, [9, 3], 301),
        Case("a person much smaller than the window", 160, 2, [3], 20),
    ]


def _growth(stride: int, kernels: list[int]) -> int:
    """How many pixels each later stage adds to the window."""
    return stride * sum(k - 1 for k in kernels)


def _enough(first: int, stride: int, kernels: list[int], person: int) -> int:
    return 1 + max(0, math.ceil((person - first) / _growth(stride, kernels)))


enough = chapter.exercise(
    "enough",
    cases=_enough_cases,
    solution=_enough,
    returns=("the number of stages",),
    whole=True,
    praise="The window grows by the same number of pixels at every later stage.",
)


@enough.wrong(
    "You add cells as if they were pixels. A kernel of k on the maps reaches k - 1 "
    "cells further, and each cell is `stride` pixels from the next."
)
def stride_forgotten_in_enough(first, stride, kernels, person):
    return _enough(first, 1, kernels, person)


@enough.wrong(
    "You count the later stages only. Stage 1 is a stage, too: if its own window is "
    "wide enough the answer is 1, not 0."
)
def without_stage_1(first, stride, kernels, person):
    return _enough(first, stride, kernels, person) - 1


@enough.wrong(
    "You take k cells per kernel. A kernel of k cells reaches over k - 1 steps, as in "
    "the formula r + (k - 1) j."
)
def whole_kernels(first, stride, kernels, person):
    return _enough(first, stride, [k + 1 for k in kernels], person)


@enough.wrong(
    "You round down, so the last stage is one too early: its window is still smaller "
    "than the person. Round up."
)
def rounded_down(first, stride, kernels, person):
    return 1 + max(0, (person - first) // _growth(stride, kernels))


@enough.wrong(
    "You go on while the window is *as large as* the person. That is wide enough: "
    "stop at window >= person."
)
def one_pixel_too_strict(first, stride, kernels, person):
    return _enough(first, stride, kernels, person + 1)


@enough.wrong(
    "You count one kernel of each stage. A stage looks through all of them, one after "
    "the other, and their reaches add up."
)
def one_kernel_only(first, stride, kernels, person):
    return _enough(first, stride, kernels[:1], person)


@enough.wrong(
    "You start from a window of one pixel, as if the later stages looked at the "
    "picture. They look at maps whose cells have seen `first` pixels already."
)
def first_window_forgotten(first, stride, kernels, person):
    return _enough(1, stride, kernels, person)
