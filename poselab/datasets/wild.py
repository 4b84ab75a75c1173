"""Drawn people for networks that are to find real ones: nothing stays tidy.

A network learns what its pictures vary, and only that. `WildPeople` puts drawn people
in front of cluttered textures, gives their clothes folds and prints, and lights them
unevenly; `Taken` adds at each step what cameras do (domain randomisation: Tobin et al.,
"Domain Randomization for Transferring Deep Neural Networks from Simulation to the Real
World", IROS 2017, 1703.06907).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.datasets.person_crops import PersonCrops
from poselab.datasets.photometric import as_taken, erase
from poselab.datasets.sources import Source, other_seed
from poselab.datasets.synthetic import SyntheticPeople
from poselab.datasets.textures import smooth_noise, textures
from poselab.records import Sample

BANK = {"cpu": 48, "cuda": 512}  # textures that are drawn once and then cut from
BANK_SIZE = (192, 256)
# For large pictures: finer textures, of which more is shown. Blurred ones would give
# the people away, who would be the only sharp thing.
FINE_BANK, FINE_SIZE, FINE_SHARE, FINE_LEAVES = 16, (288, 384), 0.45, 120
SHARE = 0.2  # of a texture's sides: the smallest piece
REPLACED = 0.7  # the share of scenes whose background is a texture
CAMERA = 77  # the part of a seed that the camera's faults follow from
PRINTED = 0.7  # the share of people whose clothes get folds or prints


class WildPeople(SyntheticPeople):
    """`SyntheticPeople` with random backgrounds, prints, folds and light.

    `backgrounds`, `prints` and `light` switch each kind off, for ablations; `fine`
    textures are for pictures of about 288x384. The truth about the people is the same;
    depth is that of the scene that was replaced.
    """

    def __init__(
        self,
        *args: Any,
        backgrounds: bool = True,
        prints: bool = True,
        light: bool = True,
        fine: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.backgrounds, self.prints, self.light = backgrounds, prints, light
        self.fine = fine

    @property
    def arguments(self) -> dict[str, Any]:
        """What decides the samples, for the key of a pool."""
        own = {n: getattr(self, n) for n in ("backgrounds", "prints", "light", "fine")}
        return {**super().arguments, **own}

    @cached_property
    def bank(self) -> Tensor:
        """Textures [K, 3, h, w] in [0, 1], the same for all seeds of a split."""
        kind = "cpu" if self.device.type == "cpu" else "cuda"
        generator = torch.Generator(self.device).manual_seed(self._seed(None))
        if self.fine:
            return textures(FINE_BANK, FINE_SIZE, generator, FINE_LEAVES)
        parts = [textures(32, BANK_SIZE, generator) for _ in range(BANK[kind] // 16)]
        return torch.cat(parts)[: BANK[kind]]

    def batch(self, n: int, generator: torch.Generator | None = None) -> Sample:
        """`n` new scenes, stacked; without a generator the stream goes on."""
        generator = generator or self._generator
        scenes = super().batch(n, generator)
        own = child(generator, self.device)
        return scenes.replace(image=self.disguised(scenes, own))

    def disguised(self, scenes: Sample, generator: torch.Generator) -> Tensor:
        """Other pictures [S, 3, H, W] of the same scenes."""
        image, person = scenes.image, scenes.person_id  # [S, H, W], -1: nobody
        count, somebody = len(image), (person >= 0)[:, None]
        if self.prints:
            image = torch.where(
                somebody, self._printed(image, person, generator), image
            )
        if self.backgrounds:
            other = self._cut(count, scenes.size, generator)
            chosen = _chance(count, generator, REPLACED) & ~somebody
            image = torch.where(chosen, other, image)
        if self.light:
            cloud = smooth_noise(count, scenes.size, generator, octaves=7)
            weak = 0.25 * _uniform(count, generator) ** 2
            image = image * (1 + weak * cloud.mean(1, keepdim=True))
        return image.clamp(0, 1)

    def _cut(self, count: int, size: tuple[int, int], generator) -> Tensor:
        """`count` pieces of the bank, [count, 3, H, W]."""
        least = FINE_SHARE if self.fine else SHARE
        return cut(self.bank, count, size, generator, least)

    def _printed(self, image: Tensor, person: Tensor, generator) -> Tensor:
        """Everybody with prints on them: pixels times, or mixed with, a texture.

        Two layers of textures lie over the picture; even and odd people get another.
        """
        size = tuple(image.shape[-2:])
        for parity in (0, 1):
            texture = self._cut(len(image), size, generator)
            strength = 0.9 * _uniform(len(image), generator)
            times = image * (1 + strength * (2 * texture - 1))
            mixed = image + 0.6 * strength * (texture - image)
            layer = torch.where(_chance(len(image), generator, 0.5), times, mixed)
            own = (person % 2 == parity)[:, None]
            own = own & _chance(len(image), generator, PRINTED)
            image = torch.where(own, layer, image)
        return image


def child(generator: torch.Generator, device: torch.device) -> torch.Generator:
    """A generator on `device` that follows from another, wherever that one lives."""
    number = torch.randint(
        1 << 62, (), generator=generator, device=generator.device, dtype=torch.int64
    )
    return torch.Generator(device).manual_seed(int(number))


def _uniform(count: int, generator: torch.Generator) -> Tensor:
    """One number in [0, 1) for each picture, [count, 1, 1, 1]."""
    values = torch.rand(count, generator=generator, device=generator.device)
    return values[:, None, None, None]


def _chance(count: int, generator: torch.Generator, chance: float) -> Tensor:
    return _uniform(count, generator) < chance


def cut(
    bank: Tensor,
    count: int,
    size: tuple[int, int],
    generator: torch.Generator,
    least: float = SHARE,
) -> Tensor:
    """`count` pieces [count, 3, H, W] of textures [K, 3, h, w], turned and flipped.

    A piece is from `least` to `least` + 0.5 of a texture's sides long.
    """
    device = generator.device
    which = torch.randint(len(bank), (count,), generator=generator, device=device)
    draw = torch.rand(count, 5, generator=generator, device=device)
    angle = 2 * torch.pi * draw[:, 0]
    scale = least + 0.5 * draw[:, 1]
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1)
    linear = (scale[:, None] * turn).unflatten(1, (2, 2))
    linear[:, :, 0] *= torch.where(draw[:, 2:3] < 0.5, -1.0, 1.0)
    shift = (2 * draw[:, 3:] - 1)[..., None] * 0.6
    grid = F.affine_grid(torch.cat([linear, shift], 2), [count, 3, *size], False)
    chosen = bank[which.to(bank.device)].to(device)
    return F.grid_sample(chosen, grid, padding_mode="reflection", align_corners=False)


class WildCrops(PersonCrops):
    """`PersonCrops` cut from scenes of `WildPeople`; `switches` are the latter's."""

    def __init__(self, *args: Any, switches: dict[str, bool] | None = None, **options):
        super().__init__(*args, **options)
        scenes = self.scenes
        self.scenes = WildPeople(
            scenes.size,
            scenes.people,
            scenes.seed,
            scenes.device,
            split=scenes.split,
            cast_there=scenes.cast_there,
            **(switches or {}),
        )
        self._generator = self.scenes.generator()


class Taken(Source):
    """A source whose pictures go through a camera's faults: `photometric.as_taken`.

    `data` is another source of samples. With the chance `erased`, a piece of another
    picture of the batch covers a part of a picture.
    """

    def __init__(self, data: Source, erased: float = 0.5) -> None:
        self.data, self.erased = data, float(erased)

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples of `batch_size`, without end."""
        generator = torch.Generator().manual_seed(other_seed(seed, CAMERA))
        for batch in self.data.batches(batch_size, seed):
            yield batch.replace(image=self.taken(batch.image, generator))

    def taken(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The same pictures [B, 3, H, W] as a bad camera would have taken them."""
        generator = child(generator, images.device)
        if self.erased > 0:
            others = images.roll(1, 0).flip(-2)  # upside down, so that nobody is there
            images = erase(images, others, generator, self.erased)
        return as_taken(images, generator)
