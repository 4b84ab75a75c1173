"""Errors of 3D poses in mm: MPJPE and its relatives, 3DPCK, AUC.

MPJPE is the Euclidean distance of each joint to its truth, averaged over joints and
poses after the roots have been put on each other (Ionescu et al., "Human3.6M", PAMI
2014): a mean of lengths, not a root of mean squares. What is taken away
before the comparison is what the number hides:

- `mpjpe`: where the person stands (root alignment);
- `n_mpjpe`: also how large they are (one factor per pose: Rhodin, Salzmann & Fua,
  "Unsupervised geometry-aware representation for 3D human pose estimation", ECCV 2018);
- `pa_mpjpe`: also which way they face (a similarity per pose, Procrustes alignment).

What they leave out, where the root is in the camera's frame, is in `roots.py`.

Factor and similarity are least-squares fits: they make the SQUARED error least. So the
root-mean-square errors always fall in that order, and the mean distances, which are
reported, nearly always: one joint that is far off can make a fit push all others away,
and then PA-MPJPE is above MPJPE.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require
from poselab.geometry import rigid_align
from poselab.metrics.base import as_points, as_tensor, poses
from poselab.skeleton import H36M_17, Skeleton, convert

KINDS = ("none", "root", "scale", "similarity")
AUC_THRESHOLDS = tuple(range(0, 151, 5))  # mm
Root = int | str | None


def mpjpe(
    pred: Any,
    truth: Any,
    visibility: Any = None,
    *,
    root: Root = "pelvis",
    skeleton: Skeleton = H36M_17,
) -> Tensor:
    """Mean distance of all labelled joints of all poses, root on root; [] mm.

    pred, truth [..., J, 3] mm; visibility [..., J], all labelled by default. `root` is
    a joint's name (a pelvis that the skeleton lacks is the middle of the hips), its
    index, or None for no alignment. The root itself counts, with error 0, as the field
    has it. NaN where no joint is labelled. Raises `ArgumentError`, for NaN too.
    """
    return _mean(joint_errors(pred, truth, visibility, root=root, skeleton=skeleton))


def n_mpjpe(
    pred: Any,
    truth: Any,
    visibility: Any = None,
    *,
    root: Root = "pelvis",
    skeleton: Skeleton = H36M_17,
    fit: str = "labelled",
) -> Tensor:
    """`mpjpe` after each pose was also scaled by the factor that fits best; [] mm.

    The factor is sum(pred . truth) / sum(pred . pred) over the joints of the pose, of
    the "labelled" ones or, as in a common evaluation program, of "all" (`fit`). With
    root=None poses are scaled about the origin, as that program does: it expects
    poses relative to their root. A pose that has shrunk to its root stays as it is.
    """
    return _mean(
        joint_errors(
            pred, truth, visibility, "scale", root=root, skeleton=skeleton, fit=fit
        )
    )


def pa_mpjpe(
    pred: Any, truth: Any, visibility: Any = None, *, fit: str = "labelled"
) -> Tensor:
    """Mean distance after the best similarity of each pose; [] mm.

    Shift, turn and factor fit the "labelled" joints or, as in a common evaluation
    program, "all" (`fit`). Never a reflection: a mirror image stays wrong.
    """
    return _mean(joint_errors(pred, truth, visibility, "similarity", fit=fit))


def joint_errors(
    pred: Any, truth: Any, visibility: Any = None, kind: str = "root", **how
) -> Tensor:
    """Distance of every joint after `align`; [..., J] mm, NaN where not labelled."""
    visibility = all_labelled(truth) if visibility is None else visibility
    labelled = as_tensor(visibility, "visibility", "mpjpe") > 0
    moved, goal = align(pred, truth, visibility, kind, **how)
    return torch.where(labelled, (moved - goal).norm(dim=-1), torch.nan)


def align(
    pred: Any,
    truth: Any,
    visibility: Any = None,
    kind: str = "root",
    *,
    root: Root = "pelvis",
    skeleton: Skeleton = H36M_17,
    fit: str = "labelled",
) -> tuple[Tensor, Tensor]:
    """The two poses as they are compared; [..., J, 3] mm each.

    `kind` "none", "root" (both relative to their roots), "scale" (so, and the
    prediction scaled) or "similarity" (the prediction moved onto the truth).
    """
    require(
        kind in KINDS,
        "unknown alignment",
        where="align",
        field="kind",
        value=kind,
        fix=f"Use one of {', '.join(KINDS)}.",
    )
    visibility = all_labelled(truth) if visibility is None else visibility
    pred, truth, visibility = poses(pred, truth, visibility, "mpjpe", 3)
    weights = finite_weights(pred, truth, visibility, fit)
    if kind in ("root", "scale") and root is not None:
        pred = pred - _root(pred, visibility, root, skeleton)
        truth = truth - _root(truth, visibility, root, skeleton)
    if kind == "scale":
        pred = pred * _factor(pred, truth, weights)
    if kind == "similarity":
        pred = rigid_align(pred, truth, weights=weights)
    return pred, truth


def all_labelled(truth: Any) -> Tensor:
    truth = as_points(truth, "truth", "mpjpe")
    require(
        truth.dim() >= 2,
        "expected shape [..., J, 3]",
        where="mpjpe",
        field="truth",
        value=list(truth.shape),
    )
    return torch.ones(truth.shape[:-1], device=truth.device)


def finite_weights(pred: Tensor, truth: Tensor, visibility: Tensor, fit: str) -> Tensor:
    """1 for joints that a fit looks at, which must have finite places; [..., J]."""
    require(
        fit in ("labelled", "all"),
        "unknown fit",
        where="mpjpe",
        field="fit",
        value=fit,
        fix="Use 'labelled' or 'all'.",
    )
    labelled = visibility > 0
    used = labelled if fit == "labelled" else torch.ones_like(labelled)
    for name, points in (("pred", pred), ("truth", truth)):
        lost = used & ~torch.isfinite(points).all(-1)
        if lost.any():
            raise ArgumentError(
                "a joint that is compared has no finite position",
                where="mpjpe",
                field=f"{name}{lost.nonzero()[0].tolist()}",
                value=points[lost][0].tolist(),
                fix="Distances in mm know no joint that was not found.",
            )
    return used.to(pred.dtype)


def _root(points: Tensor, visibility: Tensor, root: int | str, skeleton: Skeleton):
    """Where each pose's root is; [..., 1, 3]."""
    if isinstance(root, str):
        point, flag = _named_root(points, visibility, root, skeleton)
    else:
        known = isinstance(root, Integral) and 0 <= root < points.shape[-2]
        require(
            known, "there is no such joint", where="mpjpe", field="root", value=root
        )
        point, flag = points[..., root, None, :], visibility[..., root, None]
    lost = (flag[..., 0] <= 0) & (visibility > 0).any(-1)
    require(
        not lost.any(),
        "the root of a pose is not labelled",
        where="mpjpe",
        field="root",
        value=root,
        fix="Leave such poses out.",
    )
    return torch.where(flag[..., None] > 0, point, 0)


