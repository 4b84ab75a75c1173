"""Exercises of notebook 03: the price of a pyramid, and a prior read the other way."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.tompson import chapter

# --- 6. the price of a pyramid -------------------------------------------------------


def _price_cases() -> list[Case]:
    return [
        Case("three levels, as ours", 45, 48.0, 3),
        Case("one level", 45, 48.0, 1),
        Case("two levels, as the first paper", 64, 1024.0, 2),
        Case("five levels", 33, 10.0, 5),
    ]


def _price(window: int, cost: float, levels: int) -> tuple[float, float]:
    return window * 2.0 ** (levels - 1), sum(cost / 4**i for i in range(levels))


price = chapter.exercise(
    "price",
    cases=_price_cases,
    solution=_price,
    returns=("the widest window", "the cost"),
    praise="The window doubles with each level, the price never exceeds 4/3.",
)


@price.wrong(
    "You halve the cost from level to level. Half as wide *and* half as high: a "
    "quarter of the cells, so a quarter of the cost."
)
def halved(window, cost, levels):
    return _price(window, cost, levels)[0], sum(cost / 2**i for i in range(levels))


@price.wrong(
    "You count a level too many: the first level is the full picture, which is shrunk "
    "0 times. With one level nothing changes."
)
def one_level_more(window, cost, levels):
    return _price(window, cost, levels + 1)


@price.wrong(
    "You add the windows of all levels. The levels look at the same place, one window "
    "inside the other: the widest counts."
)
def windows_added(window, cost, levels):
    wide = sum(window * 2.0**i for i in range(levels))
    return wide, _price(window, cost, levels)[1]


@price.wrong(
    "You let the window grow by the same number of pixels each time. The picture is "
    "halved each time, so the window doubles."
)
def grows_evenly(window, cost, levels):
    return float(window * levels), _price(window, cost, levels)[1]


@price.wrong(
    "You give the cost of the coarsest level alone. All levels are computed: add them."
)
def last_level_only(window, cost, levels):
    return _price(window, cost, levels)[0], cost / 4 ** (levels - 1)


@price.wrong(
    "You pay the full price for every level. A level that sees a picture shrunk by 2 "
    "has a quarter of the cells to compute."
)
def full_price(window, cost, levels):
    return _price(window, cost, levels)[0], float(cost * levels)


@price.wrong(
    "You let the window grow four times per level. The *area* does; `window` is the "
    "side of the square."
)
def area_for_side(window, cost, levels):
    return window * 4.0 ** (levels - 1), _price(window, cost, levels)[1]


@price.wrong(
    "Your cost is that of levels without end, 4 / 3. Add up the levels that there are."
)
def without_end(window, cost, levels):
    return window * 2 ** (levels - 1), cost * 4 / 3


@price.wrong(
    "One doubling too many: level 0 sees `window` px, so the coarsest of `levels` "
    "levels was halved levels - 1 times."
)
def one_doubling_more(window, cost, levels):
    return window * 2**levels, _price(window, cost, levels)[1]


@price.wrong(
    "You cut decimals with `//`. The cost is a fraction of level 0's; use `/`."
)
def whole_numbers(window, cost, levels):
    return window * 2 ** (levels - 1), sum(cost // 4**i for i in range(levels))


# --- 7. the other way round ----------------------------------------------------------


def _reverse_cases() -> list[Case]:
    alone = torch.zeros(5, 7)
    alone[0, 5] = 1.0  # two rows up and two columns to the right
    return [
        Case("maps of 4x5 cells", _prior(80, 7, 9)),
        Case("one displacement, up and to the right", alone),
        Case("a single row", _prior(81, 1, 5)),
        Case("maps of one cell", torch.ones(1, 1)),
    ]


def _prior(seed: int, *shape: int) -> Tensor:
    counts = uniform(seed, *shape)
    return counts / counts.sum()


def _reverse(prior: Tensor) -> Tensor:
    return prior.flip(0, 1)


reverse_prior = chapter.exercise(
    "reverse",
    cases=_reverse_cases,
    solution=_reverse,
    returns=("the prior",),
    praise="Every displacement changes its sign: rows and columns turn round.",
)


@reverse_prior.wrong(
    "You exchange rows and columns. They stay what they are; only their *signs* "
    "change: what was two rows above is now two rows below."
)
def transposed(prior):
    return prior.T


@reverse_prior.wrong(
    "You turn the columns alone: left becomes right, but above stays above. If the "
    "elbow is below the shoulder, the shoulder is above the elbow."
)
def columns_only(prior):
    return prior.flip(1)


@reverse_prior.wrong(
    "You turn the rows alone: above becomes below, but left stays left. The horizontal "
    "displacement changes its sign, too."
)
def rows_only(prior):
    return prior.flip(0)


@reverse_prior.wrong(
    "You return the prior as it is. Seen from the other joint every displacement "
    "points the other way."
)
def as_it_is(prior):
    return prior.clone()


@reverse_prior.wrong(
    "You take 1 - prior. The opposite of a *displacement* is asked for, not the "
    "opposite of its frequency."
)
def one_minus(prior):
    return 1 - prior


@reverse_prior.wrong(
    "You put a minus before the frequencies. It is the displacements, the places in "
    "the table, that change their signs."
)
def minus_the_frequency(prior):
    return -prior


@reverse_prior.wrong(
    "You turn the table by a quarter. Half a turn gives every displacement its "
    "opposite: `torch.rot90(prior, 2)`, or a flip of both axes."
)
def quarter_turn(prior):
    return torch.rot90(prior, 1)
