"""Object keypoint similarity, OKS: how alike are two poses of one person?

The mean over labelled joints of exp(-d_i^2 / (2 s^2 k_i^2)) with d_i in pixels, s^2 the
person's segment area and k_i = 2 sigma_i, where sigma_i is how much people differ when
they label joint i again (cocodataset.org/#keypoints-eval). It is a similarity and not a
distance: 1 is perfect. Two misreadings are common enough to be worth an experiment: s
for s^2, which `areas.sqrt()` shows, and k_i = sigma_i, which `sigma_factor=1` shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require, require_shape
from poselab.metrics.base import as_points, check_shape, poses
from poselab.skeleton import COCO_17, Skeleton

SIGMA_FACTOR = 2.0  # k_i = 2 sigma_i


def oks(
    pred: Any,
    truth: Any,
    visibility: Any,
    areas: Any,
    skeleton: Skeleton = COCO_17,
    boxes: Any = None,
    sigma_factor: float = SIGMA_FACTOR,
) -> Tensor:
    """OKS of every prediction with every person; [..., N, Q].

    pred [..., N, J, 2] px, truth [..., Q, J, 2] px, visibility [..., Q, J], areas
    [..., Q] px^2. Joints with visibility 0 do not count. A person without any labelled
    joint is compared by how far the joints are outside the doubled box, as pycocotools
    does, if `boxes` [..., Q, 4] are given, and has OKS 0 otherwise. A person of area 0
    is met by exact joints only, as in pycocotools; a joint predicted as NaN has
    similarity 0. `sigma_factor` is k / sigma: 2 is COCO's, 1 a common misreading.
    Raises `ArgumentError`.
    """
    pred, truth = as_points(pred, "pred", "oks"), as_points(truth, "truth", "oks")
    require_shape("pred", pred, "...", None, len(skeleton), 2)
    require_shape("truth", truth, "...", None, len(skeleton), 2)
    _, truth, visibility = poses(truth, truth, visibility, "oks")
    areas = _areas(areas, truth.shape[:-2])
    labelled = (visibility > 0)[..., None, :, :]  # [..., 1, Q, J]
    near = (pred[..., :, None, :, :] - truth[..., None, :, :, :]).square().sum(-1)
    score = similarity(near, areas[..., None, :], skeleton, sigma_factor)
    count = labelled.sum(-1)  # [..., 1, Q]
    value = torch.where(labelled, score, 0).sum(-1) / count.clamp(min=1)
    if boxes is None:
        return value
    boxes = as_points(boxes, "boxes", "oks")
    check_shape(boxes, "boxes", (*truth.shape[:-2], 4), "oks")
    lost = (count[..., 0, :] == 0) & ~torch.isfinite(boxes).all(-1)
    require(
        not lost.any(),
        "a person's box is not finite",
        where="oks",
        field="boxes",
        value=boxes[lost][:1].tolist(),
    )
    outside = _outside(pred, boxes.to(pred))
    far = similarity(outside, areas[..., None, :], skeleton, sigma_factor).mean(-1)
    return torch.where(count > 0, value, far)


def oks_per_joint(
    pred: Any,
    truth: Any,
    visibility: Any,
    areas: Any,
    skeleton: Skeleton = COCO_17,
    sigma_factor: float = SIGMA_FACTOR,
) -> Tensor:
    """How similar each joint of a pose is to the same joint of its person; [..., J].

    pred, truth [..., J, 2] px, one prediction for each person; areas [...] px^2. NaN
    where a joint is not labelled; the mean of the others is the pose's OKS.
    """
    pred, truth, visibility = poses(pred, truth, visibility, "oks")
    require_shape("pred", pred, "...", len(skeleton), 2)
    areas = _areas(areas, truth.shape[:-2])
    squared = (pred - truth).square().sum(-1)
    score = similarity(squared, areas, skeleton, sigma_factor)
    return torch.where(visibility > 0, score, torch.nan)


def oks_radius(
    areas: Any,
    level: float = 0.5,
    skeleton: Skeleton = COCO_17,
    sigma_factor: float = SIGMA_FACTOR,
) -> Tensor:
    """How far from the truth a joint's similarity has fallen to `level`; [..., J] px.

    exp(-d^2 / (2 s^2 k^2)) = level solved for d: s k sqrt(-2 ln level), for areas
    s^2 [...] px^2.
    """
    require(
        0 < level <= 1,
        "must be above 0 and at most 1",
        where="oks_radius",
        field="level",
        value=level,
    )
    _check_factor(sigma_factor)
    areas = as_points(areas, "areas", "oks")
    k = sigma_factor * areas.new_tensor(sigmas(skeleton))
    scale = _areas(areas, areas.shape).sqrt()[..., None]
    return scale * k * math.sqrt(-2 * math.log(level))


def similarity(
    squared: Tensor, areas: Tensor, skeleton: Skeleton, sigma_factor: float
) -> Tensor:
    """exp(-d^2 / (2 s^2 k^2)) of squared distances [..., J] and areas [...]."""
    _check_factor(sigma_factor)
    k = sigma_factor * squared.new_tensor(sigmas(skeleton))
    # pycocotools adds the same eps; what is not a number is nowhere near.
    scale = areas.to(squared)[..., None] + torch.finfo(torch.float64).eps
    return torch.exp(-squared / (2 * scale * k.square())).nan_to_num(nan=0.0)


def _check_factor(sigma_factor: float) -> None:
    require(
        0 < sigma_factor < math.inf,
        "must be positive",
        where="oks",
        field="sigma_factor",
        value=sigma_factor,
    )


def _areas(areas: Any, shape: Sequence[int]) -> Tensor:
    areas = as_points(areas, "areas", "oks")
    check_shape(areas, "areas", shape, "oks")
    good = torch.isfinite(areas) & (areas >= 0)
    require(
        bool(good.all()),
        "an area must be finite and not negative",
        where="oks",
        field="areas",
        value=areas[~good][:1].tolist(),
        fix="It is s squared, in px^2: the area of the person's mask.",
    )
    return areas


def _outside(pred: Tensor, boxes: Tensor) -> Tensor:
    """Squared distance of joints to boxes grown by their size on every side."""
    low = (boxes[..., :2] - boxes[..., 2:])[..., None, :, None, :]
    high = (boxes[..., :2] + 2 * boxes[..., 2:])[..., None, :, None, :]
    point = pred[..., :, None, :, :]
    gap = (low - point).clamp(min=0) + (point - high).clamp(min=0)
    return gap.square().sum(-1)


def sigmas(skeleton: Skeleton) -> tuple[float, ...]:
    """The skeleton's sigmas; an `ArgumentError` if nobody has published any."""
    if skeleton.sigmas is None:
        raise ArgumentError(
            "this skeleton has no OKS sigmas",
            where="oks",
            field="skeleton",
            value=skeleton.name,
            fix="Use PCK, or a skeleton with sigmas.",
        )
    return skeleton.sigmas
