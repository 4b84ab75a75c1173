"""Exercises of notebook 12: where a cell points, whose a pixel is, and what a person
counts (Papandreou et al. 2018, 1803.08225, sections 3.1 to 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed, uniform

chapter = Chapter("personlab", "12_personlab")


# --- 1. where a cell points ----------------------------------------------------------


def _landing_cases() -> list[Case]:
    rows, columns = torch.tensor([0, 3, 7, 2]), torch.tensor([5, 0, 1, 4])
    return [
        Case("four cells of stride 4", rows, columns, signed(1, 4, 2), 4, 8.0),
        Case(
            "one cell of stride 16", rows[1:2], columns[1:2], signed(2, 1, 2), 16, 32.0
        ),
        Case("no cell", rows[:0], columns[:0], signed(3, 0, 2), 8, 8.0),
        Case("vectors of 0", rows, columns, torch.zeros(4, 2), 8, 5.0),
    ]


def _landing(rows, columns, vectors, stride, unit) -> Tensor:
    cells = torch.stack([columns, rows], 1)  # (x, y)
    return cells * stride + (stride - 1) / 2 + vectors.flip(1) * unit


landing = chapter.exercise(
    "landing",
    cases=_landing_cases,
    solution=_landing,
    returns=("the places",),
    praise="From the middle of the cell, in pixels, x first.",
)


@landing.wrong(
    "The vectors are taken as if they were cells. They are in units of `unit` px: "
    "multiply by `unit`, not by the stride."
)
def vectors_in_cells(rows, columns, vectors, stride, unit):
    return _landing(rows, columns, vectors, stride, stride)


@landing.wrong(
    "You add the vectors as they are. The network's numbers are near 1; a vector of 1 "
    "is `unit` px long."
)
def unit_forgotten(rows, columns, vectors, stride, unit):
    return _landing(rows, columns, vectors, stride, 1.0)


@landing.wrong(
    "You start at the corner of the cell. Its middle is at s u + (s - 1) / 2 (notebook "
    "02): all your places are off by the same few pixels."
)
def from_the_corner(rows, columns, vectors, stride, unit):
    return _landing(rows, columns, vectors, stride, unit) - (stride - 1) / 2


@landing.wrong(
    "Places are (x, y), vectors are (y, x), as released. You add them without turning "
    "one of them round."
)
def vectors_not_turned(rows, columns, vectors, stride, unit):
    return _landing(rows, columns, vectors.flip(1), stride, unit)


@landing.wrong(
    "Your places are (y, x). Columns count along x, rows along y; places come as "
    "(x, y)."
)
def rows_first(rows, columns, vectors, stride, unit):
    return _landing(rows, columns, vectors, stride, unit).flip(1)


@landing.wrong(
    "You subtract the vectors. They lead from the cell to the joint, so they are added."
)
def subtracted(rows, columns, vectors, stride, unit):
    return _landing(rows, columns, -vectors, stride, unit)


@landing.wrong(
    "You multiply everything by `unit`. Only the vectors are in units; cells are "
    "`stride` px wide."
)
def unit_for_stride(rows, columns, vectors, stride, unit):
    return _landing(rows, columns, vectors, unit, unit)


@landing.wrong(
    "The vectors are right, (x, y) at the end, but the cells are not: the column is x, "
    "the row is y."
)
def cells_turned(rows, columns, vectors, stride, unit):
    cells = torch.stack([rows, columns], 1)
    return cells * stride + (stride - 1) / 2 + vectors.flip(1) * unit


@landing.wrong(
    "You multiply the vectors by the stride as well. `unit` says already how many "
    "*pixels* a 1 is."
)
def vectors_times_stride(rows, columns, vectors, stride, unit):
    cells = torch.stack([columns, rows], 1)
    return cells * stride + (stride - 1) / 2 + vectors.flip(1) * unit * stride


@landing.wrong(
    "You divide the vectors by `unit`. A vector of 1 is `unit` px long: multiply."
)
def divided_by_unit(rows, columns, vectors, stride, unit):
    cells = torch.stack([columns, rows], 1)
    return cells * stride + (stride - 1) / 2 + vectors.flip(1) / unit


@landing.wrong(
    "Your places are in cells. Pixels are asked: the cell times the stride first."
)
def in_cells(rows, columns, vectors, stride, unit):
    return torch.stack([columns, rows], 1) + vectors.flip(1) * unit / stride


# --- 2. long-range offsets -----------------------------------------------------------


def _far_cases() -> list[Case]:
    who = torch.full((4, 5), -1)
    who[:2, 1:3], who[2:, 2:] = 0, 1
    points = uniform(5, 2, 3, 2, high=20.0)
    return [
        Case("two people, three joints", points, who, 4),
        Case("one person who is everywhere", points[:1], torch.zeros(3, 2).long(), 8),
        Case("nobody", points, torch.full((2, 3), -1), 4),
        Case("the second person only", points, torch.where(who == 1, 1, -1), 4),
    ]


def _middles(who: Tensor, stride: int) -> Tensor:
    y, x = (torch.arange(n) * stride + (stride - 1) / 2 for n in who.shape)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))  # [2, h, w] (x, y)


def _from(points: Tensor, owner: Tensor, stride: int) -> Tensor:
    """From the middle of each cell to the joints of its owner: [J, 2, h, w]."""
    goal = points[owner.clamp(min=0)].permute(2, 3, 0, 1)  # [J, 2, h, w]
    return goal - _middles(owner, stride)


def _far(points: Tensor, who: Tensor, stride: int) -> Tensor:
    return torch.where(who >= 0, _from(points, who, stride), 0.0)


far = chapter.exercise(
    "far",
    cases=_far_cases,
    solution=_far,
    returns=("the vectors",),
    praise="Every pixel of a person points to all joints of that person.",
)


@far.wrong(
    "Your vectors lead from the joint to the cell. They start at the cell: joint minus "
    "middle of the cell."
)
def from_the_wrong_end(points, who, stride):
    return -_far(points, who, stride)


@far.wrong(
    "You give the places of the joints, not the way to them. A convolution sees the "
    "same around every cell, so it can learn a difference and not a place."
)
def places_for_vectors(points, who, stride):
    return _far(points, who, stride) + torch.where(who >= 0, _middles(who, stride), 0.0)


@far.wrong(
    "Background points somewhere, too. Where nobody is (-1) the vectors are 0. (As an "
    "index -1 is the last person.)"
)
def background_points(points, who, stride):
    goal = points[who].permute(2, 3, 0, 1)
    return goal - _middles(who, stride)


@far.wrong(
    "Each cell points to the *nearest* joint of anybody. It has to point to the joints "
    "of the person whom it shows, however near another's are: that is what tells "
    "people "
    "apart."
)
def nearest_joint(points, who, stride):
    middles = _middles(who, stride)
    steps = points.permute(1, 0, 2)[..., None, None] - middles  # [J, P, 2, h, w]
    best = steps.norm(dim=2).argmin(1)  # [J, h, w]
    index = best[:, None, None].expand(-1, 1, 2, -1, -1)
    return torch.where(who >= 0, steps.gather(1, index)[:, 0], 0.0)


@far.wrong("You start at the corner of the cell. Its middle is at s u + (s - 1) / 2.")
def cell_corner(points, who, stride):
    half = torch.where(who >= 0, (stride - 1) / 2, 0.0)
    return _far(points, who, stride) + half


@far.wrong("x and y of your vectors are exchanged: x, along the columns, comes first.")
def y_first(points, who, stride):
    return _far(points, who, stride).flip(1)


@far.wrong(
    "You count in cells. The places are in pixels, so the middle of a cell has to "
    "be in "
    "pixels, too: multiply its row and column by the stride."
)
def middles_in_cells(points, who, stride):
    return torch.where(who >= 0, _from(points, who, 1), 0.0)


@far.wrong("Your vectors are in cells: they are too short by the stride.")
def vectors_in_cells_of_the_map(points, who, stride):
    return _far(points, who, stride) / stride


@far.wrong(
    "Person 0 is a person: `who > 0` leaves the first one out. Nobody is -1, so ask "
    "for `who >= 0`."
)
def first_person_missing(points, who, stride):
    return torch.where(who > 0, _far(points, who, stride), 0.0)


@far.wrong(
    "You make the vectors one px long. Their length is the point: from the cell to the "
    "joint."
)
def unit_vectors(points, who, stride):
    vectors = _far(points, who, stride)
    return vectors / vectors.norm(dim=1, keepdim=True).clamp(min=1e-9)
