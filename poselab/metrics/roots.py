"""Where people's roots are in the camera's frame: MRPE and AP of roots.

Moon, Chang & Lee, "Camera Distance-aware Top-down Approach for 3D Multi-person Pose
Estimation from a Single RGB Image", ICCV 2019 (1907.11346), on evaluation metrics: MRPE
is the mean distance of the roots, AP of roots the average precision of answers that are
right if they lie within 25 cm of a true root.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from poselab.errors import require
from poselab.metrics.base import as_points, check_limits, check_shape, poses
from poselab.metrics.space import all_labelled, finite_weights

NEAR = 250.0  # mm


def mrpe(pred: Any, truth: Any, visibility: Any = None) -> Tensor:
    """Mean distance of roots in the camera's frame; [] mm.

    pred, truth [..., 3] mm, visibility [...]; NaN where no root is labelled.
    """
    return _root_gaps(pred, truth, visibility).norm(dim=-1).mean()


def mrpe_axes(pred: Any, truth: Any, visibility: Any = None) -> Tensor:
    """Mean |x|, |y| and |z| of the roots' errors; [3] mm. z is the depth."""
    return _root_gaps(pred, truth, visibility).abs().mean(0)


def _root_gaps(pred: Any, truth: Any, visibility: Any) -> Tensor:
    """Differences of labelled roots; [N, 3] mm."""
    visibility = all_labelled(truth) if visibility is None else visibility
    pred, truth, visibility = poses(pred, truth, visibility, "mrpe", 3)
    finite_weights(pred, truth, visibility, "labelled")
    return (pred - truth)[visibility > 0]


def root_ap(
    truth: Sequence[Any],
    found: Sequence[Any],
    scores: Sequence[Any],
    *,
    threshold: float = NEAR,
    released: bool = False,
) -> float:
    """Average precision of roots over a set of pictures.

    For each picture: truth [M, 3] mm, found [N, 3] mm, scores [N]. All answers of all
    pictures are ranked together. Each takes the nearest root of its picture that is
    still free, and is right if that is at most `threshold` away. AP is the mean over
    all true roots of the precision at the rank where the root was found, 0 for one
    that never was: the area under precision over recall, not smoothed.

    `released` counts as the authors' program does: an answer looks at the nearest root
    even if that is taken (and is wrong then), the distance must be smaller than the
    threshold, pictures without people are left out, and the area begins at the second
    answer. NaN where there is no root. Raises `ArgumentError`, `ShapeError`.
    """
    check_limits(threshold, "threshold", "root_ap")
    parts = _pictures(truth, found, scores)
    total = sum(len(real) for real, _, _ in parts)
    if not total:
        return float("nan")
    parts = [part for part in parts if len(part[0]) or not released]
    sure = torch.cat([sure for _, _, sure in parts])
    rank = sure.argsort(descending=True, stable=True)
    right = _right(parts, rank, threshold, released).double()
    precision = right.cumsum(0) / torch.arange(1, 1 + len(right))
    if released:
        right = torch.cat([torch.zeros_like(right[:1]), right[1:]])
    return float((precision * right).sum() / total)


def _pictures(truth, found, scores) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The three lists side by side, as tensors of fitting shapes."""
    require(
        len(truth) == len(found) == len(scores),
        f"expected those of {len(truth)} pictures",
        where="root_ap",
        field="found and scores",
        value=(len(found), len(scores)),
    )
    parts = []
    for i, group in enumerate(zip(truth, found, scores, strict=True)):
        names = (f"truth[{i}]", f"found[{i}]", f"scores[{i}]")
        real, roots, sure = (
            as_points(value, name, "root_ap")
            for value, name in zip(group, names, strict=True)
        )
        check_shape(real, names[0], (len(real), 3), "root_ap")
        check_shape(roots, names[1], (len(roots), 3), "root_ap")
        check_shape(sure, names[2], (len(roots),), "root_ap")
        finite_weights(roots, roots, torch.ones(len(roots)), "labelled")
        parts.append((real, roots, sure))
    return parts


def _right(parts, rank: Tensor, threshold: float, released: bool) -> Tensor:
    """Which answers are right, in the order of `rank`; [N] bool."""
    owner = [(i, n) for i, (_, roots, _) in enumerate(parts) for n in range(len(roots))]
    free = [torch.ones(len(real), dtype=torch.bool) for real, _, _ in parts]
    right = torch.zeros(len(owner), dtype=torch.bool)
    for place, which in enumerate(rank.tolist()):
        i, n = owner[which]
        real, roots, _ = parts[i]
        far = (real - roots[n]).norm(dim=-1)
        far = far if released else far.masked_fill(~free[i], torch.inf)
        if not len(far):
            continue
        j = int(far.argmin())
        near = far[j] < threshold if released else far[j] <= threshold
        if near and free[i][j]:
            right[place], free[i][j] = True, False
    return right
