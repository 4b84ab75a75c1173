"""How wrong a detector's boxes are, and training crops in boxes that are as wrong.

Fang, Xie, Tai & Lu, "RMPE: Regional Multi-Person Pose Estimation", ICCV 2017
(1612.00137), section 3.4: the pose-guided proposals generator learns the offsets of a
detector's boxes from the true ones and draws as many training boxes as are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from poselab import geometry
from poselab.datasets.person_crops import PersonCrops
from poselab.datasets.sources import VARY, Source, other_seed
from poselab.datasets.transforms import flip, transform
from poselab.errors import require, require_shape
from poselab.records import Sample

LEAST = 0.2  # of the true side: no drawn box is narrower
WIDE = 1.6  # a wide crop shows so much more than a crop does


class Errors(Protocol):
    """What draws wrong boxes for true ones: [..., 4] xywh -> [..., 4] xywh."""

    def draw(self, boxes: Tensor, generator: torch.Generator) -> Tensor: ...


@dataclass(frozen=True)
class UniformErrors:
    """Boxes moved by up to `most` of their sides and scaled by up to 1 +- `most`."""

    most: float

    def draw(self, boxes: Tensor, generator: torch.Generator) -> Tensor:
        """Wrong boxes [..., 4] for the true ones, xywh px."""
        draw = torch.rand(*boxes.shape[:-1], 3, generator=generator) * 2 - 1
        draw = draw.to(boxes) * self.most
        side = boxes[..., 2:] * (1 + draw[..., 2:])
        centre = boxes[..., :2] + boxes[..., 2:] * (0.5 + draw[..., :2])
        return torch.cat([centre - side / 2, side], -1)


@dataclass(frozen=True)
class BoxErrors:
    """Normal errors of the left, top, right and bottom edge: `mean` and `spread`.

    In shares of the true box's width (left, right) and height (top, bottom). The edges
    are drawn independently, as in AlphaPose's code.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def of(cls, found: Tensor, true: Tensor) -> BoxErrors:
        """What a detector's boxes [N, 4] say about its errors; true [N, 4], xywh px."""
        offsets = box_offsets(found, true)
        require(
            len(offsets) > 1,
            "a spread needs two boxes",
            where="BoxErrors.of",
            field="found",
            value=len(offsets),
        )
        mean, spread = offsets.mean(0).tolist(), offsets.std(0).tolist()
        return cls(tuple(mean), tuple(spread))

    def draw(self, boxes: Tensor, generator: torch.Generator) -> Tensor:
        """Wrong boxes [..., 4] for the true ones, xywh px; none is inside out."""
        noise = torch.randn(boxes.shape, generator=generator).to(boxes)
        offset = noise * boxes.new_tensor(self.spread) + boxes.new_tensor(self.mean)
        sides = boxes[..., 2:].repeat(*[1] * (boxes.dim() - 1), 2)  # w, h, w, h
        edges = geometry.xywh_to_xyxy(boxes) + offset * sides
        low, high = edges.split(2, -1)
        high = torch.maximum(high, low + LEAST * boxes[..., 2:])
        return torch.cat([low, high - low], -1)


# What AlphaPose's training adds to the edges of COCO's boxes (`addDPG`); the one time
# in seven that it takes a random part of the box instead is left out here.
ALPHAPOSE_ERRORS = BoxErrors(
    (-0.0142, 0.0043, 0.0154, -0.0013), (0.1158, 0.068, 0.1337, 0.0711)
)


def box_offsets(found: Tensor, true: Tensor) -> Tensor:
    """How far each edge is off, in shares of the true sides: [N, 4], see `BoxErrors`.

    found and true [N, 4] xywh px.
    """
    require_shape("found", found, None, 4)
    require_shape("true", true, len(found), 4)
    gap = geometry.xywh_to_xyxy(found) - geometry.xywh_to_xyxy(true)
    return gap / true[:, 2:].repeat(1, 2)


def wide_crops(size: tuple[int, int], seed: int) -> PersonCrops:
    """Crops [H, W] of people in crowds with room around them, for `Recut`."""
    height, width = (32 * round(WIDE * n / 32) for n in size)
    return PersonCrops(
        (height, width), scene=(288, 384), margin=1.25 * WIDE, jitter=0.0, seed=seed
    )


class Recut(Source):
    """The people of `data` (one per sample, with room around) in boxes with `errors`.

    Each sample is mirrored at random, its true box made wrong by `errors` (None: left
    true), and what is then within the box and a `margin` becomes a crop of `size`
    (H, W). `boxes` of the crops are the true ones, also where they reach outside.
    """

    def __init__(
        self,
        data: Source,
        size: tuple[int, int] = (128, 96),
        errors: Errors | None = None,
        margin: float = 1.25,
    ) -> None:
        self.data, self.size, self.errors = data, tuple(size), errors
        self.margin = margin

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples without end."""
        generator = torch.Generator().manual_seed(other_seed(seed, VARY))
        batches = self.data.batches(batch_size, seed)
        return (self.cut(batch, generator) for batch in batches)

    def cut(self, batch: Sample, generator: torch.Generator) -> Sample:
        """The crops of one stacked batch."""
        batch = flip(batch, torch.rand(len(batch), generator=generator) < 0.5)
        true: Any = batch.boxes[:, 0]  # [B, 4]
        box = true if self.errors is None else self.errors.draw(true, generator)
        grown = geometry.expand_box(box, self.size, self.margin)
        matrix = geometry.crop_matrix(grown, self.size)  # [B, 2, 3]
        low, high = (geometry.xywh_to_xyxy(true) - 0.5).split(2, -1)
        corners = torch.stack([low, high], 1)  # [B, 2, 2], as points
        corners = geometry.apply_affine(corners, matrix) + 0.5
        moved = torch.cat([corners[:, 0], corners[:, 1] - corners[:, 0]], -1)
        return transform(batch, matrix, self.size).replace(boxes=moved[:, None])
