"""Crops of single people from crowded scenes, as the second half of a top-down system
sees them: the box is not perfect, and the neighbours are in the picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from poselab import geometry
from poselab.datasets.synthetic import SyntheticPeople
from poselab.datasets.transforms import move_truth
from poselab.errors import require
from poselab.records import Sample

SMALLEST = 1 / 6  # of the scene's height: below it nobody can tell the joints
FEWEST = 6  # labelled joints of a person who is worth a crop
CROPS = 3  # a scene gives at least as many, nearly always
_ROWS = (
    "keypoints",
    "visibility",
    "boxes",
    "areas",
    "joints_3d",
    "track_ids",
    "hidden_by",
    "present",
)


class PersonCrops:
    """Stacked samples of one person each, cut out of scenes of `people` people.

    A scene has `scene` (H, W) pixels, so many that a crop of `size` (H, W) is not
    blurred. The true box, moved by up to `jitter` of its sides and scaled by up to the
    factor 1 +- `jitter` as a detector's boxes are, grows by `margin` and to the aspect
    ratio of `size`. Only the person in the middle is labelled. Seeds, split, device
    and `cast_there` are those of `SyntheticPeople`.
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        people: int | tuple[int, int] = (2, 8),
        scene: tuple[int, int] = (384, 512),
        margin: float = 1.25,
        jitter: float = 0.1,
        seed: int = 0,
        split: str = "train",
        device: torch.device | str | None = None,
        cast_there: bool = False,
    ) -> None:
        require(
            0 <= jitter < 0.5,
            "must be from 0 to below 0.5",
            where="PersonCrops",
            field="jitter",
            value=jitter,
        )
        self.scenes = SyntheticPeople(
            scene, people, seed, device, split=split, cast_there=cast_there
        )
        self.size, self.margin, self.jitter = tuple(size), margin, jitter
        self._generator = self.scenes.generator()

    @property
    def device(self) -> torch.device:
        """Where the people are drawn."""
        return self.scenes.device

    def generator(self, seed: int | None = None) -> torch.Generator:
        """A new generator at the start of the stream of `seed` (default: its own)."""
        return self.scenes.generator(seed)

    @property
    def arguments(self) -> dict[str, Any]:
        """What decides the samples, for the key of a pool."""
        own = {"size": self.size, "margin": self.margin, "jitter": self.jitter}
        return {"scenes": self.scenes.arguments, **own}

    def batch(self, n: int, generator: torch.Generator | None = None) -> Sample:
        """`n` new crops, stacked; without a generator the stream goes on."""
        generator, parts, count = generator or self._generator, [], 0
        while count < n:
            scenes = self.scenes.batch(-(-(n - count) // CROPS), generator)
            parts.append(self._crops(scenes, generator))
            count += len(parts[-1])
        return Sample.cat(parts)[:n]

    def pool(self, n: int, **options):
        """`n` crops, drawn once and kept on disk: see `poselab.datasets.Pool`."""
        from poselab.datasets.pool import Pool

        return Pool(self, n, **options)

    def _crops(self, scenes: Sample, generator: torch.Generator) -> Sample:
        """Everybody in stacked scenes who is large enough, and labelled enough."""
        tall = scenes.boxes[..., 3] >= SMALLEST * self.scenes.size[0]
        worth = tall & ((scenes.visibility > 0).sum(-1) >= FEWEST)  # [S, P]
        boxes = self._jittered(scenes.boxes, generator)
        boxes = torch.where(worth[..., None], boxes, 1.0)  # any box, for who is none
        grown = geometry.expand_box(boxes, self.size, self.margin)
        matrix = geometry.crop_matrix(grown, self.size)  # [S, P, 2, 3]
        image = geometry.warp_crops(scenes.image, matrix, self.size)  # [S, P, 3, h, w]
        which, person = worth.nonzero(as_tuple=True)  # [N] each
        rows = {name: getattr(scenes, name)[worth][:, None] for name in _ROWS}
        one = Sample(
            image=image[which, person],
            intrinsics=scenes.intrinsics[which],
            skeleton=scenes.skeleton,
            **rows,
        )
        return move_truth(one, matrix[which, person], self.size)

    def _jittered(self, boxes: Tensor, generator: torch.Generator) -> Tensor:
        """Boxes [S, P, 4] as a detector may find them."""
        shape = (*boxes.shape[:2], 3)
        draw = torch.rand(shape, generator=generator, device=generator.device)
        draw = (draw.to(boxes) * 2 - 1) * self.jitter
        side = boxes[..., 2:] * (1 + draw[..., 2:])
        centre = boxes[..., :2] + boxes[..., 2:] * (0.5 + draw[..., :2])
        return torch.cat([centre - side / 2, side], -1)
