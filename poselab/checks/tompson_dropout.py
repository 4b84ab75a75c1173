"""An exercise of notebook 03: dropout that takes whole channels, by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import signed, uniform
from poselab.checks.tompson import chapter


def _channel_cases() -> list[Case]:
    border = torch.tensor([[0.25, 0.2499, 0.9]])
    return [
        Case(
            "two pictures, four channels",
            signed(41, 2, 4, 3, 5),
            uniform(42, 2, 4),
            0.5,
        ),
        Case("a number equal to p is kept", signed(43, 1, 3, 2, 2), border, 0.25),
        Case("p = 0 drops nothing", signed(44, 3, 2, 4, 4), uniform(45, 3, 2), 0.0),
        Case(
            "one picture, one channel",
            signed(46, 1, 1, 3, 3),
            torch.tensor([[0.7]]),
            0.3,
        ),
        Case("no picture", torch.zeros(0, 3, 4, 4), torch.zeros(0, 3), 0.5),
    ]


def _channels(x: Tensor, u: Tensor, p: float) -> Tensor:
    kept = (u >= p)[..., None, None]  # [B, C, 1, 1]
    return x * kept / (1 - p)


channels = chapter.exercise(
    "channels",
    cases=_channel_cases,
    solution=_channels,
    returns=("the features",),
    praise="Whole channels go, and the mean of what the next layer gets stays.",
)


@channels.wrong(
    "The survivors keep their size, so the next layer gets less in training than "
    "later, when nothing is dropped. Divide them by 1 - p."
)
def not_scaled(x, u, p):
    return x * (u >= p)[..., None, None]


@channels.wrong(
    "You multiply the survivors by 1 - p. Fewer channels arrive, so those that do have "
    "to count for more: divide by 1 - p."
)
def scaled_down(x, u, p):
    return x * (u >= p)[..., None, None] * (1 - p)


@channels.wrong(
    "You keep what should go and drop what should stay: p is the share that is "
    "dropped, so a channel stays where u >= p."
)
def kept_the_wrong_ones(x, u, p):
    return x * (u < p)[..., None, None] / (1 - p)


@channels.wrong(
    "You drop the same channels of every picture, those of the first one. Each picture "
    "has numbers of its own, u[b, c]."
)
def same_for_all_pictures(x, u, p):
    return x * (u[:1] >= p)[..., None, None] / (1 - p)


@channels.wrong(
    "You divide by p, the share that is dropped. The share that stays is 1 - p. (For "
    "p = 0.5 it makes no difference.)"
)
def divided_by_p(x, u, p):
    return x * (u >= p)[..., None, None] / p


@channels.wrong(
    "A channel whose number is exactly p is dropped by `u > p`. The task keeps it: "
    "u >= p."
)
def equal_is_dropped(x, u, p):
    return x * (u > p)[..., None, None] / (1 - p)


@channels.wrong(
    "You multiply the features by the numbers u themselves. They only decide who "
    "stays: compare them with p."
)
def multiplied_by_u(x, u, p):
    return x * u[..., None, None]
