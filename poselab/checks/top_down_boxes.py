"""Exercises of notebook 07, the detector: overlap, and reading a map."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.top_down import chapter
from poselab.geometry import box_iou

# --- 3. overlap ----------------------------------------------------------------------


def _iou_cases() -> list[Case]:
    a = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 4.0, 30.0]])
    b = torch.tensor(
        [[5.0, 0.0, 10.0, 10.0], [40.0, 70.0, 5.0, 5.0], [19.0, 22.0, 30.0, 6.0]]
    )
    return [
        Case("two boxes and three", a, b),
        Case("random boxes", uniform(5, 6, 4, high=30), uniform(6, 4, 4, high=30)),
        Case(
            "one inside the other",
            torch.tensor([[0.0, 0.0, 20.0, 20.0]]),
            torch.tensor([[5.0, 5.0, 10.0, 10.0]]),
        ),
        Case("boxes that touch", a[:1], torch.tensor([[10.0, 0.0, 5.0, 10.0]])),
        Case("no box on one side", a, torch.zeros(0, 4)),
    ]


def _inter(a: Tensor, b: Tensor, clamp: bool = True) -> Tensor:
    """Shared area of xywh boxes, [N, M]."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    side = high - low
    return (side.clamp(min=0) if clamp else side).prod(-1)


def _areas(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return a[:, 2:].prod(1)[:, None], b[:, 2:].prod(1)[None]


def _overlap(a: Tensor, b: Tensor) -> Tensor:
    return box_iou(a, b)


overlap = chapter.exercise(
    "overlap",
    cases=_iou_cases,
    solution=_overlap,
    returns=("the overlaps",),
    praise="Shared area over covered area, for all pairs at once.",
)


@overlap.wrong(
    "You read the boxes as (x0, y0, x1, y1). They are (x, y, width, height): the far "
    "corner is x + w, y + h."
)
def corners_for_xywh(a, b):
    def sides(boxes):
        return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)

    return box_iou(sides(a), sides(b))


@overlap.wrong(
    "The union counts the shared part twice: it is area a + area b - intersection."
)
def union_too_large(a, b):
    first, second = _areas(a, b)
    return _inter(a, b) / (first + second)


@overlap.wrong(
    "Boxes that are apart get an overlap: two negative sides have a positive product. "
    "Clamp both sides at 0 before you multiply."
)
def clamp_forgotten(a, b):
    first, second = _areas(a, b)
    shared = _inter(a, b, clamp=False)
    return shared / (first + second - shared)


@overlap.wrong(
    "You divide by the smaller area: a small box inside a large one then has overlap "
    "1. Intersection over *union* asks that both cover the same."
)
def over_the_smaller(a, b):
    return _inter(a, b) / torch.minimum(*_areas(a, b))


@overlap.wrong(
    "The corners of the shared part change places: its near corner is the *maximum* of "
    "the two near corners, its far corner the *minimum* of the far ones."
)
def corners_exchanged(a, b):
    low = torch.minimum(a[:, None, :2], b[None, :, :2])
    high = torch.maximum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    first, second = _areas(a, b)
    shared = (high - low).clamp(min=0).prod(-1)
    return shared / (first + second - shared)


@overlap.wrong("This is the shared area in px^2. Divide it by the area of the union.")
def intersection_only(a, b):
    return _inter(a, b)


@overlap.wrong(
    "You divide by the area of the first box alone. A small box inside a large one "
    "would be all of it: divide by the union."
)
def over_the_first(a, b):
    return _inter(a, b) / a[:, 2:].prod(1)[:, None]


@overlap.wrong(
    "You divide twice the shared area by both areas together (Dice). IoU divides the "
    "shared area, once, by the union."
)
def twice_over_the_sum(a, b):
    both = a[:, 2:].prod(1)[:, None] + b[:, 2:].prod(1)
    return 2 * _inter(a, b) / both


