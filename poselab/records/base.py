"""What all records can do: be checked, stacked, and indexed by image or person."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from poselab.errors import ArgumentError, ShapeError

Shape = tuple[int | str, ...]
EVERYBODY: Any = None  # `present` where it is not given


class Record:
    """The base of `Sample`, `Poses` and `Detections`.

    A record has the people of one image, or, *stacked*, those of B images. `present`
    [P] bool ([B, P] stacked) says which rows hold somebody; nothing else says it. If it
    is not given, everybody is present. Raises `ShapeError` where two fields do not fit
    together.

    `SHAPES` names every tensor field with its shape in an unstacked record: a letter is
    a length that all fields share. Fields that begin with "P" have a row per person.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]  # every subclass is a dataclass
    SHAPES: ClassVar[dict[str, Shape]]
    # What a row holds in which nobody is; 0 in all other fields when rows are padded.
    ABSENT: ClassVar[dict[str, int]] = {"track_ids": -1, "visibility": 0}
    FIXES: ClassVar[dict[str, str]] = {
        "keypoints": "keypoints are 2D, in px; 3D joints go into joints_3d, in mm."
    }

    present: Tensor

    def __post_init__(self) -> None:
        sizes = self._check_shapes()
        if self.present is None:
            lead = [sizes["B"], sizes["P"]] if self.is_stacked else [sizes["P"]]
            self.present = torch.ones(lead, dtype=torch.bool, device=self.device)
        if self.present.dtype != torch.bool:
            self._refuse("present", "must be bool", self.present.dtype)
        for name, value in self.ABSENT.items():
            if isinstance(old := getattr(self, name, None), Tensor):
                dims = [1] * (old.dim() - self.present.dim())
                absent = ~self.present.view(*self.present.shape, *dims)
                setattr(self, name, old.masked_fill(absent, value))

    def _check_shapes(self) -> dict[str | int, int]:
        """The length of each letter; a `ShapeError` where two fields disagree."""
        sizes = self._known_sizes()
        lead: Shape = ("B",) if self.is_stacked else ()
        required = {f.name for f in dataclasses.fields(self) if _is_required(f)}
        for name, shape in self.SHAPES.items():
            value = getattr(self, name)
            if not isinstance(value, Tensor):
                if name in required:
                    self._refuse(name, "must be a tensor", type(value).__name__)
                continue
            wanted = [sizes.get(n, n) for n in (*lead, *shape)]
            if not _fits(value.shape, wanted):
                text = ", ".join(map(str, wanted))
                self._refuse(name, f"expected shape [{text}]", list(value.shape))
            named = zip((*lead, *shape), value.shape, strict=True)
            sizes |= {n: size for n, size in named if isinstance(n, str)}
        return sizes

    def _known_sizes(self) -> dict[str | int, int]:
        """Lengths that something else than a tensor decides."""
        return {}

    def _refuse(self, name: str, problem: str, value: Any) -> None:
        raise ShapeError(
            problem,
            where=type(self).__name__,
            field=name,
            value=value,
            fix=self.FIXES.get(name),
        )

    # --- fields ----------------------------------------------------------------------

    @classmethod
    def per_person(cls) -> tuple[str, ...]:
        """The names of the fields with one row per person."""
        return tuple(name for name, shape in cls.SHAPES.items() if shape[:1] == ("P",))

    def tensors(self) -> dict[str, Tensor]:
        """The fields that are tensors, by name."""
        values = {name: getattr(self, name) for name in self.SHAPES}
        return {k: v for k, v in values.items() if isinstance(v, Tensor)}

    def known(self, name: str) -> Tensor:
        """An optional field that must be there; an `ArgumentError` where it is not."""
        value = getattr(self, name)
        if not isinstance(value, Tensor):
            raise ArgumentError(
                "is not known here, and is needed",
                where=type(self).__name__,
                field=name,
                value=value,
            )
        return value

    def replace(self, **changes) -> Self:
        """A copy with some fields changed; the other tensors are shared."""
        return dataclasses.replace(self, **changes)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """The same record on another device."""
        moved = {
            k: v.to(device, non_blocking=non_blocking)
            for k, v in self.tensors().items()
        }
        return self.replace(**moved)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return getattr(self, next(iter(self.SHAPES))).device

    # --- people ----------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many people are present (in all images of a stacked record)."""
        return int(self.present.sum())

    def people(self, which: Tensor | Sequence[int] | int) -> Self:
        """An unstacked record with some people only, in every per-person field.

        `which` is a mask [P] bool, or the indices of the people in the wanted order.
        Raises `ShapeError` for a mask of another length.
        """
        if self.is_stacked:
            raise TypeError("people are chosen in one image: batch[i].people(...)")
        which = torch.as_tensor(which, device=self.device)
        if which.dtype == torch.bool and which.shape != self.present.shape:
            raise ShapeError(
                f"expected a mask [{len(self.present)}], one value per person",
                where=f"{type(self).__name__}.people",
                field="which",
                value=list(which.shape),
            )
        which = which if which.numel() else which.long()  # [] is a float tensor
        index = torch.arange(len(self.present), device=self.device)[which]
        return self._chosen(index.reshape(-1))

    def _chosen(self, index: Tensor) -> Self:
        """The people at `index` [N] int64."""
        tensors, rows = self.tensors(), self.per_person()
        return self.replace(**{k: v[index] for k, v in tensors.items() if k in rows})

    # --- images ----------------------------------------------------------------------

    @property
    def is_stacked(self) -> bool:
        """Whether there is a dimension of images in front."""
        name, shape = next(iter(self.SHAPES.items()))
        value = getattr(self, name)
        return isinstance(value, Tensor) and value.dim() > len(shape)

    def __len__(self) -> int:
        """How many images are stacked; a TypeError where there is only one."""
        if not self.is_stacked:
            raise TypeError(f"one {type(self).__name__} has no length; stack it first")
        return len(self.present)

    def __getitem__(self, index) -> Self:
        """`batch[i]`: image i, without absent people; `batch[a:b]`: a smaller stack."""
        if not self.is_stacked:
            raise TypeError(f"one {type(self).__name__} cannot be indexed")
        one = _whole_number(index)
        if one is not None and not -len(self) <= one < len(self):
            raise IndexError(f"index {one} of {len(self)} stacked records")
        index = index if one is None else one
        part = self.replace(**{k: v[index] for k, v in self.tensors().items()})
        if one is None or bool(part.present.all()):
            return part
        return part.people(part.present)

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def batched(self) -> Self:
        """A stack of this one record; a stacked record itself."""
        if self.is_stacked:
            return self
        return self.replace(**{k: v[None] for k, v in self.tensors().items()})

    def single(self) -> Self:
        """The record of a stack of one, with its absent people."""
        if len(self) != 1:
            raise TypeError(f"{len(self)} records are stacked, not one")
        return self.replace(**{k: v[0] for k, v in self.tensors().items()})

    @classmethod
    def stack(cls, records: Sequence[Self]) -> Self:
        """Unstacked records as one stack; where P differs, absent people fill up.

        Rows that fill up have `present` False, track id -1 and 0 elsewhere. Fields that
        some records with people lack are dropped. Raises `ShapeError` if the images
        differ in size and `ArgumentError` if the list is empty.
        """
        records = list(records)
        if any(record.is_stacked for record in records):
            raise TypeError(f"{cls.__name__}.cat joins what is stacked already")
        return cls.cat([record.batched() for record in records])

    @classmethod
    def cat(cls, batches: Sequence[Self]) -> Self:
        """Stacked records one after another; see `stack`."""
        batches = list(batches)
        if not batches:
            raise ArgumentError("nothing to stack", where=cls.__name__, value=batches)
        if not all(batch.is_stacked for batch in batches):
            raise TypeError(f"{cls.__name__}.stack joins what is not stacked")
        people = max(batch.present.shape[1] for batch in batches)
        changes: dict[str, Tensor | None] = {}
        for name in cls.SHAPES:
            values = cls._column(name, batches)
            if all(isinstance(value, Tensor) for value in values):
                changes[name] = cls._cat(name, values, people)
            elif any(value is not None for value in values):
                changes[name] = None
        return batches[0].replace(**changes)

    @classmethod
    def _column(cls, name: str, batches: list[Self]) -> list[Any]:
        """One field of several stacks; no rows where a stack without rows lacks it."""
        values = [getattr(batch, name) for batch in batches]
        known = next((v for v in values if isinstance(v, Tensor)), None)
        if known is None or name not in cls.per_person():
            return values
        return [
            value
            if isinstance(value, Tensor) or batch.present.shape[1]
            else known.new_zeros(len(batch), 0, *known.shape[2:])
            for value, batch in zip(values, batches, strict=True)
        ]

    @classmethod
    def _cat(cls, name: str, values: list[Tensor], people: int) -> Tensor:
        """One field of several stacks; rows of people are filled up to `people`."""
        if name in cls.per_person():
            fill = cls.ABSENT.get(name, 0)
            values = [_padded(value, people, fill) for value in values]
        shapes = {tuple(value.shape[1:]) for value in values}
        if len(shapes) > 1:
            raise ShapeError(
                "records of different sizes cannot be stacked",
                where=cls.__name__,
                field=name,
                value=sorted(shapes)[:4],
                fix="Crop or resize them to one size first (poselab.datasets.crop).",
            )
        return torch.cat(values)


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING


def _fits(shape: Sequence[int], wanted: Sequence[int | str]) -> bool:
    same_length = len(shape) == len(wanted)
    return same_length and all(
        isinstance(want, str) or want == size
        for want, size in zip(wanted, shape, strict=True)
    )


def _whole_number(index: Any) -> int | None:
    """A Python, NumPy or torch whole number as an int; None for anything else."""
    if isinstance(index, Tensor) and index.dim():
        return None
    try:
        return operator.index(index)
    except TypeError:
        return None


def _padded(value: Tensor, people: int, fill: int) -> Tensor:
    """[B, P, ...] with rows of `fill` up to `people`."""
    missing = people - value.shape[1]
    if not missing:
        return value
    rows = value.new_full((len(value), missing, *value.shape[2:]), fill)
    return torch.cat([value, rows], 1)
