"""What the codecs for whole scenes share: many people in one image, found at once.

Their networks answer with maps of one image; which joint is whose is found out by the
codec's `group`, image by image.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.codecs.base import Codec
from poselab.codecs.heatmap_decode import flip_heatmaps
from poselab.errors import PoselabError, ShapeError, require
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton

SURE = 1e-7  # nearer to 0 and 1 answers cost the same


class SceneCodec(Codec):
    """The base of codecs that group: maps of `stride` for inputs of `size` (H, W) px.

    A new one writes `encode`, `loss`, `mirror`, `group` and, if its maps hold lengths,
    `rescale`; if its people have more than joints, `complete`. Where a side is no
    multiple of the stride, the last cells reach over the border.
    """

    def __init__(
        self, size: tuple[int, int], stride: int, skeleton: Skeleton = COCO_17
    ) -> None:
        require(
            stride >= 1, "a cell covers at least a pixel", where="stride", value=stride
        )
        self.size, self.stride = (int(size[0]), int(size[1])), int(stride)
        self.heatmap_size = (
            math.ceil(self.size[0] / stride),
            math.ceil(self.size[1] / stride),
        )
        self.skeleton = skeleton

    @abstractmethod
    def group(self, output: Any) -> Poses:
        """One image's output (as `one_image` gives it), on the CPU -> its people."""

    def complete(self, output: Any, people: Poses) -> Poses:
        """What is found out last, for the people who count: masks, say. Here nothing.

        `output` as for `group`.
        """
        return people

    def decode(self, output: Any, min_score: float = 0.0) -> Poses:
        """One stage of the output -> stacked `Poses` of everybody, best first.

        Whoever scores below `min_score` is left out before pixels are given away. A
        joint that was not found has the score 0 and stands in the middle of those that
        were. Raises `PoselabError` if the output is not a number somewhere, is of no
        image at all, or has maps that are no maps of images of the codec's size.
        """
        output = each(output, lambda t: t.detach().float().cpu())
        for tensor in tensors_of(output):
            require_numbers(tensor)
        count = len(tensors_of(output)[0])
        require(count > 0, "there is no image", where="decode", field="output", value=0)
        images = [one_image(output, i) for i in range(count)]
        return Poses.stack([self._people(image, min_score) for image in images])

    def _people(self, output: Any, min_score: float) -> Poses:
        found = self.group(output)
        found = found.people(found.known("person_scores") >= min_score)
        return self.complete(output, found)

    def require_cells(self, maps: Tensor) -> None:
        """A `ShapeError` unless maps [..., h, w] are of images of the codec's size."""
        if tuple(maps.shape[-2:]) != self.heatmap_size:
            (height, width), (h, w) = self.size, self.heatmap_size
            raise ShapeError(
                f"the codec is made for images of {height} x {width}, whose maps have "
                f"{h} x {w} cells",
                where="decode",
                field="output",
                value=list(maps.shape),
                fix="Resize the images, or make the codec with their size.",
            )

    def rescale(self, output: Any, scale: float, sides: tuple[int, int]) -> Any:
        """The output for images `scale` times as large, as one for the images.

        `sides` (H, W) are those of the inputs, which may have been filled up on the
        right and below: what belongs to that is cut off. Then every map is brought to
        the number of cells it has at scale 1. A codec whose maps hold lengths divides
        them by `scale`.
        """
        return each(output, lambda maps: self.rescaled(maps, scale, sides))

    def rescaled(self, maps: Tensor, scale: float, sides: tuple[int, int]) -> Tensor:
        """`rescale` of one tensor [..., h, w]; its numbers stay as they are."""
        stride = round(sides[0] / maps.shape[-2])
        h, w = (math.ceil(round(n * scale) / stride) for n in self.size)
        size = math.ceil(self.size[0] / stride), math.ceil(self.size[1] / stride)
        return resized(maps[..., :h, :w], size)

    def combine(self, outputs: Sequence[Any]) -> Any:
        """One output from several for the same images: their mean."""
        total = outputs[0]
        for i, output in enumerate(outputs[1:], 2):  # a running mean
            total = each_pair(total, output, lambda a, b, n=i: a + (b - a) / n)
        return total

    def merge(self, output: Any, mirrored: Any) -> Any:
        """`combine` of the two."""
        return self.combine([output, mirrored])

    def flipped(self, maps: Tensor) -> Tensor:
        """Maps [B, J, h, w], one per joint, of mirror images as those of the images."""
        return flip_heatmaps(maps, list(self.skeleton.flip_index))


# --- outputs of any form -------------------------------------------------------------


def each(output: Any, change: Any) -> Any:
    """The same structure with every tensor changed."""
    if isinstance(output, dict):
        return {key: each(value, change) for key, value in output.items()}
    if isinstance(output, (tuple, list)):
        return type(output)(each(value, change) for value in output)
    return change(output)


def each_pair(a: Any, b: Any, change: Any) -> Any:
    """The same structure with every pair of tensors made one."""
    if isinstance(a, dict):
        return {key: each_pair(value, b[key], change) for key, value in a.items()}
    if isinstance(a, (tuple, list)):
        pairs = zip(a, b, strict=True)
        return type(a)(each_pair(x, y, change) for x, y in pairs)
    return change(a, b)


def tensors_of(output: Any) -> list[Tensor]:
    """All tensors of an output."""
    found: list[Tensor] = []
    each(output, found.append)
    return found


