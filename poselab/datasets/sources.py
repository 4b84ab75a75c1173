"""Where training batches come from: what all sources promise, and sources of others."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch

from poselab.datasets.transforms import augment
from poselab.errors import require
from poselab.records import Sample
from poselab.system.distributed import Team

SEEDS = 1 << 31  # seeds are whole numbers from 0 to below this
VARY = 17  # what is varied has random numbers of its own


class Source(ABC):
    """Stacked training samples without end: the same for the same seed.

    A source makes its own generators from the seed, and so keeps what it stands for (a
    split, say) wherever it is wrapped.
    """

    @abstractmethod
    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples of `batch_size`, without end."""

    def stream(
        self, batch_size: int, seed: int = 0, team: Team | None = None, start: int = 0
    ) -> Iterator[Sample]:
        """`batches` from number `start` on, and of each this team member's part.

        As written here all batches are made whole and then divided; a source that can
        do better does.
        """
        team = team or Team()
        part = team.part(batch_size)
        rest = itertools.islice(self.batches(batch_size, seed), start, None)
        return (batch[part] if team.size > 1 else batch for batch in rest)


class Mixed(Source):
    """Batches drawn from several sources, `parts`, in equal shares.

    Each part gets a seed of its own. Raises `ArgumentError` for a batch size that is no
    multiple of the number of parts.
    """

    def __init__(self, parts: tuple[Source, ...]) -> None:
        self.parts = tuple(parts)

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples without end, those of the first part first."""
        share, left = divmod(batch_size, len(self.parts))
        require(
            share > 0 and left == 0,
            "cannot be drawn in equal parts",
            where="batch_size",
            value=batch_size,
            fix=f"Use a multiple of {len(self.parts)}.",
        )
        sources = [
            part.batches(share, other_seed(seed, i))
            for i, part in enumerate(self.parts)
        ]
        return (Sample.cat(batches) for batches in zip(*sources, strict=True))


class Varied(Source):
    """Batches of `data` changed at random by `augment` with the given `options`."""

    def __init__(self, data: Source, options: dict[str, Any]) -> None:
        self.data, self.options = data, dict(options)

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples without end."""
        return self.stream(batch_size, seed)

    def stream(
        self, batch_size: int, seed: int = 0, team: Team | None = None, start: int = 0
    ) -> Iterator[Sample]:
        """From batch `start` on, the part of each batch that is this process's."""
        team = team or Team()
        generator = torch.Generator().manual_seed(other_seed(seed, VARY))
        batches = self.data.stream(batch_size, seed, team)
        varied = (
            augment(batch, generator, **self.options, part=(team.rank, team.size))
            for batch in batches
        )
        return itertools.islice(varied, start, None)


def other_seed(seed: int, number: int) -> int:
    """A seed for part `number` of what has the seed `seed`; itself for part 0."""
    return (seed + number * 1_000_003) % SEEDS
