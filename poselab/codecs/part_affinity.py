"""Joints as heatmaps, limbs as fields of unit vectors: what OpenPose learns.

Cao et al. 2017 (1611.08050), sections 2.1 to 2.3. A cell of a field holds the unit
vector along the limb where it lies on the limb, and 0 elsewhere; where limbs of several
people lie over each other, the mean of theirs. Heatmaps are the maximum over people,
and one more map is 1 where no joint is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from poselab.codecs.base import Inputs, Targets
from poselab.codecs.bottom_up import (
    CRITERIA,
    SceneCodec,
    counted,
    one_of,
    poses_of,
    stacked,
    sub_cell,
    weighted_mse,
)
from poselab.codecs.enlarged import Enlarged, enlarging
from poselab.codecs.heatmap import draw_targets
from poselab.codecs.heatmap_decode import cells_to_pixels, pixels_to_cells
from poselab.codecs.part_affinity_group import PYTHON, Grouping, Peaks, group
from poselab.errors import ArgumentError, require_shape
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, OPENPOSE_18, Skeleton, convert

# Limb k of `OPENPOSE_18` has the channels 2 k and 2 k + 1 of our fields; in the fields
# of the released network it is the limb of this number.
RELEASED = (6, 10, 7, 8, 11, 12, 0, 1, 2, 3, 4, 5, 14, 15, 17, 16, 18, 9, 13)
TREE = 17  # limbs that may begin a person; ear to shoulder may not


def affinity_fields(
    points: Tensor,
    there: Tensor,
    limbs: tuple[tuple[int, int], ...],
    size: tuple[int, int],
    width: float = 1.0,
    reach: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Fields [B, L, 2, h, w] (x, y) and how many people share a cell, [B, L, h, w].

    points [B, P, J, 2] and `width` in cells, there [B, P, J] bool. A cell belongs to a
    limb if it is at most `width` away from the line and between the two ends (equation
    8), or at most `reach` beyond them: a limb shorter than a cell would leave no trace.
    It is drawn if both its ends are there and apart.
    """
    require_shape("there", there, *points.shape[:3])
    start, end = (points[..., [limb[i] for limb in limbs], :] for i in (0, 1))
    drawn = there[..., [a for a, _ in limbs]] & there[..., [b for _, b in limbs]]
    length = torch.linalg.vector_norm(end - start, dim=-1)  # [B, P, L]
    drawn = drawn & (length > 1e-6)
    unit = (end - start) / length.clamp(min=1e-6)[..., None]
    y, x = (torch.arange(n, device=points.device).to(points) for n in size)
    fields = points.new_zeros(len(points), len(limbs), 2, *size)
    shared = points.new_zeros(len(points), len(limbs), *size)
    for p in range(points.shape[1]):  # person by person, or the memory would not do
        a, u = start[:, p, :, :, None, None], unit[:, p, :, :, None, None]
        dx, dy = x - a[:, :, 0], y[:, None] - a[:, :, 1]  # [B, L, 1, w], [B, L, h, 1]
        along = dx * u[:, :, 0] + dy * u[:, :, 1]  # [B, L, h, w]
        across = (dx * u[:, :, 1] - dy * u[:, :, 0]).abs()
        end = length[:, p, :, None, None] + reach
        on = (along >= -reach) & (along <= end) & (across <= width)
        on = (on & drawn[:, p, :, None, None]).to(points)
        shared += on
        fields += on[:, :, None] * u
    return fields / shared.clamp(min=1)[:, :, None], shared


