"""Predictions: the poses that a method finds, and the boxes of a detector."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from poselab.records.base import EVERYBODY, Record, Shape


@dataclass
class Poses(Record):
    """The people whom a method finds in an image.

    keypoints [P, J, 2] px, scores [P, J] of the joints, present [P] bool. Where known:
    boxes [P, 4] xywh px, person_scores [P], track_ids [P] (-1: nobody), joints_3d
    [P, J, 3] mm, roots [P, 3] mm in the camera frame, masks [P, H, W], features [P, C],
    what the people look like. Raises `ShapeError` where two fields do not fit together.
    """

    SHAPES: ClassVar[dict[str, Shape]] = {
        "keypoints": ("P", "J", 2),
        "scores": ("P", "J"),
        "boxes": ("P", 4),
        "person_scores": ("P",),
        "track_ids": ("P",),
        "joints_3d": ("P", "J", 3),
        "roots": ("P", 3),
        "masks": ("P", "H", "W"),
        "features": ("P", "C"),
        "present": ("P",),
    }

    keypoints: Tensor
    scores: Tensor
    _: KW_ONLY
    boxes: Tensor | None = None
    person_scores: Tensor | None = None
    track_ids: Tensor | None = None
    joints_3d: Tensor | None = None
    roots: Tensor | None = None
    masks: Tensor | None = None
    features: Tensor | None = None
    present: Tensor = EVERYBODY

    @classmethod
    def empty(cls, joints: int, device: torch.device | str | None = None) -> Self:
        """Nobody; `joints` is J."""
        return cls(
            keypoints=torch.zeros(0, joints, 2, device=device),
            scores=torch.zeros(0, joints, device=device),
            boxes=torch.zeros(0, 4, device=device),
            person_scores=torch.zeros(0, device=device),
        )


@dataclass
class Detections(Record):
    """What a detector finds in an image, best first.

    boxes [P, 4] xywh px, scores [P], labels [P] int64 (1 is a person), present [P]
    bool. Where the network has the head: masks [P, H, W] bool, keypoints [P, J, 2] px,
    keypoint_scores [P, J] (logits). Raises `ShapeError` where two fields do not fit
    together.
    """

    SHAPES: ClassVar[dict[str, Shape]] = {
        "boxes": ("P", 4),
        "scores": ("P",),
        "labels": ("P",),
        "masks": ("P", "H", "W"),
        "keypoints": ("P", "J", 2),
        "keypoint_scores": ("P", "J"),
        "present": ("P",),
    }

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    _: KW_ONLY
    masks: Tensor | None = None
    keypoints: Tensor | None = None
    keypoint_scores: Tensor | None = None
    present: Tensor = EVERYBODY

    @classmethod
    def empty(cls, device: torch.device | str | None = None) -> Self:
        """Nobody."""
        labels = torch.zeros(0, dtype=torch.int64, device=device)
        boxes = torch.zeros(0, 4, device=device)
        return cls(boxes, torch.zeros(0, device=device), labels)
