"""Exercise of notebook 15 about one person's volume: the soft-argmax (Moon, Chang & Lee
2019, 1907.11346)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed

chapter = Chapter("mppe3d", "15_3dmppe")


def _volume_cases() -> list[Case]:
    return [
        Case("two joints, 4 x 5 x 6 cells", 3 * signed(1, 1, 2, 4, 5, 6)),
        Case("a batch, high peaks", 20 * signed(2, 3, 2, 3, 4, 5)),
        Case("equal logits (the middle)", torch.zeros(1, 1, 2, 3, 4)),
        Case("logits of hundreds", 300 * signed(4, 1, 3, 4, 3, 2)),
    ]


def _share(logits: Tensor) -> Tensor:
    return logits.flatten(2).softmax(-1).unflatten(2, logits.shape[2:])


def _means(share: Tensor, order: str = "xyz") -> Tensor:
    """The mean x, y and z of shares [B, J, D, h, w]; [B, J, 3]."""
    axes = {"x": (2, 3), "y": (2, 4), "z": (3, 4)}
    means = []
    for name in order:
        along = share.sum(axes[name])
        means.append((along * torch.arange(along.shape[-1])).sum(-1))
    return torch.stack(means, -1)


def _soft(logits: Tensor) -> Tensor:
    return _means(_share(logits))


soft_argmax = chapter.exercise(
    "soft_argmax",
    cases=_volume_cases,
    solution=_soft,
    returns=("the cells",),
    gradient=(0,),
    praise="One softmax over a joint's whole volume, then three means.",
)


@soft_argmax.wrong(
    "The order is z, y, x, as the axes lie in memory. Asked for is x, y, z."
)
def axes_in_order(logits):
    return _means(_share(logits), "zyx")


@soft_argmax.wrong(
    "You take the softmax over depth only, so every pixel has a share of 1 and x and y "
    "come out as the middle. One softmax over all D h w cells of a joint."
)
def softmax_of_depth(logits):
    share = logits.softmax(2) / (logits.shape[3] * logits.shape[4])
    return _means(share)


@soft_argmax.wrong(
    "You take the softmax over the joints as well: they compete, and their shares add "
    "up to 1 together. Each joint has a volume of its own."
)
def over_joints(logits):
    share = logits.flatten(1).softmax(-1).unflatten(1, logits.shape[1:])
    return _means(share)


@soft_argmax.wrong(
    "That is the argmax: whole cells, and no gradient. The soft-argmax is the *mean* "
    "cell under the softmax."
)
def hard_argmax(logits):
    best = logits.flatten(2).argmax(-1)
    _, _, _, h, w = logits.shape
    cells = torch.stack([best % w, best // w % h, best // (h * w)], -1)
    return cells.float() + 0 * logits.flatten(2).sum(-1, keepdim=True)


@soft_argmax.wrong(
    "The softmax is missing: you weight the cells with the logits divided by their "
    "sum, which can be negative or 0."
)
def no_softmax(logits):
    return _means(logits / logits.sum((2, 3, 4), keepdim=True))


@soft_argmax.wrong(
    "exp without the softmax's safety: with logits of hundreds exp overflows, and the "
    "answer is nan. `softmax` subtracts the largest logit first."
)
def overflow(logits):
    weight = logits.exp()
    return _means(weight / weight.sum((2, 3, 4), keepdim=True))


@soft_argmax.wrong(
    "You count cells from 1. The first cell is 0, as the first pixel is."
)
def from_one(logits):
    return _soft(logits) + 1


@soft_argmax.wrong(
    "You take the softmax over a row of cells and not over the whole volume. Flatten "
    "first, then softmax: the shares of *all* cells add up to 1."
)
def softmax_of_rows(logits):
    return _means(logits.softmax(-1))


@soft_argmax.wrong(
    "exp without dividing by its sum: the shares of a joint have to add up to 1. Take "
    "`softmax`."
)
def not_divided(logits):
    return _means(logits.exp())


@soft_argmax.wrong(
    "Your coordinates are in another order than the cells. `flatten(2)` counts x "
    'fastest and z slowest: make z, y, x in this order (`indexing="ij"`), then '
    "stack them as (x, y, z)."
)
def cells_in_another_order(logits):
    sides = [torch.arange(n) for n in reversed(logits.shape[2:])]
    where = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1)
    return logits.flatten(2).softmax(-1) @ where.flatten(0, 2).float()


@soft_argmax.wrong(
    "You weight the cells with the logits themselves. Shares are positive and add up "
    "to 1: `softmax` makes them."
)
def raw_logits(logits):
    return _means(logits)


@soft_argmax.wrong(
    "Your softmax goes over dimension 1, the joints: of each cell they share 1 among "
    "them. It has to go over the cells of one joint, the last dimension after "
    "`flatten(2)`."
)
def joints_share_a_cell(logits):
    return _means(logits.softmax(1))


@soft_argmax.wrong(
    "Your softmax goes over dimension 2, the depth: each pixel's shares add up to 1, a "
    "joint's to h w. Flatten first: one softmax over all cells of a joint."
)
def depths_of_every_pixel(logits):
    return _means(logits.softmax(2))
