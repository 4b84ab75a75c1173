"""Boxes as corners: overlap, clipping, non-maximum suppression.

Records and COCO have boxes as (x, y, width, height); detectors work with corners, (x0,
y0, x1, y1) on pixel edges. Whatever takes or gives corners says `xyxy` in its name;
`geometry.xywh_to_xyxy` and `xyxy_to_xywh` lead from one to the other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require_shape


def require_xyxy(name: str, boxes_xyxy: Tensor) -> None:
    """Raise an `ArgumentError` unless boxes [..., 4] have x1 >= x0 and y1 >= y0.

    Boxes (x, y, width, height) far from the origin do not. On a GPU nothing is asked,
    since training would wait for the answer.
    """
    require_shape(name, boxes_xyxy, "...", 4)
    if boxes_xyxy.device.type != "cpu":
        return
    wrong = (boxes_xyxy[..., 2:] < boxes_xyxy[..., :2]).any(-1)
    if wrong.any():
        raise ArgumentError(
            "are no corners (x0, y0, x1, y1): x1 or y1 is smaller than x0 or y0",
            where=name,
            value=boxes_xyxy[wrong][0].tolist(),
            fix="Boxes (x, y, width, height) go through geometry.xywh_to_xyxy first.",
        )


def area_xyxy(boxes_xyxy: Tensor) -> Tensor:
    """Areas of boxes [..., 4] in px^2; [...]."""
    return (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=0).prod(-1)


def iou_xyxy(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of all pairs: [..., N, 4], [..., M, 4] -> [..., N, M].

    Two boxes without any area have IoU 0. Raises `ArgumentError` for boxes that cannot
    be corners (`require_xyxy`).
    """
    require_xyxy("a", a)
    require_xyxy("b", b)
    p, q = a[..., :, None, :], b[..., None, :, :]
    side = torch.minimum(p[..., 2:], q[..., 2:]) - torch.maximum(p[..., :2], q[..., :2])
    inter = side.clamp(min=0).prod(-1)  # [..., N, M]
    union = area_xyxy(a)[..., :, None] + area_xyxy(b)[..., None, :] - inter
    return torch.where(union > 0, inter / union, 0.0)


def clip_xyxy(boxes_xyxy: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes [..., 4] cut at the border of an image of (H, W) pixels."""
    limit = boxes_xyxy.new_tensor([size[1], size[0], size[1], size[0]])
    return torch.minimum(boxes_xyxy.clamp(min=0), limit)


def nms(boxes_xyxy: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression: indices of the boxes that stay, best first.

    boxes_xyxy [N, 4], scores [N] -> [K] int64. Greedy: the best box stays and removes
    all whose IoU with it is above `iou_threshold`, then the next best of those left,
    and so on; of equal scores the first counts as better.

    Instead of a loop over boxes: i stays unless an *earlier one that stays* overlaps
    it. Start with "all stay" and apply the rule to everybody at once until nothing
    changes. After n rounds the first n are right, so the end is the greedy answer; a
    handful of rounds do, as many as the longest chain of boxes that save one another.
    """
    require_shape("boxes_xyxy", boxes_xyxy, None, 4)
    require_shape("scores", scores, len(boxes_xyxy))
    stays = nms_mask(boxes_xyxy, scores, iou_threshold)
    order = scores.argsort(descending=True, stable=True)
    return order[stays[order]]


def nms_mask(boxes_xyxy: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Who stays, as in `nms`, for rows of boxes: [..., N, 4], [..., N] -> [..., N]."""
    order = scores.argsort(dim=-1, descending=True, stable=True)
    ranked = boxes_xyxy.gather(-2, order[..., None].expand_as(boxes_xyxy))
    rival = (iou_xyxy(ranked, ranked) > iou_threshold).triu(1)
    stays = torch.ones_like(order, dtype=torch.bool)  # [i, j]: i is better, overlaps j
    while True:
        now = ~(rival & stays[..., None]).any(-2)
        if torch.equal(now, stays):
            return torch.zeros_like(stays).scatter(-1, order, stays)
        stays = now


def nms_per_class(
    boxes_xyxy: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float
) -> Tensor:
    """`nms` within each label [N]; the indices that stay, best first over all."""
    parts = [torch.zeros(0, dtype=torch.int64, device=boxes_xyxy.device)]
    for label in labels.unique():
        own = (labels == label).nonzero()[:, 0]
        parts.append(own[nms(boxes_xyxy[own], scores[own], iou_threshold)])
    kept = torch.cat(parts).sort().values  # so that equal scores keep their order
    return kept[scores[kept].argsort(descending=True, stable=True)]
