"""Records of people and scenes as tables: tensors with one row per person or image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor


class Table:
    """Base of dataclasses whose fields are tensors, or tables, with the same N rows.

    Fields of another kind (names that all rows share) stay as they are.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]  # every subclass is a dataclass

    def __len__(self) -> int:
        """N, the number of rows."""
        return len(getattr(self, fields(self)[0].name))

    def __getitem__(self, index: Tensor | slice) -> Self:
        """The rows of an index tensor, a slice or a mask."""
        return self.each(lambda value: value[index])

    def to(self, device: torch.device | str) -> Self:
        """The same table on another device."""
        return self.each(lambda value: value.to(device))

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def each(self, function: Callable) -> Self:
        """The table of `function(field)`, for fields that are tensors or tables."""
        values = (getattr(self, field.name) for field in fields(self))
        return type(self)(
            *(function(v) if isinstance(v, Tensor | Table) else v for v in values)
        )

    @classmethod
    def cat(cls, tables: list[Self], dim: int = 0) -> Self:
        """Join tables of tensors along their rows, or along another dimension."""
        columns = ([getattr(t, f.name) for t in tables] for f in fields(cls))
        return cls(*(torch.cat(column, dim) for column in columns))