class PartAffinityCodec(SceneCodec, name="part_affinity"):
    """People as heatmaps [B, 19, h, w] and fields [B, 38, h, w] of 18 parts.

    The outputs of a stage are the pair (fields, heatmaps). `sigma` of the heatmaps and
    half the `width` of a limb are in cells, and so is its `reach` beyond its ends.
    `foreground` is how much more a cell counts in the loss where the target is not
    empty; `criterion` is what the loss of heatmaps is, "mse" or, for a network whose
    heatmaps are probabilities, "logistic". `rules` are the constants of the grouping;
    `precise` moves the joints from the pixels where they were found to the tops of the
    Gaussians; `released` reads fields in the order of the released network. The neck is
    the middle of the shoulders; answers have COCO's 17 joints.
    """

    parts: Skeleton = OPENPOSE_18

    def __init__(
        self,
        size: tuple[int, int] = (192, 256),
        stride: int = 4,
        sigma: float = 1.0,
        width: float = 1.0,
        reach: float = 1.0,
        foreground: float = 0.0,
        criterion: str = "mse",
        rules: Grouping | dict = PYTHON,
        precise: bool = True,
        released: bool = False,
    ) -> None:
        super().__init__(size, stride, COCO_17)
        self.precise = precise
        self.sigma, self.foreground = sigma, foreground
        self.criterion = one_of(CRITERIA, criterion)
        self.width, self.reach = width, reach
        self.rules = rules if isinstance(rules, Grouping) else replace(PYTHON, **rules)
        order = RELEASED if released else range(len(self.parts.limbs))
        self.channels = [c for limb in order for c in (2 * limb, 2 * limb + 1)]

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "fields" [B, 38, h, w], "heatmaps" [B, 19, h, w], "weight"."""
        sample = stacked(sample, self.size)
        points, flags = convert(
            sample.keypoints, sample.visibility, sample.skeleton, self.parts
        )
        flags = flags * sample.present[..., None]
        parts = draw_targets(points, flags, self.heatmap_size, self.stride, self.sigma)
        heatmaps = torch.cat([parts, 1 - parts.amax(1, keepdim=True)], 1)
        cells = pixels_to_cells(points, self.stride)
        fields, _ = affinity_fields(
            cells,
            flags > 0,
            self.parts.limbs,
            self.heatmap_size,
            self.width,
            self.reach,
        )
        weight = counted(sample, self.stride)
        targets = {"fields": self._ordered(fields.flatten(1, 2))}
        return (sample.image,), {**targets, "heatmaps": heatmaps, "weight": weight}

    def _ordered(self, fields: Tensor) -> Tensor:
        """Fields in our order as fields in the network's."""
        ordered = torch.empty_like(fields)
        ordered[:, self.channels] = fields
        return ordered

    def loss(self, output: list[tuple[Tensor, Tensor]], targets: Targets) -> Tensor:
        """Squared differences of both, of every stage, added (equations 5 and 6).

        With `criterion="logistic"` heatmaps cost the cross-entropy of each cell.
        """
        total, of_heatmaps = [], CRITERIA[self.criterion]
        for stage in self.stages(output):
            for found, name in zip(stage, ("fields", "heatmaps"), strict=True):
                goal = targets[name]
                weight = targets["weight"] * (1 + self.foreground * goal.abs())
                if name == "heatmaps":  # the background is where nothing is
                    weight[:, -1:] = targets["weight"]
                measure = of_heatmaps if name == "heatmaps" else weighted_mse
                total.append(measure(found, goal, weight))
        return torch.stack(total).sum()

    def mirror(self, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Of mirror images: columns turned, sides swapped, x of vectors negated."""
        fields, heatmaps = output
        index, sign = mirrored_limbs(self.parts)
        ours = fields[:, self.channels].unflatten(1, (-1, 2))[:, index].flip(-1)
        along = torch.tensor(sign).to(ours)[:, None]
        ours = ours * (along * ours.new_tensor([-1.0, 1.0]))[:, :, None, None]
        parts = [*self.parts.flip_index, len(self.parts)]
        return self._ordered(ours.flatten(1, 2)), heatmaps[:, parts].flip(-1)

    def group(self, output: tuple[Tensor, Tensor]) -> Poses:
        """(fields [38, h, w], heatmaps [19, h, w]) of one image -> its people."""
        fields, heatmaps = output
        self.require_cells(heatmaps)
        both = enlarging(self.heatmap_size, self.stride, self.size, self.size)
        peaks, people = group(
            Enlarged(fields[self.channels], *both),
            Enlarged(heatmaps[:-1], *both),
            self.parts.limbs,
            TREE,
            self.rules,
        )
        index = [self.parts.index(name) for name in self.skeleton.joints]
        members = people.members[:, index]
        found = members >= 0
        if not len(peaks.xy):
            return Poses.empty(len(index))
        xy = self._tops(heatmaps.numpy(), peaks) if self.precise else peaks.xy
        points, scores = xy[members], np.where(found, peaks.scores[members], 0)
        some = found.any(1)  # a neck alone is nobody
        return poses_of(points[some], scores[some], scores[some].mean(1))

    def _tops(self, heatmaps: np.ndarray, peaks: Peaks) -> np.ndarray:
        """The tops of the Gaussians that were found as these peaks; [N, 2] px."""
        cells = np.rint(pixels_to_cells(peaks.xy, self.stride)).astype(np.int64)
        cells = np.clip(cells, 0, [n - 1 for n in heatmaps.shape[:0:-1]])
        tops = sub_cell(heatmaps, peaks.part, cells[:, 0], cells[:, 1])
        return cells_to_pixels(tops, self.stride)


def mirrored_limbs(skeleton: Skeleton) -> tuple[list[int], list[int]]:
    """For each limb the limb that it is in a mirror, and -1 if that runs backwards."""
    flip, limbs = skeleton.flip_index, skeleton.limbs
    index, sign = [], []
    for a, b in limbs:
        pair = (flip[a], flip[b])
        if pair not in limbs and pair[::-1] not in limbs:
            raise ArgumentError(
                "has a limb without a partner in the mirror",
                where=skeleton.name,
                field="limbs",
                value=(a, b),
            )
        sign.append(1 if pair in limbs else -1)
        index.append(limbs.index(pair if pair in limbs else pair[::-1]))
    return index, sign