def _named_root(points: Tensor, visibility: Tensor, root: str, skeleton: Skeleton):
    require(
        points.shape[-2] == len(skeleton),
        f"{skeleton.name} has other joints",
        where="mpjpe",
        field="number of joints",
        value=points.shape[-2],
        fix="Pass skeleton=, or root= as an index.",
    )
    only = Skeleton("root", (root,), (), flip_pairs=())
    point, flag = convert(points, visibility, skeleton, only)
    if not convert(points, torch.ones_like(visibility), skeleton, only)[1].any():
        skeleton.index(root)  # says which joints there are
    return point, flag


def _factor(pred: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    used = weights[..., None] > 0

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(used, a * b, 0).sum((-1, -2), keepdim=True)

    size = dot(pred, pred)
    return torch.where(size > 0, dot(pred, truth) / size, 1)


def _mean(errors: Tensor) -> Tensor:
    return errors.nanmean()


# --- 3DPCK and AUC -------------------------------------------------------------------


def pck3d(
    pred: Any,
    truth: Any,
    visibility: Any = None,
    *,
    threshold: float = 150.0,
    strict: bool = False,
    **how,
) -> Tensor:
    """The fraction of labelled joints within `threshold` mm of the truth; [].

    150 mm is about half a head (Mehta et al. 2017, 1611.09813). `how` goes to
    `joint_errors`: kind, root, skeleton, fit. A distance equal to the threshold is
    right; with `strict` it must be smaller. NaN where no joint is labelled.
    """
    curve = pck3d_curve(
        pred, truth, visibility, thresholds=(threshold,), strict=strict, **how
    )
    return curve[0]


def auc3d(
    pred: Any,
    truth: Any,
    visibility: Any = None,
    *,
    thresholds: Sequence[float] = AUC_THRESHOLDS,
    strict: bool = False,
    **how,
) -> Tensor:
    """The mean of 3DPCK over thresholds from 0 to 150 mm in steps of 5; [].

    31 thresholds. A perfect answer scores 1 here. Evaluation programs that ask for
    errors smaller than the threshold (`strict`) can give it no more than 30 / 31, for
    nothing is below 0 mm.
    """
    return pck3d_curve(
        pred, truth, visibility, thresholds=thresholds, strict=strict, **how
    ).mean()


def pck3d_curve(
    pred: Any,
    truth: Any,
    visibility: Any = None,
    *,
    thresholds: Sequence[float] = AUC_THRESHOLDS,
    strict: bool = False,
    **how,
) -> Tensor:
    """3DPCK at each threshold; [T]."""
    limits = as_points(list(thresholds), "thresholds", "pck3d")
    require(
        bool(len(limits) and (limits >= 0).all()),
        "must be lengths in mm",
        where="pck3d",
        field="thresholds",
        value=thresholds,
    )
    errors = joint_errors(pred, truth, visibility, **how)
    errors = errors[~errors.isnan()]
    limits = limits.to(errors)[:, None]
    right = errors < limits if strict else errors <= limits
    return right.double().mean(1)
