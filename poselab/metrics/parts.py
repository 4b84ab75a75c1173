"""PCP: the percentage of correct parts, that is of limbs.

A limb counts as found when its two ends are near their true places, measured in the
limb's own length (Ferrari, Marin-Jimenez & Zisserman, "Progressive search space
reduction for human pose estimation", CVPR 2008: within half of it). The sources
disagree twice, and both choices are arguments here:

- "strict" asks both ends to be near, "loose" the mean of the two distances. Papers
  describe the first; a widely used evaluation program computed an average, so numbers
  of those years are not always comparable (Yang & Ramanan, PAMI 2013, report it).
- the length is the limb's own, so that a limb that points at the camera must be found
  more exactly than one seen from the side; PCPm takes the mean length of that limb over
  the whole test set (Andriluka et al., "2D human pose estimation: new benchmark and
  state of the art analysis", CVPR 2014).

PCP is relative to the person, so small people are not at a disadvantage; short limbs
are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from poselab.errors import require
from poselab.metrics.base import as_points, check_limits, check_shape, pooled, poses
from poselab.skeleton import COCO_17, Skeleton

RULES = ("strict", "loose")
Limbs = Sequence[tuple[int | str, int | str]]


def pcp(
    pred: Any,
    truth: Any,
    visibility: Any,
    rule: str = "strict",
    alpha: float = 0.5,
    *,
    length: str | Tensor = "own",
    skeleton: Skeleton = COCO_17,
    limbs: Limbs | None = None,
) -> Tensor:
    """The fraction of limbs that are found, over all people at once; [].

    pred, truth [..., J, 2] px, visibility [..., J]. A limb counts where both of its
    ends are labelled; NaN if none does. `rule` "strict" or "loose"; `length` "own",
    "mean" (PCPm) or one length in px per limb, [L]; `limbs` as pairs of names or
    indices, those of the skeleton by default. A limb of length 0 is found only by
    ends that are exactly right. Raises `ArgumentError`.
    """
    return pooled(
        *limb_judgement(
            pred,
            truth,
            visibility,
            rule,
            alpha,
            length=length,
            skeleton=skeleton,
            limbs=limbs,
        )
    )


def pcpm(pred: Any, truth: Any, visibility: Any, *args, **kwargs) -> Tensor:
    """`pcp` in units of each limb's mean length over all people passed."""
    return pcp(pred, truth, visibility, *args, length="mean", **kwargs)


def pcp_per_limb(pred: Any, truth: Any, visibility: Any, *args, **kwargs) -> Tensor:
    """`pcp` for each limb by itself; [L], NaN where nobody has the limb."""
    judged = limb_judgement(pred, truth, visibility, *args, **kwargs)
    return pooled(*judged, keep=1)


def limb_judgement(
    pred: Any,
    truth: Any,
    visibility: Any,
    rule: str = "strict",
    alpha: float = 0.5,
    *,
    length: str | Tensor = "own",
    skeleton: Skeleton = COCO_17,
    limbs: Limbs | None = None,
) -> tuple[Tensor, Tensor]:
    """Which limbs are right, and which count: two bool tensors [..., L]."""
    require(
        rule in RULES,
        "unknown rule",
        where="pcp",
        field="rule",
        value=rule,
        fix=f"Use one of {', '.join(RULES)}.",
    )
    check_limits(alpha, "alpha", "pcp")
    pred, truth, visibility = poses(pred, truth, visibility, "pcp")
    check_shape(
        visibility, "visibility", (*visibility.shape[:-1], len(skeleton)), "pcp"
    )
    ends = _ends(limbs, skeleton)  # [L, 2]
    counted = (visibility[..., ends] > 0).all(-1)  # [..., L]
    far = (pred - truth).norm(dim=-1)[..., ends]  # [..., L, 2]
    far = far.amax(-1) if rule == "strict" else far.mean(-1)  # NaN stays NaN: wrong
    unit = _unit(truth[..., ends, :], counted, length)
    return (far <= alpha * unit) & counted, counted


def _ends(limbs: Limbs | None, skeleton: Skeleton) -> Tensor:
    """Both joints of each limb; [L, 2]."""
    pairs = skeleton.limbs if limbs is None else limbs
    return _indices(tuple(tuple(pair) for pair in pairs), skeleton)


@cache  # an explorer asks again at every move
def _indices(pairs: tuple, skeleton: Skeleton) -> Tensor:
    def place(end: int | str) -> int:
        if isinstance(end, str):
            return skeleton.index(end)
        known = isinstance(end, Integral) and 0 <= end < len(skeleton)
        require(
            known,
            f"{skeleton.name} has no such joint",
            where="pcp",
            field="limbs",
            value=end,
        )
        return end

    require(
        all(len(pair) == 2 for pair in pairs),
        "must be pairs of joints",
        where="pcp",
        field="limbs",
        value=pairs,
    )
    places = [[place(end) for end in pair] for pair in pairs]
    return torch.tensor(places, dtype=torch.int64).reshape(-1, 2)


def _unit(ends: Tensor, counted: Tensor, length: str | Tensor) -> Tensor:
    """What distances are measured in: [..., L] or [L] px of limbs [..., L, 2, 2]."""
    if not isinstance(length, str):
        given = as_points(length, "length", "pcp")
        check_shape(given, "length", (counted.shape[-1],), "pcp")
        require(
            bool((given > 0).all()),
            "must be positive",
            where="pcp",
            field="length",
            value=given.tolist(),
        )
        return given.to(ends)
    own = (ends[..., 0, :] - ends[..., 1, :]).norm(dim=-1)  # [..., L]
    if length == "own":
        return own
    require(
        length == "mean",
        "unknown length",
        where="pcp",
        field="length",
        value=length,
        fix="Use 'own', 'mean' or lengths in px.",
    )
    flat, has = own.reshape(-1, own.shape[-1]), counted.reshape(-1, own.shape[-1])
    return torch.where(has, flat, 0).sum(0) / has.sum(0)  # NaN where nobody has it
