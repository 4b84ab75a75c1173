"""An exercise of notebook 02: the flip test, the mean of two looks at one person."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import bumps, uniform
from poselab.checks.heatmaps import chapter


def _flip_cases() -> list[Case]:
    pairs = torch.tensor([0, 2, 1, 4, 3])
    return [
        Case("five joints, two pairs", bumps(60, 5), bumps(61, 5), pairs),
        Case(
            "one joint without a partner", bumps(62, 1), bumps(63, 1), torch.tensor([0])
        ),
        Case(
            "a map of one column",
            uniform(64, 3, 6, 1),
            uniform(65, 3, 6, 1),
            torch.tensor([1, 0, 2]),
        ),
        Case("an uneven width", uniform(66, 5, 4, 7), uniform(67, 5, 4, 7), pairs),
        Case(
            "no joint",
            torch.zeros(0, 4, 4),
            torch.zeros(0, 4, 4),
            torch.zeros(0, dtype=torch.long),
        ),
    ]


def _back(mirrored: Tensor, partner: Tensor) -> Tensor:
    """The maps of the mirrored picture, in the order and places of the picture's."""
    return mirrored.flip(-1)[partner]


def _flip(maps: Tensor, mirrored: Tensor, partner: Tensor) -> Tensor:
    return (maps + _back(mirrored, partner)) / 2


flip_test = chapter.exercise(
    "flip_test",
    cases=_flip_cases,
    solution=_flip,
    returns=("the mean maps",),
    praise="Mirrored back, sides exchanged, averaged: two looks at one person.",
)


@flip_test.wrong(
    "The sides are not exchanged: in the mirrored picture the left wrist looks like a "
    "right one. Take channel partner[j] of the mirrored maps for joint j."
)
def sides_kept(maps, mirrored, partner):
    return (maps + mirrored.flip(-1)) / 2


@flip_test.wrong(
    "The maps are not mirrored back: their columns still run from right to left. "
    "`.flip(-1)`."
)
def not_mirrored_back(maps, mirrored, partner):
    return (maps + mirrored[partner]) / 2


@flip_test.wrong(
    "You turn the rows upside down. A mirror exchanges left and right, which are the "
    "columns, the last dimension."
)
def upside_down(maps, mirrored, partner):
    return (maps + mirrored.flip(-2)[partner]) / 2


@flip_test.wrong("You add the two looks. Their mean is asked for: divide by 2.")
def added_looks(maps, mirrored, partner):
    return maps + _back(mirrored, partner)


@flip_test.wrong(
    "You take the larger of the two looks in each cell. Then a peak that only one look "
    "has stays as high as one that both have; the mean halves it."
)
def larger_look(maps, mirrored, partner):
    return torch.maximum(maps, _back(mirrored, partner))


@flip_test.wrong(
    "You return the mirrored look alone. The first look counts as much: take the mean."
)
def second_look_alone(maps, mirrored, partner):
    return _back(mirrored, partner)


@flip_test.wrong(
    "You move the mirrored maps by one cell. Reference code does that for p = s u; "
    "with our convention cell u becomes w - 1 - u, and nothing else is needed."
)
def moved_by_a_cell(maps, mirrored, partner):
    back = _back(mirrored, partner)
    return (maps + torch.cat([back[..., :1], back[..., :-1]], -1)) / 2
