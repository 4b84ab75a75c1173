"""Pools that live on a device: a GPU should not wait for pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from poselab.datasets.pool import Pool, unpack
from poselab.datasets.sources import Source, other_seed
from poselab.datasets.transforms import augment
from poselab.errors import require
from poselab.records import Sample

AHEAD = 1 << 24  # pixels that are varied at a time; a GPU likes large pieces


class Resident(Source):
    """The samples of `pools` on a `device`, as bytes, varied there at random.

    `variation` are options of `augment` (None: as they are). Many batches are varied
    together, so that a batch costs a GPU no more than a slice. Each round has its own
    random order over all pools; whatever of a round fills no piece is left out.
    Raises `ArgumentError` for a batch larger than all pools.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        device: torch.device | str,
        variation: dict[str, Any] | None = None,
    ) -> None:
        self.device, self.variation = torch.device(device), variation
        contents = [pool.content for pool in pools]
        names = set.intersection(*(set(content) for content in contents))
        self._data = {name: self._joined(name, contents) for name in sorted(names)}
        self._skeleton = pools[0].skeleton

    def _joined(self, name: str, contents: list[dict[str, Tensor]]) -> Tensor:
        """A field of all pools, there; filled in place, as they are large."""
        parts = [content[name] for content in contents]
        shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
        whole = torch.empty(shape, dtype=parts[0].dtype, device=self.device)
        for place, part in zip(
            whole.split([len(p) for p in parts]), parts, strict=True
        ):
            place.copy_(part)
        return whole

    def __len__(self) -> int:
        return len(self._data["image"])

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples of `batch_size`, without end."""
        require(
            0 < batch_size <= len(self),
            f"must be between 1 and {len(self)}",
            where="batches",
            field="batch_size",
            value=batch_size,
        )
        height, width = self._data["image"].shape[-2:]
        many = max(1, min(AHEAD // (height * width), len(self)) // batch_size)
        generator = torch.Generator(self.device).manual_seed(other_seed(seed, 0))
        for index in self._rounds(many * batch_size, generator):
            piece = self._piece(index, generator)
            for start in range(0, many * batch_size, batch_size):
                yield piece[start : start + batch_size]

    def _rounds(self, many: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Rows [many] of all samples, without end."""
        for _ in itertools.count():
            order = torch.randperm(
                len(self), generator=generator, device=generator.device
            )
            yield from (part for part in order.split(many) if len(part) == many)

    def _piece(self, index: Tensor, generator: torch.Generator) -> Sample:
        """The samples of these rows, varied."""
        data = {name: unpack(name, v[index]) for name, v in self._data.items()}
        sample = Sample(**data, skeleton=self._skeleton)
        if self.variation is None:
            return sample
        return augment(sample, generator, **self.variation)
