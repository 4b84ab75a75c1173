"""Joints as heatmaps: how the targets are drawn, and the losses.

One heatmap per joint: a Gaussian of height 1 where the joint is (Tompson et al. 2014,
1406.2984; merged over people by the maximum, Cao et al. 2017, 1611.08050, section 2.2).
How a heatmap is read is in `poselab.codecs.heatmap_decode`.

A heatmap of stride s has one cell per s pixels; cell u lies at pixel s u + (s - 1) / 2,
the middle of the s pixels that it covers. Cells, like pixels, are counted from the
centre of the first one, and sigma is in cells.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets, mean_of
from poselab.codecs.heatmap_decode import (
    blur_of,
    decode_argmax,
    decode_dark,
    decode_quarter,
    decode_soft_argmax,
    flip_heatmaps,
    pixels_to_cells,
)
from poselab.codecs.regression import one_person, single_person
from poselab.errors import require, require_known, require_shape
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton

MERGES = ("max", "sum", "overwrite")

# --- targets -------------------------------------------------------------------------


def gaussian_heatmaps(cells: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """exp(-d^2 / 2 sigma^2) around points [..., 2] (x, y), all in cells.

    -> [..., h, w] for `size` = (h, w); the peak is 1 if the point is on a cell's
    centre. Drawn as a column times a row, since the exponential of a sum is a product;
    0 beyond 9 sigma, because numbers close to the smallest ones are slow.
    """
    require_shape("cells", cells, "...", 2)
    require(sigma > 0, "a Gaussian needs a width", where="sigma", value=sigma)

    def line(length: int, centre: Tensor) -> Tensor:
        place = torch.arange(length, dtype=cells.dtype, device=cells.device)
        power = (place - centre[..., None]).square() / (-2 * sigma**2)
        return torch.exp(power.clamp(min=-40)) * (power > -40)

    column, row = line(size[0], cells[..., 1]), line(size[1], cells[..., 0])
    return column[..., :, None] * row[..., None, :]  # [..., h, w]


def nearest_cells(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Points [..., 2] in cells moved to the centre of their cell in an (h, w) heatmap.

    What most reference code does before it draws; the fraction that is lost here cannot
    be decoded any more.
    """
    last = cells.new_tensor([size[1] - 1, size[0] - 1])
    return torch.minimum(torch.floor(cells + 0.5).clamp(min=0), last)


def merge_people(heatmaps: Tensor, how: str = "max") -> Tensor:
    """One heatmap per joint from those of P people: [B, P, J, h, w] -> [B, J, h, w].

    "max" keeps every peak where it is and as high as it was. The others are there to be
    seen failing: "sum" grows above 1 and pulls close peaks together, "overwrite" lets
    the last person (as far as 3 sigma) cut a piece out of the others.
    """
    require_shape("heatmaps", heatmaps, None, None, None, None, None)
    require_known("merge", how, MERGES)
    if heatmaps.shape[1] == 1:
        return heatmaps[:, 0]
    if how == "sum" or heatmaps.shape[1] == 0:
        return heatmaps.sum(1)
    if how == "max":
        return heatmaps.amax(1)
    people = torch.arange(heatmaps.shape[1], device=heatmaps.device)
    people = people[:, None, None, None]
    drawn = torch.where(heatmaps > math.exp(-4.5), people, 0)
    return heatmaps.gather(1, drawn.amax(1, keepdim=True))[:, 0]


def draw_targets(
    points: Tensor,
    visibility: Tensor,
    size: tuple[int, int],
    stride: int = 4,
    sigma: float = 2.0,
    merge: str = "max",
    quantise: bool = False,
) -> Tensor:
    """Heatmaps [B, J, h, w] of the joints [B, P, J, 2] px of P people; (h, w) = `size`.

    visibility [B, P, J]: an unlabelled joint (0) draws nothing, whatever stands in its
    place; a hidden one (1) is drawn like a visible one. With `quantise` every centre is
    first moved to the centre of its cell.
    """
    require_shape("points", points, None, None, None, 2)
    require_shape("visibility", visibility, *points.shape[:3])
    cells = pixels_to_cells(points, stride)
    cells = nearest_cells(cells, size) if quantise else cells
    cells = torch.where((visibility > 0)[..., None], cells, torch.inf)  # far away: 0
    return merge_people(gaussian_heatmaps(cells, size, sigma), merge)


