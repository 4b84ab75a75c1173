"""Drawn people with the numbers of our mannequin as truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from poselab.datasets import Pool, SyntheticPeople
from poselab.datasets.pool import FIELDS
from poselab.datasets.sources import Source
from poselab.errors import ArgumentError
from poselab.models.mannequin import betas_of, rotations_of
from poselab.models.mannequin_hmr import common
from poselab.people.scene.scenes import draw
from poselab.recipes.data import HELD_OUT, Upright
from poselab.records import Sample

FLIP = torch.tensor([1.0, -1.0, -1.0])  # world (y up) -> the mannequin's axes


class BodyPeople(Source):
    """The framed people of `SyntheticPeople`, with rotations and betas.

    The same `size`, `seed` and `split` give the same pictures. The root's rotation is
    the camera's, so that `BodyModel` gives a mesh as the camera has it (x to the right,
    y down, z away; m); betas are the nearest of the mannequin's (`betas_of`).
    """

    def __init__(
        self, size: tuple[int, int] = (128, 96), seed: int = 0, split: str = "train"
    ) -> None:
        self.people = SyntheticPeople(size, 1, seed, split=split)
        self.size = self.people.size

    @property
    def arguments(self) -> dict[str, Any]:
        """What decides the samples, for the key of a pool."""
        return self.people.arguments

    def generator(self, seed: int | None = None) -> torch.Generator:
        """A new generator at the start of the stream of `seed` (default: its own)."""
        return self.people.generator(seed)

    def batch(self, n: int, generator: torch.Generator) -> Sample:
        """`n` new samples, stacked, with P = 1."""
        scene = self.people.scenes(n, generator)
        rotations = rotations_of(scene.pose.angles, scene.pose.turn)  # [n, K, 3, 3]
        camera = (scene.camera.rotation * FLIP).double()
        rotations[:, 0] = camera @ rotations[:, 0]
        betas = betas_of(scene.shape, common())
        sample = draw(scene, self.size)
        return sample.replace(
            rotations=rotations[:, None].float(), betas=betas[:, None].float()
        )

    def batches(self, batch_size: int, seed: int | None = None) -> Iterator[Sample]:
        """New stacked samples without end."""
        generator = self.generator(seed)
        while True:
            yield self.batch(batch_size, generator)


@dataclass(frozen=True)
class Bodies(Upright):
    """`Upright` framed people with the truth of `BodyPeople`, drawn on a CPU."""

    def pools(self, size: tuple[int, int], seed: int, device: Any = None) -> list[Pool]:
        """One pool, drawn once."""
        fields = (*FIELDS, "rotations", "betas")
        return [Pool(BodyPeople(size, seed), self.pool, fields)]

    def others(self, size: tuple[int, int], seed: int, device: Any = None) -> Sample:
        """The held-out samples."""
        maker = BodyPeople(size, seed + HELD_OUT)
        return maker.batch(self.held_out, maker.generator())

    def resident(self, size: Any, seed: int, device: Any) -> tuple[Source, Sample]:
        """Raises `ArgumentError`: the mannequin's numbers are found on the CPU."""
        raise ArgumentError(
            "these people are not drawn on a GPU", where="Bodies", value=str(device)
        )
