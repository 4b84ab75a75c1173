"""PCK: the percentage of correct keypoints.

A joint is correct when it is no further from the truth than a fraction of a length that
belongs to the person. The length is the larger side of the person's box (Yang &
Ramanan, "Articulated human detection with flexible mixtures of parts", PAMI 2013,
section 6), the torso (FLIC, LSP) or the head segment (PCKh: Andriluka et al. 2014,
section 4).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from poselab.errors import ArgumentError, ShapeError
from poselab.skeleton import COCO_17, Skeleton

SEGMENTS = {
    "torso": ("left_shoulder", "right_hip"),
    "head": ("head_top", "upper_neck"),
}
REFERENCES = ("box", *SEGMENTS)
THRESHOLDS = (0.05, 0.1, 0.2)


def pck(
    pred: Tensor,
    truth: Tensor,
    visibility: Tensor,
    reference: str | Tensor = "box",
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    boxes: Tensor | None = None,
    skeleton: Skeleton = COCO_17,
) -> Tensor:
    """The fraction of labelled joints that are correct at each threshold; [T].

    pred, truth [..., J, 2] px; visibility [..., J]; reference "box" (with `boxes`
    [..., 4] xywh), "torso", "head" or the lengths themselves, [...] px. The fraction is
    taken over all labelled joints of all people at once, as PCKh does; NaN where no
    joint is labelled. A joint predicted as NaN is wrong. Raises `ArgumentError`.
    """
    right, counted = _judge(
        pred, truth, visibility, reference, thresholds, boxes, skeleton
    )
    return right.flatten(1).sum(1).double() / counted.sum()


def pck_per_joint(
    pred: Tensor,
    truth: Tensor,
    visibility: Tensor,
    reference: str | Tensor = "box",
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    boxes: Tensor | None = None,
    skeleton: Skeleton = COCO_17,
) -> Tensor:
    """`pck` for each joint by itself; [T, J], NaN where nobody has the joint."""
    right, counted = _judge(
        pred, truth, visibility, reference, thresholds, boxes, skeleton
    )
    joints = counted.shape[-1]
    hits = right.reshape(len(right), -1, joints).sum(1)  # [T, J]
    return hits.double() / counted.reshape(-1, joints).sum(0)


def reference_length(
    truth: Tensor,
    visibility: Tensor,
    reference: str | Tensor,
    boxes: Tensor | None = None,
    skeleton: Skeleton = COCO_17,
) -> Tensor:
    """The length of each person that PCK measures in; [...] px, NaN where unknown.

    A torso or head whose ends are not both labelled has no length, and such a person
    is not counted.
    """
    if isinstance(reference, Tensor):
        return _checked(reference, "reference", truth.shape[:-2])
    if reference == "box":
        if boxes is None:
            raise ArgumentError(
                "is needed for reference='box'", where="pck", field="boxes",
                value=None, fix="Pass boxes=sample.boxes.",
            )  # fmt: skip
        return _checked(boxes, "boxes", (*truth.shape[:-2], 4))[..., 2:].amax(-1)
    if reference not in SEGMENTS:
        raise ArgumentError(
            "unknown reference", where="pck", field="reference", value=reference,
            fix=f"Use one of {', '.join(REFERENCES)}, or a tensor of lengths in px.",
        )  # fmt: skip
    ends = [skeleton.index(joint) for joint in SEGMENTS[reference]]
    a, b = truth[..., ends, :].unbind(-2)
    known = (visibility[..., ends] > 0).all(-1)
    return torch.where(known, (a - b).norm(dim=-1), torch.nan)


def _judge(pred, truth, visibility, reference, thresholds, boxes, skeleton):
    """Who is right at each threshold [T, ..., J], and who counts [..., J]."""
    _checked(truth, "truth", (*visibility.shape, 2))
    _checked(pred, "pred", truth.shape)
    length = reference_length(truth, visibility, reference, boxes, skeleton)
    counted = (visibility > 0) & torch.isfinite(length)[..., None]  # [..., J]
    error = (pred - truth).norm(dim=-1)  # [..., J]
    limit = torch.as_tensor(thresholds, dtype=error.dtype, device=error.device)
    limit = limit.reshape(-1, *[1] * length.dim()) * length  # [T, ...]
    return (error <= limit[..., None]) & counted, counted


def _checked(tensor: Tensor, name: str, shape: Sequence[int]) -> Tensor:
    if tensor.shape != torch.Size(shape):
        raise ShapeError(
            f"expected shape {list(shape)}", where="pck", field=name,
            value=list(tensor.shape),
        )  # fmt: skip
    return tensor
