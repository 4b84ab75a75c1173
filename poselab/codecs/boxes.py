"""Boxes as detectors see them: corners, anchors, offsets, overlap, suppression.

Everywhere here a box is (x0, y0, x1, y1) on pixel edges; `geometry.xyxy_to_xywh` leads
back to the boxes of the records. Ren et al., "Faster R-CNN", NIPS 2015 (1506.01497).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poselab.errors import require, require_shape

LARGEST_STEP = math.log(1000 / 16)  # a box grows by at most this factor, as a logarithm


# --- overlap -------------------------------------------------------------------------


def box_area(boxes: Tensor) -> Tensor:
    """Areas of corner boxes [..., 4] in px^2."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def corner_iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of all pairs, [..., N, 4] and [..., M, 4] corners.

    Two boxes without any area have overlap 0.
    """
    p, q = a[..., :, None, :], b[..., None, :, :]
    side = torch.minimum(p[..., 2:], q[..., 2:]) - torch.maximum(p[..., :2], q[..., :2])
    inter = side.clamp(min=0).prod(-1)  # [..., N, M]
    union = box_area(a)[..., :, None] + box_area(b)[..., None, :] - inter
    return torch.where(union > 0, inter / union, 0.0)


def clip_corners(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Corner boxes [..., 4] cut at the border of an image of (H, W) pixels."""
    limit = boxes.new_tensor([size[1], size[0], size[1], size[0]])
    return torch.minimum(boxes.clamp(min=0), limit)


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
    maps: list[tuple[int, int]],
    sizes: tuple[float, ...],
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0),
) -> list[Tensor]:
    """The anchors of each level of a pyramid, [h w A, 4] each; order y, x, ratio.

    Level i has a map of `maps[i]` = (h, w) cells over an `image` of (H, W) pixels and
    one anchor of `sizes[i]` for each ratio, centred on the upper left corner of every
    cell (section 3.1.1; one size per level as in FPN, 1612.03144).
    """
    require(
        len(maps) == len(sizes),
        "one size for each level",
        where="grid_anchors",
        field="sizes",
        value=sizes,
    )
    levels = []
    for (h, w), size in zip(maps, sizes, strict=True):
        y = torch.arange(h) * (image[0] // h)
        x = torch.arange(w) * (image[1] // w)
        y, x = torch.meshgrid(y, x, indexing="ij")
        shift = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)  # [h w, 1, 4]
        levels.append((shift + cell_anchors(size, ratios)).reshape(-1, 4))
    return levels


# --- offsets -------------------------------------------------------------------------

Weights = tuple[float, float, float, float]


def centre_form(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Corner boxes [..., 4] -> centres [..., 2] and sides [..., 2]."""
    side = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * side, side


def encode_boxes(boxes: Tensor, anchors: Tensor, weights: Weights = (1,) * 4) -> Tensor:
    """How to get from `anchors` to `boxes`, both [..., 4]: (dx, dy, dw, dh).

    Shift of the centre in sides of the anchor, logarithm of the growth (equation 2 of
    1506.01497), times `weights`, which bring the numbers near 1.
    """
    (centre, side), (start, unit) = centre_form(boxes), centre_form(anchors)
    steps = torch.cat([(centre - start) / unit, (side / unit).log()], -1)
    return steps * steps.new_tensor(weights)


def decode_boxes(steps: Tensor, anchors: Tensor, weights: Weights = (1,) * 4) -> Tensor:
    """The boxes that steps [..., 4] lead to from anchors [..., 4]; see `encode_boxes`.

    A box grows at most 62.5-fold, or an untrained network would ask for infinite ones.
    """
    steps = steps / steps.new_tensor(weights)
    centre, side = centre_form(anchors)
    moved = steps[..., :2] * side + centre
    half = 0.5 * steps[..., 2:].clamp(max=LARGEST_STEP).exp() * side
    return torch.cat([moved - half, moved + half], -1)


# --- suppression ---------------------------------------------------------------------


def nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Non-maximum suppression: indices of the boxes that stay, best first.

    Greedy: the best box stays and removes all that overlap it by more than `threshold`,
    then the next best of those left, and so on; of equal scores the first counts as
    better. Boxes [N, 4] corners, scores [N].

    Instead of a loop over boxes: i stays unless an *earlier one that stays* overlaps
    it. Start with "all stay" and apply the rule to everybody at once until nothing
    changes. After n rounds the first n are right, so the end is the greedy answer; a
    handful of rounds do, as many as the longest chain of boxes that save one another.
    """
    require_shape("boxes", boxes, None, 4)
    require_shape("scores", scores, len(boxes))
    stays = nms_mask(boxes, scores, threshold)
    order = scores.argsort(descending=True, stable=True)
    return order[stays[order]]


def nms_mask(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Who stays, as in `nms`, for rows of boxes: [..., N, 4], [..., N] -> [..., N]."""
    order = scores.argsort(dim=-1, descending=True, stable=True)
    ranked = boxes.gather(-2, order[..., None].expand_as(boxes))
    rival = (corner_iou(ranked, ranked) > threshold).triu(1)
    stays = torch.ones_like(order, dtype=torch.bool)  # [i, j]: i is better, overlaps j
    while True:
        now = ~(rival & stays[..., None]).any(-2)
        if torch.equal(now, stays):
            return torch.zeros_like(stays).scatter(-1, order, stays)
        stays = now


def nms_per_class(
    boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float
) -> Tensor:
    """`nms` within each label [N]; the indices that stay, best first over all."""
    parts = [torch.zeros(0, dtype=torch.int64, device=boxes.device)]
    for label in labels.unique():
        own = (labels == label).nonzero()[:, 0]
        parts.append(own[nms(boxes[own], scores[own], threshold)])
    kept = torch.cat(parts).sort().values  # so that equal scores keep their order
    return kept[scores[kept].argsort(descending=True, stable=True)]


# --- which anchor learns which box ---------------------------------------------------

NOBODY, BETWEEN = -1, -2


def assign(
    anchors: Tensor,
    boxes: Tensor,
    low: float,
    high: float,
    best: bool = False,
    present: Tensor | None = None,
) -> Tensor:
    """For each anchor the box that it shall learn; [N] int64.

    anchors [N, 4], boxes [P, 4], or with further dimensions in front, and then
    `present` [..., P] says which boxes there are. The index of the box an anchor
    overlaps most if that is at least `high`, `NOBODY` below `low`, `BETWEEN` (learns
    nothing) from there to `high`. With `best` each box also gets the anchors that
    overlap it most, however little (1506.01497, section 3.1.2).
    """
    overlap = corner_iou(anchors, boxes)  # [..., N, P]
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
