"""A data source that needs no renderer: coloured dots where the joints are."""

from __future__ import annotations

import torch

from poselab.datasets.sources import Source
from poselab.records import Sample
from poselab.skeleton import COCO_17


class Dots(Source):
    """Stick people without sticks: each joint is a soft dot of its own colour."""

    def __init__(self, size=(64, 48), skeleton=COCO_17):
        self.size, self.skeleton = size, skeleton
        layout = torch.Generator().manual_seed(5)
        joints = len(skeleton)
        self.colours = torch.rand(joints, 3, generator=layout)
        self.rest = torch.rand(joints, 2, generator=layout) * 0.6 + 0.2

    def batch(self, n, generator):
        """A stacked sample of n images with one person each."""
        height, width = self.size
        joints = len(self.skeleton)
        extent = torch.tensor([width - 1.0, height - 1.0])
        shift = torch.rand(n, 1, 2, generator=generator) * 0.3 - 0.15
        wobble = torch.randn(n, joints, 2, generator=generator) * 0.03
        points = (self.rest + shift + wobble) * extent  # [n, J, 2]
        inside = ((points >= 0) & (points <= extent)).all(-1)
        low, high = points.amin(1), points.amax(1)
        boxes = torch.cat([low, high - low], -1)
        return Sample(
            self._draw(points),
            points[:, None],
            2 * inside.long()[:, None],
            boxes[:, None],
            boxes[:, None, 2:].prod(-1),
            self.skeleton,
        )

    def _draw(self, points):
        y = torch.arange(self.size[0])[:, None]
        x = torch.arange(self.size[1])[None]
        px, py = points[..., 0, None, None], points[..., 1, None, None]
        dots = torch.exp(-((x - px) ** 2 + (y - py) ** 2) / 8)  # [n, J, H, W]
        return torch.einsum("njhw,jc->nchw", dots, self.colours).clamp(0, 1)

    def batches(self, batch_size, seed=0):
        """Stacked samples without end."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield self.batch(batch_size, generator)