def one_image(output: Any, index: int) -> Any:
    """The output of one image of a batch, without the dimension of images."""
    return each(output, lambda t: t[index])


def require_numbers(output: Tensor) -> None:
    """Raise a `PoselabError` if anything in it is infinite or not a number."""
    if not math.isfinite(float(output.sum())) and not bool(output.isfinite().all()):
        raise PoselabError(
            "there is no person to be found in what is not a number",
            where="decode",
            field="output",
            value=list(output.shape),
            fix="Look at the network's weights and at the image that it was given.",
        )


def resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps [..., h, w] with other sides, by bilinear interpolation between cells."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    flat = maps.flatten(0, -4) if maps.dim() > 4 else maps
    done = F.interpolate(flat, size, mode="bilinear", align_corners=False)
    return done.view(*maps.shape[:-2], *size)


# --- targets and people --------------------------------------------------------------


def stacked(sample: Sample, size: tuple[int, int]) -> Sample:
    """A stacked sample whose images are as large as the codec's `size`."""
    sample = sample.batched()
    fits = tuple(sample.image.shape[-2:]) == size
    require(
        fits,
        f"the codec is made for images of {size[0]} x {size[1]}",
        where="encode",
        field="sample.image",
        value=list(sample.image.shape),
        fix="Resize them, or make the codec with their size.",
    )
    return sample


def counted(sample: Sample, stride: int) -> Tensor:
    """Where the loss counts: [B, 1, h, w], 0 in cells that touch an ignored region."""
    shape = [math.ceil(n / stride) for n in sample.image.shape[-2:]]
    if sample.ignore is None:
        return sample.image.new_ones(len(sample), 1, *shape)
    crowd = F.max_pool2d(sample.ignore[:, None].float(), stride, ceil_mode=True)
    return 1 - crowd


def weighted_mse(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean of squared differences times `weight`, which spreads to [B, C, h, w]."""
    weight = weight.expand_as(target)
    return (weight * (output.float() - target).square()).sum() / weight.sum().clamp(1)


def weighted_log_loss(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean of cross-entropies times `weight`, which spreads to [B, C, h, w].

    `output` are probabilities. Each cell asks for its own yes or no, as in PersonLab's
    discs (1803.08225); a target between 0 and 1 is an answer that is true that often.
    What a right answer would still cost is taken off, so 0 is the best, as for squares.
    """
    weight = weight.expand_as(target)
    p = output.float().clamp(SURE**2, 1 - SURE)  # the slope at 0 must not be lost
    t = target.clamp(SURE, 1 - SURE)
    each = t * (t / p).log() + (1 - t) * ((1 - t) / (1 - p)).log()
    return (weight * each).sum() / weight.sum().clamp(1)


def one_of(known: dict[str, Any], name: str) -> str:
    """`name`, if it is among the `known` criteria; an `ArgumentError` if not."""
    known_names = ", ".join(known)
    require(
        name in known, f"must be one of {known_names}", where="criterion", value=name
    )
    return name


CRITERIA = {"mse": weighted_mse, "logistic": weighted_log_loss}


def poses_of(points: np.ndarray, scores: np.ndarray, totals: np.ndarray) -> Poses:
    """People of one image, best first: points [P, J, 2] px, scores [P, J], totals [P].

    Joints of score 0 were not found: they are put in the middle of the others, and do
    not count for the box.
    """
    order = np.argsort(-totals, kind="stable")
    points, scores = points[order].astype(np.float64), scores[order]
    found = (scores > 0)[..., None]
    low = np.where(found, points, np.inf).min(1)
    high = np.where(found, points, -np.inf).max(1)
    points = np.where(found, points, ((low + high) / 2)[:, None])
    boxes = np.concatenate([low, high - low + 1], 1)  # from edge to edge of pixels
    return Poses(
        torch.from_numpy(points).float(),
        torch.from_numpy(np.clip(scores, 0, 1)).float(),
        boxes=torch.from_numpy(boxes).float(),
        person_scores=torch.from_numpy(totals[order]).float(),
    )


def sub_cell(
    heatmaps: np.ndarray, joint: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """The tops of peaks at cells x, y [N] of maps [J, h, w], finer than a cell: [N, 2].

    First to the highest of the 3 x 3 cells around, then along each axis to the top of
    the parabola through the logarithms of three cells, which is exact for a Gaussian
    (1910.06278, without its blur). At most half a cell further; on the border no step.
    """
    h, w = heatmaps.shape[1:]

    def logs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Of cells x, y [N, K]; beyond the border -inf."""
        inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
        cells = heatmaps[joint[:, None], y.clip(0, h - 1), x.clip(0, w - 1)]
        return np.where(inside, np.log(np.maximum(cells, 1e-6)), -np.inf)

    steps = np.array([(dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    around = logs(x[:, None] + steps[:, 0], y[:, None] + steps[:, 1])
    best = steps[around.argmax(1)]
    x, y = np.clip(x + best[:, 0], 0, w - 1), np.clip(y + best[:, 1], 0, h - 1)
    cross = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)])
    middle, *ends = logs(x[:, None] + cross[:, 0], y[:, None] + cross[:, 1]).T
    tops = []
    for low, high in (ends[:2], ends[2:]):
        bend = 2 * middle - low - high
        inner = np.isfinite(bend) & (bend > 1e-9)
        step = np.where(inner, high - low, 0) / np.where(inner, 2 * bend, 1)
        tops.append(np.clip(step, -0.5, 0.5))
    return np.stack([x + tops[0], y + tops[1]], 1)
