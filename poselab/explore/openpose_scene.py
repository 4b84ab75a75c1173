"""What the explorers of notebook 10 look at: people in a row, and maps of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from poselab.codecs.enlarged import Enlarged, enlarging
from poselab.codecs.part_affinity import PartAffinityCodec
from poselab.codecs.part_affinity_group import Peaks, find_peaks
from poselab.datasets import SyntheticPeople
from poselab.draw import to_pil
from poselab.explore.base import Explorer
from poselab.explore.inputs import expect, remembered
from poselab.records import Sample
from poselab.skeleton import OPENPOSE_18, convert

__all__ = ["people_in_a_row", "whose_joints"]

SIZE = (192, 256)  # px of the scenes
_ACTIVITIES = ("standing", "walking", "waving", "random")


def people_in_a_row(distance: float, seed: int, count: int = 4) -> Sample:
    """Up to four people side by side, `distance` mm apart, in 192x256 px.

    Every second one stands 200 mm further away; grown-ups are about 110 px high. A
    single sample; the same seed gives the same people at every distance.
    """
    maker = SyntheticPeople(size=SIZE, people=count, split="test")
    return maker.scene(
        x=[(i - (count - 1) / 2) * distance for i in range(count)],
        z=[-200.0 * (i % 2) for i in range(count)],
        yaw=[0.0] * count,
        activity=list(_ACTIVITIES[:count]),
        distance=4600.0,
        focal_length=300.0,
        seed=seed,
        background="room",
    )


def whose_joints(peaks: Peaks, points: Tensor, there: Tensor) -> np.ndarray:
    """Whose joint each peak is: the person whose true one is nearest; [N].

    points [P, J, 2] px, there [P, J] bool, joints in the order of the peaks' parts.
    """
    truth = points.numpy()[:, peaks.part].transpose(1, 0, 2)  # [N, P, 2]
    far = np.linalg.norm(peaks.xy[:, None] - truth, axis=-1)
    far[~there.numpy()[:, peaks.part].T] = np.inf
    return far.argmin(1)


class View:
    """A part of the picture, from (left, top) px on, `zoom` times as large."""

    def __init__(self, left: int, top: int, right: int, bottom: int, zoom: int):
        self.box, self.zoom = (left, top, right, bottom), zoom

    @classmethod
    def of(cls, points: Tensor, zoom: int) -> Self:
        """Around points [N, 2], as far as the picture reaches."""
        low, high = points.amin(0) - 10, points.amax(0) + 10
        left, top = low.clamp(min=0).int().tolist()
        limits = torch.tensor([SIZE[1], SIZE[0]])
        return cls(left, top, *torch.minimum(high, limits).int().tolist(), zoom)

    def at(self, xy: np.ndarray) -> np.ndarray:
        """Places [N, 2] px of the image on the picture."""
        return (xy - np.array(self.box[:2]) + 0.5) * self.zoom - 0.5

    def grey(self, image: Tensor) -> Image.Image:
        """This part of an image [3, H, W] in grey."""
        part = to_pil(image).convert("L").crop(self.box)
        size = (part.width * self.zoom, part.height * self.zoom)
        return part.resize(size, Image.Resampling.BILINEAR).convert("RGB")


class RowExplorer(Explorer):
    """An explorer of four people in a row, with maps from the truth.

    A subclass calls `begin(codec)` first, a `PartAffinityCodec`.
    """

    def begin(self, codec: PartAffinityCodec) -> None:
        """Keep the codec; raises `ArgumentError` for one of another kind."""
        fix = "zoo.load('openpose_tiny').codec is one."
        self.codec = expect(codec, PartAffinityCodec, "codec", fix)

    @remembered
    def scene(self, distance: float, who: int) -> Sample:
        """The people of this distance in mm and this seed."""
        return people_in_a_row(distance, who)

    @remembered
    def truth(self, distance: float, who: int) -> tuple[Tensor, Tensor]:
        """Points [P, 18, 2] px and flags [P, 18] bool of everybody."""
        scene = self.scene(distance, who)
        points, flags = convert(
            scene.keypoints, scene.visibility, scene.skeleton, OPENPOSE_18
        )
        return points, flags > 0

    @remembered
    def maps(self, distance, who, missing, noise) -> tuple[Tensor, Tensor]:
        """True fields [38, h, w] with noise, heatmaps [19, h, w], both with gaps.

        `missing` is the share of the joints that are left out of both.
        """
        scene, draws = self.scene(distance, who), torch.Generator().manual_seed(who)
        gone = torch.rand(scene.visibility.shape, generator=draws) < missing
        seen = scene.replace(visibility=scene.visibility * ~gone)
        _, targets = self.codec.encode(seen.batched())
        fields, heatmaps = targets["fields"][0], targets["heatmaps"][0]
        if noise:
            fields = fields + noise * torch.randn(fields.shape, generator=draws)
        return fields, heatmaps

    def enlarged(self, maps: Tensor) -> Enlarged:
        """Maps [C, h, w] as large as the picture."""
        cells = maps.shape[-2], maps.shape[-1]
        return Enlarged(maps, *enlarging(cells, self.codec.stride, SIZE, SIZE))

    def peaks(self, heatmaps: Tensor, most: int = 100) -> Peaks:
        """At most `most` peaks of each joint in heatmaps [19, h, w]."""
        large = self.enlarged(heatmaps[:-1])
        rules = replace(self.codec.rules, max_peaks=most)
        return find_peaks(large, large.whole(), rules)
