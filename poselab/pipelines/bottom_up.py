"""Bottom-up: all joints of the image at once, then whose is which.

One pass of one network, whatever the number of people (Cao et al. 2017, 1611.08050;
Newell et al. 2017, 1611.05424; Papandreou et al. 2018, 1803.08225). The codec groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.codecs.bottom_up import SceneCodec
from poselab.errors import require, require_shape
from poselab.geometry import (
    apply_affine,
    crop_matrix,
    invert_affine,
    warp,
    warp_crops,
    xywh_to_xyxy,
    xyxy_to_xywh,
)
from poselab.pipelines.base import ImageEstimator
from poselab.records import Poses

UNIT = 64  # sides of enlarged inputs are multiples of it


class BottomUp(ImageEstimator):
    """An image [3, H, W] in [0, 1] -> `Poses` of everybody in it, best first.

    `codec` reads the last stage of `net`, which takes images of the codec's size; an
    image of another size is fitted into it (the rest is grey). `scales` are further
    sizes of the input, relative to the codec's, whose outputs are combined (section 4
    of 1611.05424: 0.5, 1 and 2); `flip` adds the mirror image of each. `normalise` is
    applied to the network's inputs. People below `min_score` are left out, before any
    pixel is given to them. Raises `ArgumentError`.
    """

    def __init__(
        self,
        net: nn.Module,
        codec: SceneCodec,
        *,
        normalise: Callable[[Tensor], Tensor] | None = None,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        min_score: float = 0.0,
    ) -> None:
        require(
            isinstance(codec, SceneCodec),
            "must be a codec that groups joints to people",
            where="BottomUp",
            field="codec",
            value=type(codec).__name__,
            fix="For a codec of single people use TopDown.",
        )
        require(
            len(scales) > 0 and all(scale > 0 for scale in scales),
            "must be positive numbers, at least one",
            where="BottomUp",
            field="scales",
            value=tuple(scales),
        )
        require(
            min_score == min_score,
            "must be a number",
            where="BottomUp",
            field="min_score",
            value=min_score,
        )
        self.net, self.codec, self.normalise = net, codec, normalise
        self.scales, self.flip = tuple(float(s) for s in scales), flip
        self.min_score = min_score

    def image(self, image: Tensor) -> Poses:
        """Everybody in one image. Raises `ShapeError`."""
        require_shape("image", image, 3, None, None)
        inputs, matrix = fitted(image, self.codec.size)
        found = self.codec.decode(self.output(inputs[None]), self.min_score)[0]
        return placed_back(found, matrix, sides_of(image))

    def output(self, images: Tensor) -> Any:
        """The network's outputs for images [B, 3, H, W] of the codec's size, as one."""
        outputs = [
            self._one(images, scale, turned)
            for scale in self.scales
            for turned in (False, True)[: 1 + self.flip]
        ]
        return outputs[0] if len(outputs) == 1 else self.codec.combine(outputs)

    def _one(self, images: Tensor, scale: float, turned: bool) -> Any:
        """The output of one scale, of the mirror images where `turned`."""
        inputs = images.flip(-1) if turned else images
        inputs = inputs if scale == 1 else enlarged(inputs, scale)
        output = self._last(inputs)
        if scale != 1:
            output = self.codec.rescale(output, scale, sides_of(inputs))
        return self.codec.mirror(output) if turned else output

    def _last(self, inputs: Tensor) -> Any:
        inputs = inputs if self.normalise is None else self.normalise(inputs)
        return self.codec.stages(self.net(inputs))[-1]


def sides_of(images: Tensor) -> tuple[int, int]:
    """(H, W) of images [..., H, W]."""
    return images.shape[-2], images.shape[-1]


def fitted(image: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """An image [3, H, W] in the middle of `size`, as large as fits, and the map to it.

    -> [3, h, w] and the matrix [2, 3] from its pixels to those of the result. The rest
    is grey, as a mean image would be.
    """
    if tuple(image.shape[-2:]) == tuple(size):
        return image, torch.eye(2, 3)
    height, width = image.shape[-2:]
    shrink = max(height / size[0], width / size[1])
    h, w = shrink * size[0], shrink * size[1]  # of the input, in pixels of the image
    box = torch.tensor([(width - w) / 2, (height - h) / 2, w, h])
    matrix = crop_matrix(box, size)
    seen = warp_crops(image[None] - 0.5, matrix[None, None].to(image), size)
    return seen[0, 0] + 0.5, matrix


def enlarged(images: Tensor, scale: float) -> Tensor:
    """Images [B, 3, H, W] `scale` times as large.

    Filled up with grey on the right and below to sides that are multiples of `UNIT`,
    since networks that halve their maps need even numbers.
    """
    size = [round(n * scale) for n in images.shape[-2:]]
    grown = F.interpolate(
        images, size, mode="bilinear", align_corners=False, antialias=True
    )
    below, right = (-n % UNIT for n in size)
    return F.pad(grown, (0, right, 0, below), value=0.5)


def placed_back(found: Poses, matrix: Tensor, size: tuple[int, int]) -> Poses:
    """People of a fitted image in pixels of the image."""
    if torch.equal(matrix, torch.eye(2, 3)):
        return found
    inverse = invert_affine(matrix)
    corners = xywh_to_xyxy(found.known("boxes")).view(-1, 2, 2)
    corners = apply_affine(corners - 0.5, inverse) + 0.5  # edges of pixels, not middles
    changes = {
        "keypoints": apply_affine(found.keypoints, inverse),
        "boxes": xyxy_to_xywh(corners.view(-1, 4)),
    }
    if found.masks is not None:
        each = inverse.expand(len(found.masks), 2, 3)
        masks = warp(found.masks[:, None].float(), each, size)
        changes["masks"] = masks[:, 0] > 0.5
    return found.replace(**changes)
