"""An exercise of notebook 14: 3DPCK, with its units and its root (1611.09813)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import signed, uniform
from poselab.checks.vnect import chapter

LIMIT = 150.0  # mm


def _within_cases() -> list[Case]:
    def drawn(name: str, seed: int, people: int, joints: int, most: float) -> Case:
        truth = 600 * signed(seed, people, joints, 3)
        truth = truth + torch.tensor([300.0, -100.0, 4500.0])
        gap = most * signed(seed + 1, people, joints, 3)
        elsewhere = torch.tensor([50.0, 20.0, -80.0])  # the answer's root is off
        known = uniform(seed + 2, people, joints) < 0.8
        known[:, :2] = True
        return Case(name, (truth + gap + elsewhere) / 1000, truth, known, (0, 1))

    return [
        drawn("three people, nine joints", 1, 3, 9, 110.0),
        drawn("one person", 5, 1, 12, 130.0),
        drawn("two people, one with more labels", 21, 2, 11, 120.0),
        drawn("errors of metres", 13, 2, 7, 900.0),
        _edge(),
    ]


def _edge() -> Case:
    """One joint at 150 mm exactly, on whole numbers of mm and eighths of a metre."""
    truth = torch.tensor([[[-125.0, 0, 0], [125, 0, 0], [0, 500, 0], [25, 0, 250]]])
    pred = torch.tensor(
        [[[-0.125, 0, 0], [0.125, 0, 0], [0, 0.5, 0], [-0.125, 0, 0.25]]]
    )
    return Case(
        "one joint at exactly 150 mm", pred, truth, torch.ones(1, 4) > 0, (0, 1)
    )


def _gaps(pred: Tensor, truth: Tensor, hips: tuple[int, int]) -> Tensor:
    """Distances after the roots were put on each other; [N, J] in the common unit."""
    pred = pred - pred[:, list(hips)].mean(1, keepdim=True)
    truth = truth - truth[:, list(hips)].mean(1, keepdim=True)
    return (pred - truth).norm(dim=-1)


def _share(gaps: Tensor, known: Tensor, limit: float = LIMIT) -> Tensor:
    return (gaps <= limit)[known].float().mean()


def _within(pred, truth, known, hips) -> Tensor:
    return _share(_gaps(1000 * pred, truth, hips), known)


within = chapter.exercise(
    "within",
    cases=_within_cases,
    solution=_within,
    returns=("the share",),
    praise="One unit, one root, one limit: that is 3DPCK.",
)


@within.wrong(
    "The prediction is in metres and the truth in mm: 0.3 m and 300 mm are the same. "
    "Bring both to mm before you subtract."
)
def metres_for_mm(pred, truth, known, hips):
    return _share(_gaps(pred, truth, hips), known)


@within.wrong(
    "You bring both to metres and ask for 150: nobody is 150 m off. The limit is in "
    "mm, so 0.15 in metres."
)
def limit_in_metres(pred, truth, known, hips):
    return _share(_gaps(pred, truth / 1000, hips), known)


@within.wrong(
    "The roots are not subtracted: you also count how far the whole person is off. "
    "Put pelvis on pelvis first."
)
def roots_stay(pred, truth, known, hips):
    return _share((1000 * pred - truth).norm(dim=-1), known)


@within.wrong("Your root is the first hip. The pelvis is the middle of both hips.")
def one_hip(pred, truth, known, hips):
    return _share(_gaps(1000 * pred, truth, (hips[0], hips[0])), known)


@within.wrong(
    "Joints without a label count in your mean. Only `known` ones do, above and below "
    "the fraction."
)
def all_joints(pred, truth, known, hips):
    return _share(_gaps(1000 * pred, truth, hips), torch.ones_like(known))


@within.wrong(
    "You take a mean for each person and then the mean of these. The share is over all "
    "labelled joints of all people at once."
)
def mean_of_means(pred, truth, known, hips):
    right = (_gaps(1000 * pred, truth, hips) <= LIMIT) & known
    return (right.sum(1) / known.sum(1)).mean()


@within.wrong(
    "You ask for 150 mm on each axis. A joint that is 140 mm off on all three is 242 "
    "mm away: take the distance in space."
)
def each_axis(pred, truth, known, hips):
    pred = 1000 * pred - 1000 * pred[:, list(hips)].mean(1, keepdim=True)
    truth = truth - truth[:, list(hips)].mean(1, keepdim=True)
    return _share((pred - truth).abs().amax(-1), known)


@within.wrong("That is the mean distance, MPJPE. Asked for is the share within 150 mm.")
def mean_distance(pred, truth, known, hips):
    return _gaps(1000 * pred, truth, hips)[known].mean()


@within.wrong("A joint at exactly 150 mm is right: `<=`, not `<`.")
def strictly_within(pred, truth, known, hips):
    return (_gaps(1000 * pred, truth, hips) < LIMIT)[known].float().mean()
