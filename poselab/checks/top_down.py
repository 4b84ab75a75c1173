"""Exercises of notebook 07: the box, the way back, overlap, suppression, reading."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Exercise
from poselab.codecs.boxes import nms as _package_nms
from poselab.geometry import box_iou, expand_box

NOTEBOOK = "07_top_down"


def uniform(seed: int, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) * (high - low) + low


# --- 1. the box that is cut out ------------------------------------------------------


def _grow_cases() -> list[Case]:
    boxes = torch.tensor([[30.0, 20.0, 20.0, 90.0], [10.0, 50.0, 80.0, 40.0]])
    return [
        Case("a tall and a wide person for 128x96", boxes, (128, 96), 1.25),
        Case("a network wider than high", boxes, (60, 120), 1.25),
        Case("no margin", uniform(1, 5, 4, low=10, high=60), (256, 192), 1.0),
    ]


def _grow(boxes: Tensor, size: tuple, margin: float) -> Tensor:
    return expand_box(boxes, size, margin)


def _around(boxes: Tensor, side: Tensor) -> Tensor:
    """Boxes with these sides [N, 2] around the old centres."""
    return torch.cat([boxes[:, :2] + (boxes[:, 2:] - side) / 2, side], 1)


def _fitted(wh: Tensor, aspect: float, choose=torch.maximum) -> Tensor:
    width = choose(wh[:, 0], wh[:, 1] * aspect)
    return torch.stack([width, width / aspect], 1)


grow = Exercise(
    "top_down.grow",
    NOTEBOOK,
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


@grow.wrong("The margin is missing: multiply both sides with it before you fit them.")
def margin_forgotten(boxes, size, margin):
    return _around(boxes, _fitted(boxes[:, 2:], size[1] / size[0]))


@grow.wrong(
    "You read the box as (x0, y0, x1, y1). Boxes of COCO, and of this course, are (x, "
    "y, width, height): the last two numbers are sides, not a corner."
)
def corners_for_sides(boxes, size, margin):
    sides = boxes[:, 2:] - boxes[:, :2]
    return _around(torch.cat([boxes[:, :2], sides], 1),
                   _fitted(sides * margin, size[1] / size[0]))  # fmt: skip


# --- 2. back to the picture ----------------------------------------------------------


def _back_cases() -> list[Case]:
    boxes = torch.tensor([[30.0, 20.0, 60.0, 80.0], [-5.0, 7.0, 30.0, 40.0]])
    return [
        Case("two crops of 128x96", uniform(2, 2, 17, 2, high=90), boxes, (128, 96)),
        Case("a box of its crop's size", uniform(3, 1, 3, 2, high=40),
             torch.tensor([[12.0, 9.0, 48.0, 64.0]]), (64, 48)),
        Case("squeezed", uniform(4, 1, 3, 2, high=40),
             torch.tensor([[12.0, 9.0, 90.0, 30.0]]), (64, 48)),
    ]  # fmt: skip


def _sizes(points: Tensor, boxes: Tensor, size: tuple):
    """Corner [N, 1, 2] and pixels of the picture per pixel of the crop [N, 1, 2]."""
    scale = boxes[:, 2:] / boxes.new_tensor([size[1], size[0]])
    return boxes[:, None, :2], scale[:, None]


def _back(points: Tensor, boxes: Tensor, size: tuple) -> Tensor:
    corner, scale = _sizes(points, boxes, size)
    return (points + 0.5) * scale + corner - 0.5


back = Exercise(
    "top_down.back",
    NOTEBOOK,
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


# --- 3. overlap ----------------------------------------------------------------------


def _iou_cases() -> list[Case]:
    a = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 4.0, 30.0]])
    b = torch.tensor([[5.0, 0.0, 10.0, 10.0], [40.0, 70.0, 5.0, 5.0],
                      [19.0, 22.0, 30.0, 6.0]])  # fmt: skip
    return [
        Case("two boxes and three", a, b),
        Case("random boxes", uniform(5, 6, 4, high=30), uniform(6, 4, 4, high=30)),
        Case("one inside the other", torch.tensor([[0.0, 0.0, 20.0, 20.0]]),
             torch.tensor([[5.0, 5.0, 10.0, 10.0]])),
    ]  # fmt: skip


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


overlap = Exercise(
    "top_down.overlap",
    NOTEBOOK,
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


@overlap.wrong("This is the shared area in px^2. Divide it by the area of the union.")
def intersection_only(a, b):
    return _inter(a, b)


# --- 4. suppression ------------------------------------------------------------------


def _nms_cases() -> list[Case]:
    chain = torch.tensor([[x, 0.0, x + 10.0, 10.0] for x in (0.0, 4.0, 8.0, 30.0)])
    corner = uniform(7, 12, 2, high=30)
    crowd = torch.cat([corner, corner + 8 + uniform(8, 12, 2, high=10)], 1)
    two = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 5.0]])
    return [
        Case("A covers B, B covers C, A does not cover C", chain,
             torch.tensor([0.7, 0.6, 0.5, 0.9]), 0.3),
        Case("twelve boxes", crowd, uniform(9, 12), 0.3),
        Case("an overlap of exactly the threshold", two, torch.tensor([0.4, 0.8]), 0.5),
    ]  # fmt: skip


def _iou(boxes: Tensor) -> Tensor:
    sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    return box_iou(sides, sides)


def _nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    return _package_nms(boxes, scores, threshold)


def _greedy(boxes, order, threshold, judged_by_all=False, equal_goes=False) -> Tensor:
    """Go through `order`; a box stays unless one before it overlaps it too much."""
    overlaps, kept, seen = _iou(boxes), [], []
    for i in order:
        rivals = seen if judged_by_all else kept
        values = [float(overlaps[i, k]) for k in rivals]
        if not any(v >= threshold if equal_goes else v > threshold for v in values):
            kept.append(i)
        seen.append(i)
    return torch.tensor(kept)


def _by_score(scores: Tensor, descending: bool = True) -> list[int]:
    return scores.argsort(descending=descending, stable=True).tolist()


nms = Exercise(
    "top_down.nms",
    NOTEBOOK,
    cases=_nms_cases,
    solution=_nms,
    returns=("the indices",),
    praise="The best of each heap stays, and who was removed removes nobody.",
)


@nms.wrong(
    "You go through the boxes in the order they came in. Sort by score first, best "
    "first: otherwise a weak box removes a strong one."
)
def order_of_the_list(boxes, scores, threshold):
    return _greedy(boxes, range(len(boxes)), threshold)


@nms.wrong(
    "You start with the *worst* box: argsort is ascending unless you say "
    "`descending=True`."
)
def worst_first(boxes, scores, threshold):
    return _greedy(boxes, _by_score(scores, False), threshold)


@nms.wrong(
    "A box that was itself removed still removes others. Only boxes that *stay* may: "
    "if A removes B, then C, which only B covers, stays."
)
def the_dead_kill(boxes, scores, threshold):
    return _greedy(boxes, _by_score(scores), threshold, judged_by_all=True)


@nms.wrong(
    "A box goes when its overlap is *above* the threshold; exactly at the threshold it "
    "stays (`>`, not `>=`)."
)
def equal_goes_too(boxes, scores, threshold):
    return _greedy(boxes, _by_score(scores), threshold, equal_goes=True)


@nms.wrong(
    "The right boxes stay, but sorted by their index. Return them best first: whoever "
    "keeps the top 100 relies on it."
)
def sorted_by_index(boxes, scores, threshold):
    return _nms(boxes, scores, threshold).sort().values


@nms.wrong(
    "You return a mask of who stays. Wanted are the indices, best first, so that "
    "`boxes[kept]` is sorted."
)
def a_mask(boxes, scores, threshold):
    mask = torch.zeros(len(boxes), dtype=torch.bool)
    mask[_nms(boxes, scores, threshold)] = True
    return mask


# --- 5. reading a map between its cells ----------------------------------------------


def _read_cases() -> list[Case]:
    points = torch.tensor([[2.25, 3.5], [0.0, 1.75], [4.0, 4.0], [5.5, 0.25]])
    rim = torch.tensor([[6.0, 3.5], [2.5, 4.0], [6.0, 4.0], [0.0, 0.0]])
    return [
        Case("inside", uniform(10, 3, 5, 7), points),
        Case("on the last row and column", uniform(11, 2, 5, 7), rim),
        Case("many points", uniform(12, 2, 9, 6),
             uniform(13, 20, 2) * torch.tensor([5.0, 8.0])),
    ]  # fmt: skip


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


read = Exercise(
    "top_down.read",
    NOTEBOOK,
    cases=_read_cases,
    solution=_read,
    returns=("the values",),
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
