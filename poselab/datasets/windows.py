"""Whole scenes as photographers frame them: from everybody to half of somebody."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from poselab import geometry
from poselab.datasets.sources import VARY, Source, other_seed
from poselab.datasets.transforms import flip, transform
from poselab.errors import require
from poselab.records import Sample

AIMED = 0.7  # the share of windows that somebody is in; the others may be anywhere
# Of a window's sides: no place that it is aimed at is closer to its edge.
EDGE = 0.15


class Windows(Source):
    """Parts of the scenes of `data`, resized to `size` (H, W) and mirrored at random.

    The window is from `smallest` to 1 of the scene's sides long, each doubling as
    likely as the next, and never reaches outside. Windows with somebody are aimed at a
    height of the person's box between the two of `aim` (0: its top): photographers cut
    off legs more often than heads. Who shows less than `visible` of the own box is not
    labelled; with `faces`, everybody is whose nose is in the window, as in a portrait.
    Raises `ArgumentError` for shares outside 0 to 1.
    """

    def __init__(
        self,
        data: Source,
        size: tuple[int, int] = (192, 256),
        smallest: float = 0.35,
        visible: float = 0.2,
        faces: bool = False,
        aim: tuple[float, float] = (0.5, 0.5),
    ) -> None:
        for field, value in (("smallest", smallest), ("visible", visible)):
            require(
                0 < value <= 1,
                "must be above 0, up to 1",
                where="Windows",
                field=field,
                value=value,
            )
        require(
            _two_heights(aim),
            "must be two heights, the upper one first, 0 the top and 1 the bottom",
            where="Windows",
            field="aim",
            value=aim,
        )
        self.data, self.size, self.aim = data, tuple(size), tuple(aim)
        self.smallest, self.visible, self.faces = smallest, visible, faces

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples without end."""
        generator = torch.Generator().manual_seed(other_seed(seed, VARY))
        batches = self.data.batches(batch_size, seed)
        return (self.cut(batch, generator) for batch in batches)

    def cut(self, batch: Sample, generator: torch.Generator) -> Sample:
        """A window of each scene of a stacked sample."""
        draw = torch.rand(len(batch), 8, generator=generator)
        batch = flip(batch, draw[:, 0] < 0.5)
        window = self._windows(batch, draw)
        found = transform(batch, geometry.crop_matrix(window, self.size), self.size)
        growth = (self.size[0] * self.size[1]) / window[:, 2:].prod(-1)  # of areas
        whole = batch.boxes[..., 2:].prod(-1) * growth[:, None]  # [B, P] px^2
        seen = found.boxes[..., 2:].prod(-1) >= self.visible * whole
        if self.faces:
            edge = torch.tensor([self.size[1], self.size[0]]).to(whole)
            nose = found.keypoints[..., found.skeleton.index("nose"), :]  # [B, P, 2] px
            seen |= ((nose >= 0) & (nose < edge)).all(-1)
        return found.replace(present=found.present & seen)

    def _windows(self, batch: Sample, draw: Tensor) -> Tensor:
        """Windows [B, 4] xywh px, from numbers `draw` [B, 8] in [0, 1)."""
        full = torch.tensor([batch.size[1], batch.size[0]]).to(batch.boxes)
        side = full * self.smallest ** draw[:, 1:2]  # [B, 2]
        anybody = (draw[:, 2] * batch.present.sum(1)).long()  # the how manieth
        rank = batch.present.long().cumsum(1) - 1
        chosen = (rank == anybody[:, None]) & batch.present  # [B, P], at most one
        # An aimed window has draw 3 below AIMED: divided by it, it is even in [0, 1).
        height = self.aim[0] + (self.aim[1] - self.aim[0]) * (draw[:, 3] / AIMED)
        share = torch.stack([torch.full_like(height, 0.5), height], 1)  # of a box
        aims = batch.boxes[..., :2] + batch.boxes[..., 2:] * share[:, None]
        person = (aims * chosen[..., None]).sum(1)  # [B, 2]
        aimed = chosen.any(1) & (draw[:, 3] < AIMED)
        centre = torch.where(aimed[:, None], person, full * draw[:, 4:6])
        place = EDGE + (1 - 2 * EDGE) * draw[:, 6:8]  # of the centre in the window
        corner = torch.minimum((centre - side * place).clamp(min=0), full - side)
        return torch.cat([corner, side], 1)


def _two_heights(aim: object) -> bool:
    """Whether these are two shares of a box's height, in order."""
    if not (isinstance(aim, (tuple, list)) and len(aim) == 2):
        return False
    return all(isinstance(share, (int, float)) for share in aim) and (
        0 <= aim[0] <= aim[1] <= 1
    )
