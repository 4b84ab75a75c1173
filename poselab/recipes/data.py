"""Which people a network learns from: drawn ones, or those of a data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from poselab.datasets import (
    CocoPeople,
    PersonCrops,
    Pool,
    Resident,
    SyntheticPeople,
    Variation,
)
from poselab.datasets.coco.layout import open_coco
from poselab.datasets.placed import PlacedPeople
from poselab.datasets.pool import FIELDS
from poselab.datasets.sources import Mixed, Source, Varied
from poselab.datasets.wild import Taken, WildCrops, WildPeople
from poselab.datasets.windows import Windows
from poselab.errors import require
from poselab.records import Sample

MANY = 1024  # samples that a GPU draws at once
HELD_OUT = 1_000_000  # added to the seed: other people than those trained on


@dataclass(frozen=True)
class Drawn:
    """People that poselab draws: `pool` pictures, drawn once and then varied.

    `people` is how many a picture has, or (low, high). `crops` people cut out of crowds
    join the pool, half of each batch, for networks that are to work behind a detector.
    `variation` are options of `poselab.datasets.augment` (none: pictures as they are).
    `held_out` more pictures are for trainers that measure on new people. `person_id`
    keeps whose each pixel is, for networks that learn masks.
    """

    pool: int
    people: int | tuple[int, int] = 1
    crops: int = 0
    variation: dict[str, float] = field(default_factory=dict)
    held_out: int = 512
    person_id: bool = False

    def open(
        self, size: tuple[int, int], seed: int = 0, folder: str | None = None
    ) -> tuple[Source, Sample]:
        """The training data for images of `size`, and the held-out samples (stacked).

        No picture is in both. Given a `folder` (see `open_coco`), the people of that
        data set instead, varied as in HRNet's training.
        """
        if folder is not None:
            return Annotated(held_out=self.held_out).open(size, seed, folder)
        pools = self.pools(size, seed)
        pool: Source = Mixed(tuple(pools)) if self.crops else pools[0]
        data = Varied(pool, self.variation) if self.variation else pool
        return data, self.others(size, seed)

    def resident(
        self, size: tuple[int, int], seed: int, device: torch.device | str
    ) -> tuple[Source, Sample]:
        """As `open`, on a GPU: people are thought up, drawn, kept and varied there.

        They are other people than those a CPU thinks up from the same seed.
        """
        data = Resident(self.pools(size, seed, device), device, self.variation or None)
        return data, self.others(size, seed, device)

    def makers(
        self, size: tuple[int, int], seed: int, device: torch.device | str | None
    ) -> list[Any]:
        """What draws the pool, and what draws the crops, if there are some."""
        there: dict[str, Any] = {"device": device, "cast_there": True}
        there = {} if device is None else there
        makers: list[Any] = [SyntheticPeople(size, self.people, seed, **there)]
        if self.crops:
            makers.append(PersonCrops(size, seed=seed, **there))
        return makers

    def pools(
        self, size: tuple[int, int], seed: int, device: torch.device | str | None = None
    ) -> list[Pool]:
        """The pool and the crops, drawn once."""
        more: dict[str, Any] = {} if device is None else {"chunk": MANY}
        if self.person_id:
            more["fields"] = (*FIELDS, "person_id")
        counts, makers = (self.pool, self.crops), self.makers(size, seed, device)
        pairs = zip(makers, counts, strict=False)
        return [maker.pool(n, **more) for maker, n in pairs]

    def others(
        self, size: tuple[int, int], seed: int, device: torch.device | str | None = None
    ) -> Sample:
        """The held-out samples, mixed as the pool is."""
        makers = self.makers(size, seed + HELD_OUT, device)
        share = max(1, self.held_out // len(makers))
        return Sample.cat([maker.batch(share) for maker in makers])


@dataclass(frozen=True)
class Upright(Drawn):
    """`Drawn` people that are never turned, for networks that answer in 3D."""


@dataclass(frozen=True)
class Placed(Drawn):
    """`Drawn` people `sides` (low, high) px long, anywhere in a larger picture."""

    sides: tuple[float, float] = (48, 96)

    def makers(
        self, size: tuple[int, int], seed: int, device: torch.device | str | None
    ) -> list[Any]:
        """As for `Drawn`, on the CPU."""
        return [PlacedPeople(size, self.sides, seed)]


@dataclass(frozen=True)
class Wild(Drawn):
    """`Drawn` people in front of anything, in any clothes, by any camera.

    For networks that are to find real people. `switches` turn kinds of disorder off
    (see `WildPeople`), `taken` the camera's faults, `erased` is the chance that a piece
    of another picture covers a part.
    """

    switches: dict[str, bool] = field(default_factory=dict)
    taken: bool = True
    erased: float = 0.5

    def open(
        self, size: tuple[int, int], seed: int = 0, folder: str | None = None
    ) -> tuple[Source, Sample]:
        """As for `Drawn`."""
        data, others = super().open(size, seed, folder)
        return self._photographed(data), others

    def resident(
        self, size: tuple[int, int], seed: int, device: torch.device | str
    ) -> tuple[Source, Sample]:
        """As for `Drawn`."""
        data, others = super().resident(size, seed, device)
        return self._photographed(data), others

    def _photographed(self, data: Source) -> Source:
        return Taken(data, self.erased) if self.taken else data

    def makers(
        self, size: tuple[int, int], seed: int, device: torch.device | str | None
    ) -> list[Any]:
        """As for `Drawn`."""
        there: dict[str, Any] = {"device": device, "cast_there": device is not None}
        alone = WildPeople(size, self.people, seed, **self.switches, **there)
        crops = WildCrops(size, seed=seed, switches=self.switches, **there)
        return [alone] + [crops] * bool(self.crops)


@dataclass(frozen=True)
class WildScenes(Wild):
    """`Wild` whole scenes of `scene` (H, W) px, of which windows are cut.

    `smallest`, `faces` and `aim` are those of `Windows`. Drawn on a CPU.
    """

    scene: tuple[int, int] = (288, 384)
    smallest: float = 0.35
    faces: bool = False
    aim: tuple[float, float] = (0.5, 0.5)

    def open(
        self, size: tuple[int, int], seed: int = 0, folder: str | None = None
    ) -> tuple[Source, Sample]:
        """As for `Drawn`."""
        if folder is not None:
            return super().open(size, seed, folder)
        maker = WildPeople(self.scene, self.people, seed, fine=True, **self.switches)
        pool = maker.pool(self.pool)
        others = maker.batch(self.held_out, maker.generator(seed + HELD_OUT))
        draws = torch.Generator().manual_seed(seed)
        windows = Windows(pool, size, self.smallest, faces=self.faces, aim=self.aim)
        return self._photographed(windows), windows.cut(others, draws)

    def resident(self, size: Any, seed: int, device: Any) -> tuple[Source, Sample]:
        """As `open`: these scenes are drawn and cut on the CPU."""
        return self.open(size, seed)


@dataclass(frozen=True)
class Annotated:
    """The people of a data set in COCO's format, cropped with `margin` and varied.

    The first `held_out` of them, not varied, are for trainers that measure.
    """

    margin: float = 1.25
    variation: Variation = field(default_factory=Variation)
    held_out: int = 1

    def open(
        self, size: tuple[int, int], seed: int = 0, folder: str | None = None
    ) -> tuple[CocoPeople, Sample]:
        """As for `Drawn`; raises `ArgumentError` where no `folder` is given."""
        require(
            folder is not None,
            "a paper's recipe needs a data set",
            where="--data",
            value=None,
            fix="Pass --data coco:FOLDER.",
        )
        coco = open_coco(folder, "train2017", skeleton=None)  # the file's own joints
        coco.require_images()
        crops = CocoPeople(coco, size, self.margin, self.variation)
        few = range(min(self.held_out, len(crops)))
        return crops, Sample.cat([crops[i] for i in few])