def target_weight(
    visibility: Tensor, ignore: Tensor | None = None, stride: int = 1
) -> Tensor:
    """Where the loss counts: 1 or 0, [B, J, 1, 1], or [B, J, h, w] with `ignore`.

    visibility [B, P, J]: a joint counts if at least one person has it labelled.
    ignore [B, H, W] bool: crowds that nobody labelled one by one; a cell (of `stride`
    pixels) that touches one does not count.
    """
    weight = (visibility > 0).any(1)[..., None, None].float()  # [B, J, 1, 1]
    if ignore is None:
        return weight
    crowd = F.max_pool2d(ignore[:, None].float(), stride, ceil_mode=True)
    return weight * (1 - crowd)


# --- losses --------------------------------------------------------------------------


def masked_mse(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean squared difference of heatmaps [B, J, h, w] over the cells that count.

    weight: anything that spreads to the shape of the heatmaps, such as [B, J, 1, 1].
    Zero if nothing counts. Most cells of a target are near 0, so a heatmap of zeros
    already has a small loss: where learning gets stuck, that is the first thing to look
    for.
    """
    require_shape("target", target, *output.shape)
    weight = weight.expand_as(target)
    difference = torch.where(weight > 0, output - target, 0.0)
    return (weight * difference.square()).sum() / weight.sum().clamp(min=1)


def spatial_cross_entropy(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Which cell is it? The cross-entropy of a softmax over the cells of each heatmap.

    output [B, J, h, w] are logits; the target is divided by its sum, so that it is a
    distribution over the cells too. Averaged over the heatmaps that count; cells of
    weight 0 take no part. A constant heatmap, zero included, costs log(h w): there is
    no trap.
    """
    each, counts = cross_entropy_of_joints(output, target, weight)
    return each.sum() / counts.sum().clamp(min=1)


def cross_entropy_of_joints(
    output: Tensor, target: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """`spatial_cross_entropy` of each heatmap alone, [B, J], and which ones count."""
    require_shape("target", target, *output.shape)
    counts = weight.expand_as(target) > 0
    lowest = torch.finfo(output.dtype).min / 2
    scores = torch.where(counts, output, lowest).flatten(2).log_softmax(-1)
    share = torch.where(counts, target, 0.0).flatten(2)  # [B, J, h w]
    total = share.sum(-1, keepdim=True)
    share = share / total.clamp(min=1e-12)
    each = -(share * torch.where(share > 0, scores, 0.0)).sum(-1)  # [B, J]
    return each, total[..., 0] > 0


LOSSES = {"mse": masked_mse, "cross_entropy": spatial_cross_entropy}
DECODERS = {
    "argmax": decode_argmax,
    "quarter": decode_quarter,
    "dark": decode_dark,
    "soft_argmax": decode_soft_argmax,
}


# --- the codecs ----------------------------------------------------------------------


class HeatmapCodec(Codec, name="heatmap"):
    """Joints as one heatmap each, [J, h, w] of `stride` for inputs of `size` (H, W).

    The targets are Gaussians of `sigma` cells, those of several people joined by
    `merge_by` (see `merge_people`); `quantise` draws them on cell centres only.
    `criterion` is "mse" (the output is the heatmap itself) or "cross_entropy" (the
    output is logits over the cells), `decoder` a key of `DECODERS`; `skeleton` has the
    pairs of joints that change places in a mirror. Where a side is no multiple of the
    stride, the last cells reach over the border. Raises `ArgumentError` for a name that
    is not known.
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        stride: int = 4,
        sigma: float = 1.5,
        criterion: str = "mse",
        decoder: str = "dark",
        merge_by: str = "max",
        quantise: bool = False,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        require_known("criterion", criterion, LOSSES)
        require_known("decoder", decoder, DECODERS)
        require_known("merge_by", merge_by, MERGES)
        require(
            stride >= 1, "a cell covers at least a pixel", where="stride", value=stride
        )
        self.size, self.stride = (int(size[0]), int(size[1])), int(stride)
        self.heatmap_size = (
            math.ceil(self.size[0] / stride),
            math.ceil(self.size[1] / stride),
        )
        self.sigma, self.criterion, self.decoder = float(sigma), criterion, decoder
        self.merge_by, self.quantise, self.skeleton = merge_by, quantise, skeleton

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images [B, 3, H, W],); "heatmaps" [B, J, h, w], "weight" (`target_weight`).

        Any number of people per image. Nothing is drawn at random.
        """
        sample = sample if sample.is_stacked else Sample.stack([sample])
        require_shape("image", sample.image, None, 3, *self.size)
        heatmaps = draw_targets(
            sample.keypoints,
            sample.visibility,
            self.heatmap_size,
            self.stride,
            self.sigma,
            self.merge_by,
            self.quantise,
        )
        weight = target_weight(sample.visibility, sample.ignore, self.stride)
        return (sample.image,), {"heatmaps": heatmaps, "weight": weight}

    def loss(self, output: Tensor | list[Tensor], targets: Targets) -> Tensor:
        """The loss of the output [B, J, h, w] against the target heatmaps.

        The outputs of a staged network are all held against the same heatmaps, and
        their losses added: intermediate supervision (Wei et al. 2016, 1602.00134,
        section 3.3).
        """
        goal, weight = targets["heatmaps"], targets["weight"]
        loss = LOSSES[self.criterion]
        return torch.stack([loss(x, goal, weight) for x in self.stages(output)]).sum()

    def heatmaps(self, output: Tensor) -> Tensor:
        """The output [B, J, h, w] as heatmaps with a peak near 1; the same shape.

        They are the output itself, or of logits a softmax over the cells. A Gaussian of
        height 1 has the sum 2 pi sigma^2, so probabilities are multiplied with that.
        """
        if self.criterion == "mse":
            return output
        share = output.flatten(-2).softmax(-1).unflatten(-1, output.shape[-2:])
        return share * (2 * math.pi * self.sigma**2)

    def mirror(self, output: Tensor) -> Tensor:
        """Heatmaps or logits [B, J, h, w] of mirror images as those of the images."""
        return flip_heatmaps(output, list(self.skeleton.flip_index))

    def merge(self, output: Tensor, mirrored: Tensor) -> Tensor:
        """The mean of the two; of logits those whose probabilities are the mean."""
        mean = mean_of(self.heatmaps(output), self.heatmaps(mirrored))
        if self.criterion == "mse":
            return mean
        return mean.clamp(min=1e-12).log()  # whose softmax gives the mean again

    def decode(self, output: Tensor) -> Poses:
        """Output [B, J, h, w] -> stacked `Poses` with one person each, px of the input.

        The score of a joint is its heatmap's peak.
        """
        require_shape("output", output, None, None, *self.heatmap_size)
        heatmaps, decode = self.heatmaps(output.float()), DECODERS[self.decoder]
        if self.decoder == "soft_argmax":  # its softmax takes logits
            heatmaps = heatmaps.clamp(min=1e-10).log()
        options = {"blur": blur_of(self.sigma)} if self.decoder == "dark" else {}
        points, scores = decode(heatmaps, self.stride, **options)
        return one_person(points, scores.clamp(0, 1), self.size)


class IntegralCodec(HeatmapCodec, name="integral"):
    """Heatmaps whose mean place is the answer: integral regression (Sun et al. 2018).

    The output [B, J, h, w] is logits; the place is their soft-argmax, and the loss is
    its L1 distance from the joint (1711.08229, section 2.1), here in cells. No target
    heatmap is needed, so one person per image. `size` and `stride` are those of
    `HeatmapCodec`.
    """

    def __init__(self, size: tuple[int, int] = (128, 96), stride: int = 4) -> None:
        super().__init__(size, stride, decoder="soft_argmax", criterion="cross_entropy")

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images [B, 3, H, W],); "cells" [B, J, 2], "visibility" [B, J]."""
        sample = single_person(sample)
        require_shape("image", sample.image, None, 3, *self.size)
        cells = pixels_to_cells(sample.keypoints[:, 0], self.stride)
        return (sample.image,), {"cells": cells, "visibility": sample.visibility[:, 0]}

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """|dx| + |dy| in cells, averaged over the labelled joints."""
        found, _ = decode_soft_argmax(output.float())
        labelled = targets["visibility"] > 0
        error = torch.where(labelled[..., None], found - targets["cells"], 0.0)
        return error.abs().sum() / labelled.sum().clamp(min=1)

    def decode(self, output: Tensor) -> Poses:
        """Output [B, J, h, w] -> stacked `Poses`; scores: the largest probability."""
        require_shape("output", output, None, None, *self.heatmap_size)
        points, scores = decode_soft_argmax(output.float(), self.stride)
        return one_person(points, scores, self.size)
