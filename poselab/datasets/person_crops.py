"""Crops of single people from crowded scenes, as the second half of a top-down system
sees them: the box is not perfect, and the neighbours are in the picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from poselab import geometry
from poselab.datasets.synthetic import SyntheticPeople
from poselab.datasets.transforms import transform
from poselab.errors import require
from poselab.records import Sample

SMALLEST = 32  # px, the height of a box below which nobody can tell the joints
FEWEST = 6  # labelled joints of a person who is worth a crop
_ROWS = (
    "keypoints",
    "visibility",
    "boxes",
    "areas",
    "joints_3d",
    "track_ids",
    "hidden_by",
)


class PersonCrops:
    """Stacked samples of one person each, cut out of scenes of `people` people.

    The true box, moved by up to `jitter` of its sides and scaled by up to the factor
    1 +- `jitter`, grows by `margin` and to the aspect ratio of `size` (H, W). Only the
    person in the middle is labelled. Seeds and splits are those of `SyntheticPeople`.
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        people: int | tuple[int, int] = (2, 6),
        scene: tuple[int, int] = (192, 256),
        margin: float = 1.25,
        jitter: float = 0.1,
        seed: int = 0,
        split: str = "train",
    ) -> None:
        require(
            0 <= jitter < 0.5,
            "must be from 0 to below 0.5",
            where="PersonCrops",
            field="jitter",
            value=jitter,
        )
        self.scenes = SyntheticPeople(scene, people, seed, split=split)
        self.size, self.margin, self.jitter = tuple(size), margin, jitter
        self._generator = self.scenes.generator()

    @property
    def arguments(self) -> dict[str, Any]:
        """What decides the samples, for the key of a pool."""
        own = {"size": self.size, "margin": self.margin, "jitter": self.jitter}
        return {"scenes": self.scenes.arguments, **own}

    def batch(self, n: int, generator: torch.Generator | None = None) -> Sample:
        """`n` new crops, stacked; without a generator the stream goes on."""
        generator, parts, count = generator or self._generator, [], 0
        while count < n:
            scenes = self.scenes.batch(max(1, (n - count) // 2), generator)
            parts.append(self._crops(scenes, generator))
            count += len(parts[-1])
        return Sample.join(parts)[:n]

    def pool(self, n: int, **options):
        """`n` crops, drawn once and kept on disk: see `poselab.datasets.Pool`."""
        from poselab.datasets.pool import Pool

        return Pool(self, n, **options)

    def _crops(self, scenes: Sample, generator: torch.Generator) -> Sample:
        """Everybody in stacked scenes who is large enough, and labelled enough."""
        tall = scenes.boxes[..., 3] >= SMALLEST
        known = (scenes.visibility > 0).sum(-1) >= FEWEST
        image, person = (tall & known).nonzero().T  # [N] each
        rows = {name: getattr(scenes, name)[image, person][:, None] for name in _ROWS}
        one = Sample(
            image=scenes.image[image],
            intrinsics=scenes.intrinsics[image],
            skeleton=scenes.skeleton,
            **rows,
        )
        boxes = self._jittered(one.boxes[:, 0], generator)
        grown = geometry.expand_box(boxes, self.size, self.margin)
        return transform(one, geometry.crop_matrix(grown, self.size), self.size)

    def _jittered(self, boxes: Tensor, generator: torch.Generator) -> Tensor:
        """Boxes [N, 4] as a detector may see them."""
        draw = torch.rand(len(boxes), 3, generator=generator).to(boxes) * 2 - 1
        draw = draw * self.jitter
        side = boxes[:, 2:] * (1 + draw[:, 2:])
        centre = boxes[:, :2] + boxes[:, 2:] * (0.5 + draw[:, :2])
        return torch.cat([centre - side / 2, side], -1)
