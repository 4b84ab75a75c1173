"""Exercises of notebook 01: what a stage's errors look like, and a mirrored answer."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import MUTATES, Case
from poselab.checks.cases import uniform
from poselab.checks.deeppose import chapter
from poselab.skeleton import COCO_17

FLIP = list(COCO_17.flip_index)

# --- 5. mean and spread of a stage's errors ------------------------------------------


def _error_cases() -> list[Case]:
    def people(seed: int, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        truth = uniform(seed, n, 17, 2, low=10, high=120)
        predicted = truth + uniform(seed + 1, n, 17, 2, low=-6, high=9)
        generator = torch.Generator().manual_seed(seed + 2)
        flags = torch.randint(0, 3, (n, 17), generator=generator)
        return predicted, truth, flags, uniform(seed + 3, n, low=15, high=60)

    rare = people(44, 12)
    rare[2][:, 9] = 0  # nobody's left wrist is labelled
    return [
        Case("40 people of different sizes", *people(40, 40)),
        Case("a joint that nobody has labelled", *rare),
        Case("one person", *people(48, 1)),
        Case("nobody", *people(52, 0)),
    ]


def _spread(predicted, truth, visibility, diam, labelled=None, middle=None):
    """The right answer; `labelled` and `middle` are for wrong ones."""
    errors = (predicted - truth) / diam[:, None, None]  # [N, J, 2]
    labelled = visibility > 0 if labelled is None else labelled
    weight = labelled.to(errors)[..., None]
    count = weight.sum(0).clamp(min=1)
    mean = (errors * weight).sum(0) / count
    middle = mean if middle is None else middle
    variance = ((errors - middle).square() * weight).sum(0) / count
    return mean, variance.sqrt()


spread = chapter.exercise(
    "spread",
    cases=_error_cases,
    solution=lambda predicted, truth, visibility, diam: _spread(
        predicted, truth, visibility, diam
    ),
    returns=("the mean", "the spread"),
    praise="Two numbers per joint and axis: all that stage 2 has to know of stage 1.",
)


@spread.wrong(
    "Unlabelled joints are in your statistics. Their true place is unknown, so their "
    "error is no error; leave them out of sums and counts."
)
def mask_forgotten_in_spread(predicted, truth, visibility, diam):
    return _spread(predicted, truth, visibility, diam, torch.ones_like(visibility) > 0)


@spread.wrong(
    "Your errors are in pixels. Divide each person's errors by that person's diam, or "
    "large people decide alone (`diam[:, None, None]`)."
)
def in_pixels(predicted, truth, visibility, diam):
    return _spread(predicted, truth, visibility, torch.ones_like(diam))


@spread.wrong(
    "Your mean has the other sign: the error is the prediction minus the truth. (For "
    "the target of stage 2, which is the way back, the sign turns; not here.)"
)
def way_back(predicted, truth, visibility, diam):
    return _spread(truth, predicted, visibility, diam)


@spread.wrong(
    "Your second result is the variance. The spread (standard deviation) is its root."
)
def variance_for_spread(predicted, truth, visibility, diam):
    mean, deviation = _spread(predicted, truth, visibility, diam)
    return mean, deviation.square()


@spread.wrong(
    "You divide by the count less one, as torch's `std` does by itself. The mean of "
    "the squares is asked for: `std(0, unbiased=False)`."
)
def count_less_one(predicted, truth, visibility, diam):
    mean, deviation = _spread(predicted, truth, visibility, diam)
    count = (visibility > 0).sum(0)[:, None].to(deviation)  # [J, 1]
    return mean, deviation * (count / (count - 1).clamp(min=1)).sqrt()


@spread.wrong(
    "You measure the spread around 0, so a constant offset counts as spread. Subtract "
    "the mean of the joint first."
)
def around_zero(predicted, truth, visibility, diam):
    zero = torch.zeros(())
    return _spread(predicted, truth, visibility, diam, middle=zero)


@spread.wrong(
    "You use visible joints (v = 2) only. Hidden joints are labelled: their errors are "
    "known, and they are the large ones."
)
def visible_in_spread(predicted, truth, visibility, diam):
    return _spread(predicted, truth, visibility, diam, visibility == 2)


@spread.wrong(
    "You use v itself as a weight, so a visible joint counts twice as much as a hidden "
    "one. The mask is v > 0."
)
def flags_as_weights(predicted, truth, visibility, diam):
    return _spread(predicted, truth, visibility, diam, visibility)


@spread.wrong(
    "You divide sums over labelled joints by all people: where a joint is often not "
    "labelled, its errors come out too small. Divide by how often it is labelled."
)
def divided_by_everybody(predicted, truth, visibility, diam):
    errors = (predicted - truth) / diam[:, None, None]
    weight, people = (visibility > 0).to(errors)[..., None], max(1, len(errors))
    mean = (errors * weight).sum(0) / people
    return mean, (((errors - mean).square() * weight).sum(0) / people).sqrt()


# --- 6. the answer for a mirrored picture --------------------------------------------


def _mirror_cases() -> list[Case]:
    return [
        Case("three people", uniform(60, 3, 17, 2, low=-0.5, high=0.5)),
        Case("one person in the middle", torch.zeros(1, 17, 2)),
        Case("nobody", torch.zeros(0, 17, 2)),
    ]


def _mirror(values: Tensor) -> Tensor:
    return values[:, FLIP] * values.new_tensor([-1.0, 1.0])


mirror = chapter.exercise(
    "flip",
    cases=_mirror_cases,
    solution=_mirror,
    returns=("the joints",),
    praise="Measured from the centre, a mirror is a change of sign, and of sides.",
)


@mirror.wrong(
    "1 - x is for coordinates from 0 to 1. Measured from the centre, the left edge is "
    "-0.5 and the right edge 0.5: a mirror changes the sign of x."
)
def for_corner_coordinates(values):
    x, y = values[:, FLIP].unbind(-1)
    return torch.stack([1 - x, y], -1)


@mirror.wrong(
    "Left and right are not swapped: in the mirror the left wrist looks like a right "
    "one, and the network names it so. Use `COCO_17.flip_index`."
)
def sides_kept(values):
    return values * values.new_tensor([-1.0, 1.0])


@mirror.wrong("You swap the sides, but no x changes its sign.")
def only_sides(values):
    return values[:, FLIP]


@mirror.wrong("You change the sign of y, which turns people upside down; x is first.")
def upside_down(values):
    return values[:, FLIP] * values.new_tensor([1.0, -1.0])


@mirror.wrong("You change both signs: that is half a turn. A mirror changes x only.")
def half_a_turn(values):
    return -values[:, FLIP]


@mirror.wrong(
    "You reverse the order of all joints, so that the nose becomes an ankle. Only "
    "partners swap (`COCO_17.flip_index`)."
)
def joints_reversed(values):
    return values.flip(1) * values.new_tensor([-1.0, 1.0])


@mirror.wrong(MUTATES)
def mirrored_in_place(values):
    values[..., 0] *= -1
    return values[:, FLIP]
