"""The exercise of notebook 08 about HRNet: an exchange between resolutions (Sun et al.
2019, 1902.09212, section 3), with pooling and repetition in place of learned layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.checks.base import Case, Chapter

chapter = Chapter("hrnet", "08_cpn_hrnet")


def _branches(seed: int, batch: int, channels: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(batch, channels, 16 >> i, 8 >> i, generator=generator)
        for i in range(3)
    ]


def _exchange_cases() -> list[Case]:
    spots = [torch.zeros(1, 1, 8 >> i, 8 >> i) for i in range(3)]
    spots[0][..., 0, 0] = 16.0
    spots[2][..., 1, 1] = 1.0
    return [
        Case("one bright cell in the finest and one in the coarsest branch", spots),
        Case("16x8, 8x4 and 4x2 cells", _branches(1, 1, 2)),
        Case("two images, 3 channels", _branches(2, 2, 3)),
    ]


def _wide(x: Tensor, times: int) -> Tensor:
    return x.repeat_interleave(times, -2).repeat_interleave(times, -1)


def _moved(x: Tensor, start: int, end: int) -> Tensor:
    """A map of branch `start` at the resolution of branch `end`."""
    if start < end:
        return F.avg_pool2d(x, 2 ** (end - start))
    return _wide(x, 2 ** (start - end))


def _exchange(branches: list[Tensor]) -> list[Tensor]:
    count = range(len(branches))
    return [sum(_moved(branches[j], j, i) for j in count).relu() for i in count]


exchange = chapter.exercise(
    "exchange",
    cases=_exchange_cases,
    solution=_exchange,
    returns=("the fine branch", "the middle branch", "the coarse branch"),
    praise="Every branch has the features of all, none has lost its resolution.",
)


@exchange.wrong(
    "Only the finest branch hears the others. All of them do: the coarse ones need the "
    "detail for the next exchange."
)
def finest_only(branches):
    return [_exchange(branches)[0], *(x.relu() for x in branches[1:])]


@exchange.wrong(
    "Each branch hears its neighbours only. An exchange joins all with all, however "
    "far apart they are."
)
def neighbours(branches):
    n = len(branches)
    near = [[j for j in range(n) if abs(i - j) <= 1] for i in range(n)]
    return [sum(_moved(branches[j], j, i) for j in near[i]).relu() for i in range(n)]


@exchange.wrong(
    "A branch forgets itself: what it had is added to what it hears. (That is the "
    "identity, the shortest way of all.)"
)
def without_itself(branches):
    n = range(len(branches))
    return [sum(_moved(branches[j], j, i) for j in n if j != i).relu() for i in n]


@exchange.wrong("The ReLU after the sum is missing: negative cells remain.")
def no_relu(branches):
    n = range(len(branches))
    return [sum(_moved(branches[j], j, i) for j in n) for i in n]


@exchange.wrong(
    "You apply the ReLU to each part and then add. A branch could only ever argue for, "
    "never against: add first."
)
def relu_first(branches):
    n = range(len(branches))
    return [sum(_moved(branches[j], j, i).relu() for j in n) for i in n]


@exchange.wrong(
    "You average the parts. They are added, as in any residual network; the learned "
    "layers can make them as small as they like."
)
def averaged(branches):
    return [x / len(branches) for x in _exchange(branches)]


@exchange.wrong(
    "You go down by leaving cells out. Then most of what the finer branch knows is "
    "never looked at: average the cells (HRNet learns a convolution of stride 2)."
)
def skipped_cells(branches):
    def moved(x, start, end):
        step = 2 ** max(0, end - start)
        return x[..., ::step, ::step] if start < end else _moved(x, start, end)

    n = range(len(branches))
    return [sum(moved(branches[j], j, i) for j in n).relu() for i in n]


@exchange.wrong(
    "You change the branches one after another, so that later ones hear the new values "
    "of earlier ones. All of them speak at once: read the old list, write a new one."
)
def in_place(branches):
    now = [x.clone() for x in branches]
    n = range(len(now))
    for i in n:
        now[i] = sum(_moved(now[j], j, i) for j in n).relu()
    return now