@overlap.wrong(
    "You divide by the box around both. The union is what they cover: the areas added, "
    "less what is shared."
)
def over_the_box_around(a, b):
    low = torch.minimum(a[:, None, :2], b[:, :2])
    high = torch.maximum((a[:, :2] + a[:, 2:])[:, None], b[:, :2] + b[:, 2:])
    return _inter(a, b) / (high - low).prod(2)


# --- 5. reading a map between its cells ----------------------------------------------


def _read_cases() -> list[Case]:
    points = torch.tensor([[2.25, 2.5], [0.0, 1.75], [3.0, 3.0], [3.5, 0.25]])
    rim = torch.tensor([[6.0, 3.5], [2.5, 4.0], [6.0, 4.0], [0.0, 0.0]])
    return [
        Case("away from the last row and column", uniform(10, 3, 5, 7), points),
        Case("on the last row and column", uniform(11, 2, 5, 7), rim),
        Case(
            "many points",
            uniform(12, 2, 9, 6),
            uniform(13, 20, 2) * torch.tensor([5.0, 8.0]),
        ),
        Case("no point", uniform(14, 2, 5, 7), torch.zeros(0, 2)),
    ]


def _corners(level: Tensor, points: Tensor):
    """Cells around each point and the shares of the farther ones."""
    height, width = level.shape[1:]
    x, y = points.unbind(1)
    left, top = x.floor().long(), y.floor().long()
    right, below = (left + 1).clamp(max=width - 1), (top + 1).clamp(max=height - 1)
    return left, right, top, below, x - left, y - top


def _mix(level: Tensor, points: Tensor, swap: bool = False) -> Tensor:
    left, right, top, below, u, v = _corners(level, points)
    if swap:
        u, v = 1 - u, 1 - v
    upper = (1 - u) * level[:, top, left] + u * level[:, top, right]
    lower = (1 - u) * level[:, below, left] + u * level[:, below, right]
    return ((1 - v) * upper + v * lower).T


def _read(level: Tensor, points: Tensor) -> Tensor:
    return _mix(level, points)


read = chapter.exercise(
    "read",
    cases=_read_cases,
    solution=_read,
    returns=("the values",),
    no_loop=True,
    praise="No rounding anywhere: that is the whole difference of RoIAlign to RoIPool.",
)


@read.wrong(
    "You round to the nearest cell, as RoIPool did. Half a cell of stride 16 is 8 "
    "pixels. Mix the four cells around the point by their nearness."
)
def rounded(level, points):
    x, y = points.round().long().unbind(1)
    return level[:, y, x].T


@read.wrong(
    "You always take the cell up and left of the point. Mix it with its three "
    "neighbours by how near they are."
)
def rounded_down(level, points):
    x, y = points.floor().long().unbind(1)
    return level[:, y, x].T


@read.wrong(
    "The weights change places: a point near the left cell should count the left cell "
    "more. With u = x - floor(x), the left cell gets 1 - u and the right one u."
)
def weights_swapped(level, points):
    return _mix(level, points, swap=True)


@read.wrong(
    "x and y change places: a point is (x, y), a map is indexed [y, x], rows first."
)
def x_and_y_swapped(level, points):
    _, height, width = level.shape
    square = level.new_zeros(len(level), max(height, width), max(height, width))
    square[:, :height, :width] = level
    return _mix(square, points.flip(1))


@read.wrong(
    "You take the plain mean of the four cells, wherever the point lies between them. "
    "Weigh each by how near it is."
)
def plain_mean(level, points):
    left, right, top, below, _, _ = _corners(level, points)
    cells = [level[:, a, b] for a in (top, below) for b in (left, right)]
    return torch.stack(cells).mean(0).T


@read.wrong(
    "You mix left and right only. Above and below are mixed in the same way, by the "
    "decimals of y."
)
def along_x_only(level, points):
    rows = torch.stack([points[:, 0], points[:, 1].floor()], 1)
    return _read(level, rows)
