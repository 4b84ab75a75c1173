"""The two records that cross a folder boundary: `Sample` (truth) and `Poses` (answer).

P people with J joints each in an image of H x W pixels. A *stacked* record has one more
dimension in front of every tensor. Points are in pixels with the centre of the first
pixel at 0; boxes are (x, y, width, height) on pixel edges, as COCO's are, so the whole
image is (0, 0, W, H) and its left edge is at point coordinate -0.5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.errors import ArgumentError, ShapeError
from poselab.skeleton import COCO_17, Skeleton

# Fields with one row per person, and what a person who is not there has in them.
_PER_PERSON = (
    "keypoints",
    "visibility",
    "boxes",
    "areas",
    "masks",
    "joints_3d",
    "track_ids",
    "hidden_by",
    "scores",
    "person_scores",
)


class _Record:
    """What both records can do: list their tensors, move, index, stack."""

    def tensors(self) -> dict[str, Tensor]:
        """The fields that are tensors, by name."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {k: v for k, v in values.items() if isinstance(v, Tensor)}

    def replace(self, **changes):
        """A copy with some fields changed; the tensors are shared."""
        return dataclasses.replace(self, **changes)

    def to(self, device: torch.device | str, non_blocking: bool = False):
        """The same record on another device."""
        moved = {
            k: v.to(device, non_blocking=non_blocking)
            for k, v in self.tensors().items()
        }
        return self.replace(**moved)

    @property
    def is_stacked(self) -> bool:
        """Whether there is a batch dimension in front."""
        return self.keypoints.dim() == 4

    def __len__(self) -> int:
        """How many records are stacked; an error where there is only one."""
        if not self.is_stacked:
            raise TypeError(f"one {type(self).__name__} has no length; stack it first")
        return len(self.keypoints)

    def __getitem__(self, index):
        """`batch[i]` is one record, `batch[a:b]` or `batch[tensor]` a smaller batch."""
        if not self.is_stacked:
            raise TypeError(f"one {type(self).__name__} cannot be indexed")
        if isinstance(index, int) and not -len(self) <= index < len(self):
            raise IndexError(f"index {index} of {len(self)} stacked records")
        return self.replace(**{k: v[index] for k, v in self.tensors().items()})

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    @classmethod
    def stack(cls, records: Sequence):
        """Stack single records; where P differs, people with zeros fill up.

        Fields that some of the records lack are dropped. Raises `ShapeError` if the
        images differ in size and `ArgumentError` if the list is empty.
        """
        records = list(records)
        if not records:
            raise ArgumentError("nothing to stack", where="records", value=records)
        people = max(r.keypoints.shape[0] for r in records)
        shared = set.intersection(*(set(r.tensors()) for r in records))
        stacked = {
            name: _stack(name, [getattr(r, name) for r in records], people)
            for name in shared
        }
        ids = [getattr(r, "image_id", None) for r in records]
        if ids and all(isinstance(i, int) for i in ids):
            stacked["image_id"] = torch.tensor(ids)
        missing = {
            f.name: None
            for f in dataclasses.fields(cls)
            if isinstance(getattr(records[0], f.name), Tensor) and f.name not in stacked
        }
        return records[0].replace(**stacked, **missing)

    @classmethod
    def join(cls, stacks: Sequence):
        """Stacked records one after another; fields that some lack are dropped."""
        stacks = list(stacks)
        if not stacks:
            raise ArgumentError("nothing to join", where="stacks", value=stacks)
        return cls.stack([one for stack in stacks for one in stack])


def _stack(name: str, values: list[Tensor], people: int) -> Tensor:
    if name in _PER_PERSON:
        values = [_pad(v, people) for v in values]
    if len({v.shape for v in values}) > 1:
        raise ShapeError(
            "records of different sizes cannot be stacked",
            where="Sample.stack",
            field=name,
            value=sorted({tuple(v.shape) for v in values})[:4],
            fix="Crop or resize them to one size first (poselab.datasets.crop).",
        )
    return torch.stack(values)


def _pad(value: Tensor, people: int) -> Tensor:
    missing = people - len(value)
    if not missing:
        return value
    return torch.cat([value, value.new_zeros(missing, *value.shape[1:])])


@dataclass
class Sample(_Record):
    """An image and the truth about the people in it.

    image [3, H, W] in [0, 1]; keypoints [P, J, 2] px; visibility [P, J] with COCO's
    meaning (0 not labelled, 1 labelled but hidden, 2 visible); boxes [P, 4] xywh px;
    areas [P] px^2. Where known: masks [P, H, W] bool, joints_3d [P, J, 3] mm in the
    camera frame, intrinsics [3, 3], track_ids [P], person_id [H, W] (-1: nobody),
    depth [H, W] mm (inf: background), hidden_by [P, J] (see `HIDDEN_BY`),
    ignore [H, W] bool (crowds that nobody labelled one by one), image_id.
    """

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

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the image in pixels."""
        return tuple(self.image.shape[-2:])


HIDDEN_BY = ("nothing", "self", "other person", "object", "image border")


@dataclass
class Poses(_Record):
    """What a method answers: keypoints [P, J, 2 or 3] and scores [P, J].

    Where known: boxes [P, 4] xywh px, person_scores [P], track_ids [P].
    """

    keypoints: Tensor
    scores: Tensor
    boxes: Tensor | None = None
    person_scores: Tensor | None = None
    track_ids: Tensor | None = None
