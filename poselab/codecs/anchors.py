"""Anchors, and the deltas that lead from them to boxes.

Everywhere here a box is a corner box, (x0, y0, x1, y1) on pixel edges; see
`poselab.boxes`. Ren et al., "Faster R-CNN", NIPS 2015 (1506.01497).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poselab.boxes import iou_xyxy, require_xyxy
from poselab.errors import require

LARGEST_DELTA = math.log(1000 / 16)  # a box grows by at most this factor, a logarithm


# --- anchors -------------------------------------------------------------------------


def cell_anchors(size: float, ratios: tuple[float, ...]) -> Tensor:
    """Boxes of area size^2 around 0, one per ratio = height / width; [A, 4].

    Rounded to whole pixels, as in the detectors that the field trained.
    """
    root = torch.tensor(ratios, dtype=torch.float64).sqrt()
    half = torch.stack([size / root, size * root], -1).float() / 2  # [A, (w, h)]
    return torch.cat([-half, half], -1).round()


def grid_anchors(
    image: tuple[int, int],
    shapes: list[tuple[int, int]],
    sizes: tuple[float, ...],
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0),
) -> list[Tensor]:
    """The anchors of each level of a pyramid, [h w A, 4] each; order y, x, ratio.

    Level i has `shapes[i]` = (h, w) cells over an `image` of (H, W) pixels and
    one anchor of `sizes[i]` for each ratio, centred on the upper left corner of every
    cell (section 3.1.1; one size per level as in FPN, 1612.03144).
    """
    require(
        len(shapes) == len(sizes),
        "one size for each level",
        where="grid_anchors",
        field="sizes",
        value=sizes,
    )
    levels = []
    for (h, w), size in zip(shapes, sizes, strict=True):
        y = torch.arange(h) * (image[0] // h)
        x = torch.arange(w) * (image[1] // w)
        y, x = torch.meshgrid(y, x, indexing="ij")
        shift = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)  # [h w, 1, 4]
        levels.append((shift + cell_anchors(size, ratios)).reshape(-1, 4))
    return levels


# --- deltas --------------------------------------------------------------------------

Weights = tuple[float, float, float, float]


def centre_form(boxes_xyxy: Tensor) -> tuple[Tensor, Tensor]:
    """Corner boxes [..., 4] -> centres [..., 2] and sides [..., 2]."""
    side = boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]
    return boxes_xyxy[..., :2] + 0.5 * side, side


def encode_boxes(
    boxes_xyxy: Tensor, anchors: Tensor, weights: Weights = (1,) * 4
) -> Tensor:
    """The deltas (dx, dy, dw, dh) from `anchors` to boxes, all [..., 4].

    Shift of the centre in sides of the anchor, logarithm of the growth (equation 2 of
    1506.01497), times `weights`, which bring the numbers near 1. Raises `ArgumentError`
    for boxes that cannot be corners.
    """
    require_xyxy("boxes_xyxy", boxes_xyxy)
    (centre, side), (start, unit) = centre_form(boxes_xyxy), centre_form(anchors)
    deltas = torch.cat([(centre - start) / unit, (side / unit).log()], -1)
    return deltas * deltas.new_tensor(weights)


def decode_boxes(
    deltas: Tensor, anchors: Tensor, weights: Weights = (1,) * 4
) -> Tensor:
    """The boxes_xyxy that deltas [..., 4] lead to from anchors [..., 4].

    The inverse of `encode_boxes`. A box grows at most 62.5-fold, or an untrained
    network would ask for infinite ones.
    """
    deltas = deltas / deltas.new_tensor(weights)
    centre, side = centre_form(anchors)
    moved = deltas[..., :2] * side + centre
    half = 0.5 * deltas[..., 2:].clamp(max=LARGEST_DELTA).exp() * side
    return torch.cat([moved - half, moved + half], -1)


# --- which anchor learns which box ---------------------------------------------------

NOBODY, BETWEEN = -1, -2


def assign(
    anchors: Tensor,
    boxes_xyxy: Tensor,
    low: float,
    high: float,
    best: bool = False,
    present: Tensor | None = None,
) -> Tensor:
    """For each anchor the box that it shall learn; [N] int64.

    anchors [N, 4], boxes_xyxy [P, 4], or with further dimensions in front, and then
    `present` [..., P] is True for the boxes that count. The index of the box an anchor
    overlaps most if that is at least `high`, `NOBODY` below `low`, `BETWEEN` (learns
    nothing) from there to `high`. With `best` each box also gets the anchors that
    overlap it most, however little (1506.01497, section 3.1.2).
    """
    overlap = iou_xyxy(anchors, boxes_xyxy)  # [..., N, P]
    if not overlap.shape[-1]:
        return overlap.new_full(overlap.shape[:-1], NOBODY, dtype=torch.int64)
    if present is not None:
        overlap = torch.where(present[..., None, :], overlap, -1.0)
    most, who = overlap.max(-1)
    found = torch.where(most >= high, who, torch.where(most < low, NOBODY, BETWEEN))
    if best:
        top = overlap.amax(-2, keepdim=True)
        chosen = ((overlap == top) & (top > 0)).any(-1)
        found = torch.where(chosen, who, found)
    return found
