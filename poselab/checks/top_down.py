"""Exercises of notebook 07, geometry: the box that is cut out, and the way back.

Those about boxes and maps are in `poselab.checks.top_down_boxes`, the one about poses
in `poselab.checks.top_down_poses`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform
from poselab.geometry import expand_box

chapter = Chapter("top_down", "07_top_down")


# --- 1. the box that is cut out ------------------------------------------------------


def _grow_cases() -> list[Case]:
    boxes = torch.tensor([[30.0, 20.0, 20.0, 90.0], [10.0, 50.0, 80.0, 40.0]])
    return [
        Case("a tall and a wide person for 128x96", boxes, (128, 96), 1.25),
        Case("a network wider than high", boxes, (60, 120), 1.25),
        Case("no margin", uniform(1, 5, 4, low=10, high=60), (256, 192), 1.0),
        Case(
            "one box that fits", torch.tensor([[10.0, 20.0, 30.0, 40.0]]), (4, 3), 1.5
        ),
        Case("no box", torch.zeros(0, 4), (128, 96), 1.25),
    ]


def _grow(boxes: Tensor, size: tuple, margin: float) -> Tensor:
    return expand_box(boxes, size, margin)


def _around(boxes: Tensor, side: Tensor) -> Tensor:
    """Boxes with these sides [N, 2] around the old centres."""
    return torch.cat([boxes[:, :2] + (boxes[:, 2:] - side) / 2, side], 1)


def _fitted(wh: Tensor, aspect: float, choose=torch.maximum) -> Tensor:
    width = choose(wh[:, 0], wh[:, 1] * aspect)
    return torch.stack([width, width / aspect], 1)


grow = chapter.exercise(
    "grow",
    cases=_grow_cases,
    solution=_grow,
    returns=("the boxes",),
    praise="Same centre, the network's shape, nothing squeezed and nobody cut off.",
)


@grow.wrong(
    "The aspect ratio is still the person's: when such a box is resized to the "
    "network's shape, a tall person is squeezed and a wide one stretched. After the "
    "margin, the side that is too short has to grow."
)
def aspect_squeezed(boxes, size, margin):
    return _around(boxes, boxes[:, 2:] * margin)


@grow.wrong(
    "Your boxes have the right shape, but the longer side shrank: hands and feet are "
    "cut off. Take the maximum of the width and of height x aspect, not the minimum."
)
def longer_side_cut(boxes, size, margin):
    aspect = size[1] / size[0]
    return _around(boxes, _fitted(boxes[:, 2:] * margin, aspect, torch.minimum))


@grow.wrong(
    "The corner stays where it was, so the box grows to the right and down only, and "
    "the person is no longer in the middle. Keep the centre x + w / 2, y + h / 2."
)
def corner_kept(boxes, size, margin):
    side = _fitted(boxes[:, 2:] * margin, size[1] / size[0])
    return torch.cat([boxes[:, :2], side], 1)


@grow.wrong(
    "Height and width change places: a size is (H, W), so the aspect ratio W / H is "
    "size[1] / size[0]."
)
def aspect_inverted(boxes, size, margin):
    return _around(boxes, _fitted(boxes[:, 2:] * margin, size[0] / size[1]))


@grow.wrong(
    "You put a quarter of the side on *each* side, which makes the box 1.5 times as "
    "large. A margin of 1.25 means that both sides are multiplied with 1.25."
)
def margin_on_both_sides(boxes, size, margin):
    wh = boxes[:, 2:] * (1 + 2 * (margin - 1))
    return _around(boxes, _fitted(wh, size[1] / size[0]))


@grow.wrong(
    "You make the box larger *by* the margin, times 1 + 1.25. The margin is the factor "
    "itself: both sides are multiplied with 1.25."
)
def margin_as_a_share(boxes, size, margin):
    return _around(boxes, _fitted(boxes[:, 2:] * (1 + margin), size[1] / size[0]))


@grow.wrong(
    "You return corners, (x0, y0, x1, y1). A box stays (x, y, width, height): the last "
    "two numbers are its sides."
)
def corners_returned(boxes, size, margin):
    grown = _grow(boxes, size, margin)
    return torch.cat([grown[:, :2], grown[:, :2] + grown[:, 2:]], 1)


@grow.wrong(
    "Your boxes are square. They need the network's shape: width / height has to be "
    "W / H, size[1] / size[0]."
)
def square(boxes, size, margin):
    return _around(boxes, _fitted(boxes[:, 2:] * margin, 1.0))


@grow.wrong("The margin is missing: multiply both sides with it before you fit them.")
def margin_forgotten(boxes, size, margin):
    return _around(boxes, _fitted(boxes[:, 2:], size[1] / size[0]))


@grow.wrong(
    "You read the box as (x0, y0, x1, y1). Boxes of COCO, and of this course, are (x, "
    "y, width, height): the last two numbers are sides, not a corner."
)
def corners_for_sides(boxes, size, margin):
    sides = boxes[:, 2:] - boxes[:, :2]
    return _around(
        torch.cat([boxes[:, :2], sides], 1), _fitted(sides * margin, size[1] / size[0])
    )


# --- 2. back to the picture ----------------------------------------------------------


def _back_cases() -> list[Case]:
    boxes = torch.tensor([[30.0, 20.0, 60.0, 80.0], [-5.0, 7.0, 30.0, 40.0]])
    return [
        Case("two crops of 128x96", uniform(2, 2, 17, 2, high=90), boxes, (128, 96)),
        Case(
            "a box of its crop's size",
            uniform(3, 1, 3, 2, high=40),
            torch.tensor([[12.0, 9.0, 48.0, 64.0]]),
            (64, 48),
        ),
        Case(
            "squeezed",
            uniform(4, 1, 3, 2, high=40),
            torch.tensor([[12.0, 9.0, 90.0, 30.0]]),
            (64, 48),
        ),
        Case("nobody", torch.zeros(0, 17, 2), torch.zeros(0, 4), (64, 48)),
    ]


def _sizes(points: Tensor, boxes: Tensor, size: tuple):
    """Corner [N, 1, 2] and pixels of the picture per pixel of the crop [N, 1, 2]."""
    scale = boxes[:, 2:] / boxes.new_tensor([size[1], size[0]])
    return boxes[:, None, :2], scale[:, None]


def _back(points: Tensor, boxes: Tensor, size: tuple) -> Tensor:
    corner, scale = _sizes(points, boxes, size)
    return (points + 0.5) * scale + corner - 0.5


back = chapter.exercise(
    "back",
    cases=_back_cases,
    solution=_back,
    returns=("the points",),
    praise="There and back is the identity.",
)


@back.wrong(
    "The order is wrong: you first move and then scale, so the corner is scaled too. "
    "The crop subtracted the corner and then scaled; the way back undoes the last step "
    "first: scale, then add the corner."
)
def wrong_order(points, boxes, size):
    corner, scale = _sizes(points, boxes, size)
    return (points + 0.5 + corner) * scale - 0.5


@back.wrong(
    "This is the way there, not the way back: subtracting the corner and enlarging is "
    "what the crop did."
)
def forward_again(points, boxes, size):
    corner, scale = _sizes(points, boxes, size)
    return (points + 0.5 - corner) / scale - 0.5


@back.wrong(
    "The half pixels are missing: a point counts from the centre of the first pixel, a "
    "box from its edge. Add 0.5 before you scale and take it off at the end. (Where "
    "nothing is scaled, both are the same.)"
)
def half_pixel(points, boxes, size):
    corner, scale = _sizes(points, boxes, size)
    return points * scale + corner


@back.wrong(
    "You add the half pixel and never take it off: 0.5 before you scale, and -0.5 at "
    "the end, because the answer counts from the centre of a pixel again."
)
def half_pixel_at_the_start(points, boxes, size):
    return _back(points, boxes, size) + 0.5


@back.wrong(
    "You take the half pixel off at the end, but never added it: 0.5 before you scale, "
    "since a box counts from the edge of the first pixel."
)
def half_pixel_at_the_end(points, boxes, size):
    corner, scale = _sizes(points, boxes, size)
    return points * scale + corner - 0.5


@back.wrong(
    "The half pixels have the wrong sign: add 0.5 before you scale (from the centre of "
    "the first pixel to its edge) and subtract it at the end."
)
def half_pixel_reversed(points, boxes, size):
    corner, scale = _sizes(points, boxes, size)
    return (points - 0.5) * scale + corner + 0.5


@back.wrong("You subtract the corner. The crop did that; the way back adds it.")
def corner_subtracted(points, boxes, size):
    corner, scale = _sizes(points, boxes, size)
    return (points + 0.5) * scale - corner - 0.5


@back.wrong(
    "Height and width change places: x is scaled with w / W and y with h / H, and a "
    "size is (H, W)."
)
def size_swapped(points, boxes, size):
    return _back(points, boxes, size[::-1])


@back.wrong(
    "The scale is upside down: a pixel of the crop covers w / W pixels of the picture."
)
def scale_inverted(points, boxes, size):
    corner, scale = _sizes(points, boxes, size)
    return (points + 0.5) / scale + corner - 0.5


@back.wrong(
    "You scale x and y with the same factor. That is right only for boxes of the "
    "crop's shape; use w / W for x and h / H for y."
)
def one_scale(points, boxes, size):
    corner, scale = _sizes(points, boxes, size)
    return (points + 0.5) * scale[..., :1] + corner - 0.5


@back.wrong("The corner is missing: you answer in pixels of the box, not the picture.")
def corner_forgotten(points, boxes, size):
    _, scale = _sizes(points, boxes, size)
    return (points + 0.5) * scale - 0.5
