"""Tubes: crops that follow a person through a few frames, and a heatmap for each frame.

Girdhar et al., "Detect-and-Track: Efficient Pose Estimation in Videos", CVPR 2018
(1712.09184), section 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Inputs, Targets
from poselab.codecs.heatmap import HeatmapCodec
from poselab.errors import require
from poselab.records import Poses, Sample


class TubeCodec(HeatmapCodec, name="tube"):
    """`HeatmapCodec` for networks that read clips of `frames` frames.

    A stacked sample holds whole tubes, one after the other, their frames in order. The
    output is [B, J, T, h, w], and poses are read frame by frame in the order of the
    sample. With `strangers` each clip is put together from frames of different tubes:
    the same pictures and targets, but time shows nothing (a control). `options` are
    `HeatmapCodec`'s. Raises `ArgumentError` for a number of pictures that is no
    multiple of `frames`.
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        frames: int = 3,
        strangers: bool = False,
        **options,
    ) -> None:
        super().__init__(size, **options)
        require(
            frames >= 1, "a tube has at least a frame", where="frames", value=frames
        )
        self.frames, self.strangers = int(frames), bool(strangers)

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(clips [B, 3, T, H, W],); the targets of the B T frames in a row."""
        if self.strangers:
            sample = sample[self._mixed(len(sample))]
        (images,), targets = super().encode(sample, generator)
        return (self.clips(images),), targets

    def clips(self, images: Tensor) -> Tensor:
        """Pictures [B T, C, H, W] in a row -> clips [B, C, T, H, W]."""
        require(
            len(images) % self.frames == 0,
            f"holds no whole tubes of {self.frames} frames",
            where="TubeCodec",
            field="pictures",
            value=len(images),
        )
        return images.unflatten(0, (-1, self.frames)).transpose(1, 2)

    def in_a_row(self, output: Tensor) -> Tensor:
        """An output [B, J, T, h, w] frame by frame: [B T, J, h, w]."""
        return output.transpose(1, 2).flatten(0, 1)

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """`HeatmapCodec`'s, over all frames."""
        return super().loss(self.in_a_row(output), targets)

    def mirror(self, output: Tensor) -> Tensor:
        """Output [B, J, T, h, w] for mirrored clips as that for the clips."""
        return super().mirror(output.transpose(1, 2)).transpose(1, 2)

    def decode(self, output: Tensor) -> Poses:
        """Output [B, J, T, h, w] -> stacked `Poses` of the B T frames in a row."""
        return super().decode(self.in_a_row(output))

    def _mixed(self, count: int) -> Tensor:
        """The order in which frame t of clip b is frame t of tube b + t."""
        tubes, time = torch.arange(count // self.frames), torch.arange(self.frames)
        other = (tubes[:, None] + time) % max(1, len(tubes))  # [B, T]
        return (other * self.frames + time).flatten()
