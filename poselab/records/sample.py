"""Ground truth: an image and the people in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from poselab.records.base import EVERYBODY, Record, Shape
from poselab.skeleton import COCO_17, Skeleton

HIDDEN_BY = ("nothing", "self", "other person", "object", "image border")


@dataclass
class Sample(Record):
    """An image and the truth about the people in it.

    image [3, H, W] in [0, 1]; keypoints [P, J, 2] px; visibility [P, J] with COCO's
    meaning (0 not labelled, 1 labelled but hidden, 2 visible); boxes [P, 4] xywh px;
    areas [P] px^2; `skeleton`, which names the J joints; present [P] bool. Where known:
    masks [P, H, W] bool, joints_3d [P, J, 3] mm in the camera frame, intrinsics [3, 3],
    track_ids [P] (-1: nobody), person_id [H, W], the index of the person at each pixel
    (-1: nobody), depth [H, W] mm (inf: background), hidden_by [P, J] (see `HIDDEN_BY`),
    ignore [H, W] bool (crowds that nobody labelled one by one), image_id, rotations
    [P, K, 3, 3] and betas [P, S] of a body model (the root's are the camera frame's).

    Who is absent has visibility 0 and track id -1, whatever was given. Raises
    `ShapeError` where two fields, or a field and the skeleton, do not fit together.
    """

    SHAPES: ClassVar[dict[str, Shape]] = {
        "image": (3, "H", "W"),
        "keypoints": ("P", "J", 2),
        "visibility": ("P", "J"),
        "boxes": ("P", 4),
        "areas": ("P",),
        "masks": ("P", "H", "W"),
        "joints_3d": ("P", "J", 3),
        "intrinsics": (3, 3),
        "track_ids": ("P",),
        "person_id": ("H", "W"),
        "depth": ("H", "W"),
        "hidden_by": ("P", "J"),
        "ignore": ("H", "W"),
        "image_id": (),
        "rotations": ("P", "K", 3, 3),
        "betas": ("P", "S"),
        "present": ("P",),
    }

    image: Tensor
    keypoints: Tensor
    visibility: Tensor
    boxes: Tensor
    areas: Tensor
    skeleton: Skeleton = COCO_17
    masks: Tensor | None = None
    joints_3d: Tensor | None = None
    intrinsics: Tensor | None = None
    track_ids: Tensor | None = None
    person_id: Tensor | None = None
    depth: Tensor | None = None
    hidden_by: Tensor | None = None
    ignore: Tensor | None = None
    image_id: Tensor | int | None = None
    rotations: Tensor | None = None
    betas: Tensor | None = None
    present: Tensor = EVERYBODY

    @classmethod
    def empty(cls, image: Tensor, skeleton: Skeleton = COCO_17) -> Self:
        """An image [3, H, W] with nobody in it."""
        joints = len(skeleton)
        return cls(
            image=image,
            keypoints=image.new_zeros(0, joints, 2),
            visibility=torch.zeros(0, joints, dtype=torch.int64, device=image.device),
            boxes=image.new_zeros(0, 4),
            areas=image.new_zeros(0),
            skeleton=skeleton,
        )

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image in pixels."""
        height, width = self.image.shape[-2:]
        return height, width

    def batched(self) -> Self:
        """As `Record.batched`; a whole number as image_id becomes a tensor [1]."""
        if self.is_stacked or not isinstance(self.image_id, int):
            return super().batched()
        return self.replace(image_id=torch.tensor(self.image_id)).batched()

    def _known_sizes(self) -> dict[str | int, int]:
        return {"J": len(self.skeleton)}

    def _chosen(self, index: Tensor) -> Self:
        chosen = super()._chosen(index)
        if self.person_id is None:
            return chosen
        # The entry after the last person is -1, which the pixels of nobody read.
        table = self.person_id.new_full((len(self.present) + 1,), -1)
        table[index] = torch.arange(len(index)).to(table)
        return chosen.replace(person_id=table[self.person_id.long()])
