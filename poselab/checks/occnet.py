"""The exercise of notebook 09 about OccNet (Golda et al. 2019, 1907.06922): the
stricter of the two losses in the authors' code, `occluded_hard_loss`."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import bumps, signed

chapter = Chapter("occnet", "09_rmpe_occnet")


def _loss_cases() -> list[Case]:
    def heads(seed: int, batch: int, joints: int) -> tuple[Tensor, Tensor]:
        shape = (batch, joints, 8, 6)
        return 0.5 * signed(seed, *shape), 0.5 * signed(seed + 1, *shape)

    def targets(seed: int, batch: int, joints: int) -> Tensor:
        return bumps(seed, batch, joints, size=(8, 6))

    mixed = torch.tensor([[2, 1, 0, 2], [1, 1, 2, 0]])
    uneven = torch.tensor([[2, 1, 1, 2], [0, 0, 2, 0]])
    nobody, seen = torch.zeros(1, 3).long(), torch.full((1, 3), 2)
    return [
        Case("two people", *heads(1, 2, 4), targets(3, 2, 4), mixed),
        Case("three labels and one", *heads(17, 2, 4), targets(19, 2, 4), uneven),
        Case("all visible", *heads(5, 1, 3), targets(7, 1, 3), seen),
        Case("all hidden", *heads(9, 1, 3), targets(11, 1, 3), seen - 1),
        Case("nothing labelled", *heads(13, 1, 3), targets(15, 1, 3), nobody),
    ]


def _part(head: Tensor, targets: Tensor, visibility: Tensor, flag: int) -> Tensor:
    goal = targets * (visibility == flag)[..., None, None]
    each = (head - goal).square().mean((2, 3)) * (visibility > 0)  # [B, J]
    return each.sum() / (visibility > 0).sum().clamp(min=1)


def _loss(
    visible: Tensor, hidden: Tensor, targets: Tensor, visibility: Tensor
) -> Tensor:
    return _part(visible, targets, visibility, 2) + 1.5 * _part(
        hidden, targets, visibility, 1
    )


loss = chapter.exercise(
    "loss",
    cases=_loss_cases,
    solution=_loss,
    returns=("the loss",),
    gradient=(0, 1),
    praise="Each head also learns where to stay empty: the stricter of the two losses.",
)


@loss.wrong(
    "You leave the other head's joints out. That is the looser loss of the authors' "
    "code; in the stricter one a head learns an empty map for them."
)
def left_out(visible, hidden, targets, visibility):
    def part(head, flag):
        own = (visibility == flag)[..., None, None]
        each = ((head - targets).square() * own).mean((2, 3))
        return each.sum() / (visibility > 0).sum().clamp(min=1)

    return part(visible, 2) + 1.5 * part(hidden, 1)


@loss.wrong(
    "Unlabelled joints (v = 0) are taught as empty maps. Nobody knows where they are, "
    "so they have no weight in either head."
)
def unlabelled_empty(visible, hidden, targets, visibility):
    def part(head, flag):
        return (head - targets * (visibility == flag)[..., None, None]).square().mean()

    return part(visible, 2) + 1.5 * part(hidden, 1)


@loss.wrong("The flags have changed places: v = 2 is visible, v = 1 is hidden.")
def flags_swapped(visible, hidden, targets, visibility):
    return _part(visible, targets, visibility, 1) + 1.5 * _part(
        hidden, targets, visibility, 2
    )


@loss.wrong("Both heads count the same: the hidden one's part is taken 1.5 times.")
def same_weight(visible, hidden, targets, visibility):
    return _part(visible, targets, visibility, 2) + _part(
        hidden, targets, visibility, 1
    )


@loss.wrong("The factor 1.5 belongs to the hidden head, which has fewer joints.")
def wrong_head(visible, hidden, targets, visibility):
    return 1.5 * _part(visible, targets, visibility, 2) + _part(
        hidden, targets, visibility, 1
    )


@loss.wrong(
    "Both heads learn all labelled joints. That is two networks with one answer; each "
    "joint belongs to the head that its flag names."
)
def both_learn_all(visible, hidden, targets, visibility):
    def part(head):
        each = (head - targets).square().mean((2, 3)) * (visibility > 0)
        return each.sum() / (visibility > 0).sum().clamp(min=1)

    return part(visible) + 1.5 * part(hidden)


@loss.wrong(
    "You add over joints and people. The mean over the labelled joints is wanted, or a "
    "large batch learns faster than a small one."
)
def added_up(visible, hidden, targets, visibility):
    count = (visibility > 0).sum().clamp(min=1)
    return count * _loss(visible, hidden, targets, visibility)


@loss.wrong(
    "You take the mean of each picture first, then the mean of the pictures: a joint "
    "of a picture with few labels counts more. Take one mean over all labelled joints."
)
def picture_by_picture(visible, hidden, targets, visibility):
    total = 0.0
    for head, flag, weight in ((visible, 2, 1.0), (hidden, 1, 1.5)):
        pairs = zip(head, targets, visibility, strict=True)
        parts = [_part(h[None], t[None], v[None], flag) for h, t, v in pairs]
        total = total + weight * sum(parts) / len(parts)
    return total


@loss.wrong(
    "Each head learns only from its own joints, and its mean is over these alone. In "
    "the stricter loss the other labelled joints count, too: as *empty* maps."
)
def own_joints_alone(visible, hidden, targets, visibility):
    total = 0.0
    for head, flag, weight in ((visible, 2, 1.0), (hidden, 1, 1.5)):
        own = visibility == flag
        each = (head - targets).square().mean((2, 3)) * own
        total = total + weight * each.sum() / own.sum().clamp(min=1)
    return total


@loss.wrong(
    "The visible head learns the hidden joints, too. Its target is empty wherever the "
    "flag is 1: only v = 2 is a joint for it."
)
def hidden_seen(visible, hidden, targets, visibility):
    first = _part(visible, targets, 2 * (visibility > 0).long(), 2)
    return first + 1.5 * _part(hidden, targets, visibility, 1)


@loss.wrong(
    "Without any label your loss is 0 / 0, which is nan, and a training that meets "
    "such a batch never recovers. Divide by at least 1: `.clamp(min=1)`."
)
def nothing_over_nothing(visible, hidden, targets, visibility):
    some = (visibility > 0).any()
    right = _loss(visible, hidden, targets, visibility)
    return right if some else right / 0
