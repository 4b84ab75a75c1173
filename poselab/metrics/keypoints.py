"""PCK: the percentage of correct keypoints, and its relatives PCKh and PDJ.

A joint is correct when it is no further from the truth than a fraction of a length that
belongs to the person. Which length, is where papers differ:

- PCK: the larger side of the person's box, max(h, w) (Yang & Ramanan, "Articulated
  human detection with flexible mixtures of parts", PAMI 2013, section 6). The torso is
  common for FLIC and LSP, and often told as if it were the original.
- PCKh: half of the head segment (Andriluka et al. 2014, section 4). MPII's program
  takes 0.6 times the diagonal of the annotated head box for the head's length.
- PDJ, the percentage of detected joints: the torso's diameter from the left shoulder to
  the right hip (Sapp & Taskar, "MODEC", CVPR 2013; Toshev & Szegedy 2014, section 4).
  It has a part along the body, so it does not vanish in profile. The diagonal of the
  person's box is a variant that circulates on the web.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require
from poselab.metrics.base import as_points, as_tensor, check_limits, check_shape, poses
from poselab.skeleton import COCO_17, MPII_16, Skeleton

SEGMENTS = {"torso": ("left_shoulder", "right_hip"), "head": ("head_top", "upper_neck")}
REFERENCES = ("box", *SEGMENTS, "diagonal")
THRESHOLDS = (0.05, 0.1, 0.2)
HEAD_BIAS = 0.6  # SC_BIAS of MPII's evaluation program


def pck(
    pred: Any,
    truth: Any,
    visibility: Any,
    reference: str | Tensor = "box",
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    boxes: Any = None,
    skeleton: Skeleton = COCO_17,
) -> Tensor:
    """The fraction of labelled joints that are correct at each threshold; [T].

    pred, truth [..., J, 2] px; visibility [..., J]; reference "box" or "diagonal"
    (with `boxes` [..., 4] xywh), "torso", "head" or the lengths themselves, [...] px.
    The fraction is taken over all labelled joints of all people at once, as PCKh does;
    NaN where no joint is labelled. A joint predicted as NaN is wrong. A distance equal
    to the threshold is right. Raises `ArgumentError`, also where a person with labelled
    joints has a length of 0, or where a torso is asked for and `skeleton` has another
    number of joints.
    """
    right, counted = _judge(
        pred, truth, visibility, reference, thresholds, boxes, skeleton
    )
    return right.flatten(1).sum(1).double() / counted.sum()


def pck_per_joint(
    pred: Any,
    truth: Any,
    visibility: Any,
    reference: str | Tensor = "box",
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    boxes: Any = None,
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
    truth: Any,
    visibility: Any,
    reference: str | Tensor,
    boxes: Any = None,
    skeleton: Skeleton = COCO_17,
) -> Tensor:
    """The length of each person that PCK measures in; [...] px, NaN where unknown.

    A torso or head whose ends are not both labelled has no length, and such a person
    is not counted. Raises `ArgumentError` where a person with labelled joints has a
    length that is not positive, since every threshold would then ask for perfection.
    """
    truth = as_points(truth, "truth", "pck")
    visibility = as_tensor(visibility, "visibility", "pck")
    length = _length(truth, visibility, reference, boxes, skeleton)
    bad = (visibility > 0).any(-1) & ~((length > 0) | length.isnan())
    if bad.any():
        raise ArgumentError(
            "a person's reference length must be positive",
            where="pck",
            field=f"{reference if isinstance(reference, str) else 'reference'} of "
            f"person {bad.nonzero()[0].tolist()}",
            value=length[bad][0].item(),
        )
    return length


def _length(truth, visibility, reference, boxes, skeleton) -> Tensor:
    if not isinstance(reference, str):
        given = as_points(reference, "reference", "pck").to(truth.device)
        return check_shape(given, "reference", truth.shape[:-2], "pck")
    if reference in ("box", "diagonal"):
        return _box_length(truth, visibility, reference, boxes)
    if reference not in SEGMENTS:
        raise ArgumentError(
            "unknown reference",
            where="pck",
            field="reference",
            value=reference,
            fix=f"Use one of {', '.join(REFERENCES)}, or a tensor of lengths in px.",
        )
    check_shape(visibility, "visibility", truth.shape[:-1], "pck")
    _same_joints(truth, skeleton)
    ends = [skeleton.index(joint) for joint in SEGMENTS[reference]]
    a, b = truth[..., ends, :].unbind(-2)
    known = (visibility[..., ends] > 0).all(-1)
    return torch.where(known, (a - b).norm(dim=-1), torch.nan)


def _same_joints(truth: Tensor, skeleton: Skeleton) -> None:
    """Joints found by their names must be where the skeleton has them."""
    require(
        truth.shape[-2] == len(skeleton),
        f"{skeleton.name} has other joints",
        where="pck",
        field="number of joints",
        value=truth.shape[-2],
        fix="Pass the skeleton of these joints.",
    )


def _box_length(truth, visibility, reference, boxes) -> Tensor:
    require(
        boxes is not None,
        f"is needed for reference={reference!r}",
        where="pck",
        field="boxes",
        value=None,
        fix="Pass boxes=sample.boxes.",
    )
    boxes = as_points(boxes, "boxes", "pck").to(truth.device)
    sides = check_shape(boxes, "boxes", (*truth.shape[:-2], 4), "pck")[..., 2:]
    lost = (visibility > 0).any(-1) & ~torch.isfinite(sides).all(-1)
    require(
        not lost.any(),
        "a person's box is not finite",
        where="pck",
        field="boxes",
        value=boxes[lost][:1].tolist(),
    )
    return sides.amax(-1) if reference == "box" else sides.norm(dim=-1)


def _judge(pred, truth, visibility, reference, thresholds, boxes, skeleton):
    """Who is right at each threshold [T, ..., J], and who counts [..., J]."""
    pred, truth, visibility = poses(pred, truth, visibility, "pck")
    length = reference_length(truth, visibility, reference, boxes, skeleton)
    counted = (visibility > 0) & torch.isfinite(length)[..., None]  # [..., J]
    error = (pred - truth).norm(dim=-1)  # [..., J]
    limit = check_limits(thresholds, "thresholds", "pck").to(error)
    limit = limit.reshape(-1, *[1] * length.dim()) * length  # [T, ...]
    return (error <= limit[..., None]) & counted, counted


# --- PCKh and PDJ --------------------------------------------------------------------


def head_box_length(head_boxes: Any, bias: float = HEAD_BIAS) -> Tensor:
    """MPII's head length: `bias` times the diagonal of boxes [..., 4] xywh px; [...].

    Width and height are differences of the annotated corners (no pixel added).
    """
    boxes = as_points(head_boxes, "head_boxes", "pckh")
    check_shape(boxes, "head_boxes", (*boxes.shape[:-1], 4), "pckh")
    return bias * boxes[..., 2:].norm(dim=-1)


def pckh(
    pred: Any,
    truth: Any,
    visibility: Any,
    thresholds: Sequence[float] = (0.5,),
    *,
    head: str | Tensor = "segment",
    head_boxes: Any = None,
    joints: Sequence[int | str] | None = None,
    skeleton: Skeleton = MPII_16,
) -> Tensor:
    """PCK in units of the head's length; [T].

    `head` "segment" (from the top of the head to the upper neck, as the paper says),
    "box" (`head_box_length` of `head_boxes`, as the paper's program does) or the
    lengths, [...] px. Only `joints` count, if given: MPII's table leaves out pelvis
    and thorax. Raises `ArgumentError`.
    """
    truth = as_points(truth, "truth", "pckh")
    visibility = as_tensor(visibility, "visibility", "pckh")
    check_shape(visibility, "visibility", truth.shape[:-1], "pckh")
    lengths = _head_length(truth, visibility, head, head_boxes, skeleton)
    if joints is not None:
        _same_joints(truth, skeleton)
        keep = torch.zeros(len(skeleton), dtype=torch.bool, device=visibility.device)
        keep[[_place(joint, skeleton) for joint in joints]] = True
        visibility = visibility * keep
    return pck(pred, truth, visibility, lengths, thresholds, skeleton=skeleton)


def _place(joint: int | str, skeleton: Skeleton) -> int:
    if isinstance(joint, str):
        return skeleton.index(joint)
    require(
        0 <= joint < len(skeleton),
        f"{skeleton.name} has no such joint",
        where="pckh",
        field="joints",
        value=joint,
    )
    return joint


def _head_length(truth, visibility, head, head_boxes, skeleton) -> Tensor:
    if not isinstance(head, str):
        return head
    if head == "segment":
        return reference_length(truth, visibility, "head", None, skeleton)
    require(
        head == "box",
        "unknown head",
        where="pckh",
        field="head",
        value=head,
        fix="Use 'segment', 'box' or lengths in px.",
    )
    require(
        head_boxes is not None,
        "is needed for head='box'",
        where="pckh",
        field="head_boxes",
        value=None,
    )
    return head_box_length(head_boxes)


_MPII_PARTS = ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")


def pckh_mpii(
    pred: Any,
    truth: Any,
    visibility: Any,
    head_boxes: Any,
    threshold: float = 0.5,
    fine: float = 0.11,
) -> dict[str, float]:
    """The table of MPII's evaluation: a fraction for each part, and the means.

    pred, truth [N, 16, 2] px in MPII's order, visibility [N, 16], head_boxes [N, 4]
    xywh px. A part is the plain mean of its left and right joints; "Mean" counts every
    labelled joint but pelvis and thorax alike. "Mean@0.1" is, in the Python programs
    that everybody reports, read off one step too far along a curve in steps of 0.01,
    at 0.11; `fine=0.1` gives what its name says.
    """
    _same_joints(as_points(truth, "truth", "pckh"), MPII_16)
    length = head_box_length(head_boxes)
    each = pck_per_joint(
        pred, truth, visibility, length, (threshold,), skeleton=MPII_16
    )[0]
    table = {"Head": each[MPII_16.index("head_top")].item()}
    for part in _MPII_PARTS:
        sides = [MPII_16.index(f"{side}_{part.lower()}") for side in ("left", "right")]
        table[part] = each[sides].mean().item()
    counted = [j for j in MPII_16.joints if j not in ("pelvis", "thorax")]
    means = pckh(
        pred, truth, visibility, (threshold, fine), head=length, joints=counted
    )
    return table | {"Mean": means[0].item(), "Mean@0.1": means[1].item()}


def pdj(
    pred: Any,
    truth: Any,
    visibility: Any,
    fractions: Sequence[float] = (0.2,),
    *,
    diameter: str | Tensor = "torso",
    boxes: Any = None,
    skeleton: Skeleton = COCO_17,
) -> Tensor:
    """The fraction of joints within each fraction of the torso's diameter; [T].

    `diameter` "torso" (left shoulder to right hip; a person who lacks either is not
    counted), or the web's "diagonal" of `boxes` [..., 4] xywh px, or lengths [...] px.
    """
    known = not isinstance(diameter, str) or diameter in ("torso", "diagonal")
    require(
        known,
        "unknown diameter",
        where="pdj",
        field="diameter",
        value=diameter,
        fix="Use 'torso', 'diagonal' or lengths in px.",
    )
    return pck(
        pred, truth, visibility, diameter, fractions, boxes=boxes, skeleton=skeleton
    )
