"""Sources of training samples that are made of others: mixed, and varied at random."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from poselab.datasets.transforms import augment
from poselab.errors import require
from poselab.records import Sample
from poselab.system.distributed import Team, stream

Source = Any


@dataclass(frozen=True)
class Mixed:
    """A source whose batches are drawn from several others in equal parts."""

    parts: tuple[Source, ...]

    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Sample]:
        """Stacked samples without end; `batch_size` is a multiple of the parts."""
        share, left = divmod(batch_size, len(self.parts))
        require(
            share > 0 and left == 0,
            "cannot be drawn in equal parts",
            where="batch_size",
            value=batch_size,
            fix=f"Use a multiple of {len(self.parts)}.",
        )
        sources = [part.batches(share, generator) for part in self.parts]
        while True:
            yield Sample.cat([next(source) for source in sources])


@dataclass(frozen=True)
class Varied:
    """A source whose batches are changed at random by `augment`."""

    data: Source
    options: dict[str, float]

    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Sample]:
        """Stacked samples without end."""
        return self.stream(batch_size, generator, Team())

    def stream(
        self, batch_size: int, generator: torch.Generator, team: Team, start: int = 0
    ) -> Iterator[Sample]:
        """From batch `start` on, the part of each batch that is this process's."""
        part = (team.rank, team.size)
        batches = stream(self.data, batch_size, generator, team)
        varied = (
            augment(batch, generator, **self.options, part=part) for batch in batches
        )
        return itertools.islice(varied, start, None)
