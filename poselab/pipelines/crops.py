"""From boxes to what a single-person network sees, and back to the picture.

A box grows by a margin, and to the aspect ratio of the input, so that nobody is
squeezed; the part of the picture in it is resized (Xiao et al. 2018, 1804.06208,
section 3). `poselab.datasets.crop_people` does the same to a `Sample` with its truth.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab import geometry
from poselab.codecs.base import Codec, Inputs
from poselab.codecs.reference import crop_matrix_reference
from poselab.errors import require_shape


def people_crops(
    image: Tensor,
    boxes: Tensor,
    size: tuple[int, int],
    margin: float = 1.25,
    reference: bool = False,
) -> tuple[Tensor, Tensor]:
    """Image [3, H, W], boxes [N, 4] xywh px -> crops [N, 3, h, w] and maps [N, 2, 3].

    The maps lead from points of the picture to points of each crop; `back_to_image`
    leads back. Outside the picture is black. Pixels are averaged where a crop is
    smaller than its box. `reference` puts the picture where the code of Simple Baseline
    and HRNet puts it (see `crop_matrix_reference`), as their weights learned.
    """
    require_shape("image", image, 3, None, None)
    require_shape("boxes", boxes, None, 4)
    boxes = boxes.to(image.device)
    if reference:
        matrix = crop_matrix_reference(boxes, size, margin)
    else:
        matrix = geometry.crop_matrix(geometry.expand_box(boxes, size, margin), size)
    crops = image.new_zeros(len(boxes), 3, *size)
    shrink = 1 / matrix[:, 0, 0]  # pixels of the picture in one of the crop
    factor = (shrink + 1e-3).int().clamp(min=1)
    for k in factor.unique().tolist():
        crops[factor == k] = _looks(image, matrix[factor == k], size, k)
    return crops, matrix


def _looks(image: Tensor, matrix: Tensor, size: tuple[int, int], k: int) -> Tensor:
    """The picture seen through maps [N, 2, 3]; [N, 3, h, w].

    Averaged over k x k pixels first: reading single pixels of a fine texture gives
    stripes. All N crops are one tall picture to `grid_sample`, so that the image is
    not copied N times.
    """
    small = F.avg_pool2d(image[None], k, ceil_mode=True, count_include_pad=False)
    rows, columns = (torch.arange(n, device=image.device).to(matrix) for n in size)
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)  # [h, w, 2]
    grid = back_to_image(grid.reshape(1, -1, 2), matrix)  # [N, h w, 2] px
    side = grid.new_tensor([small.shape[-1], small.shape[-2]])
    grid = (2 * (grid + 0.5) / (k * side) - 1).view(1, -1, size[1], 2)
    tall = F.grid_sample(small, grid.to(image), align_corners=False)  # [1, 3, N h, w]
    return tall[0].unflatten(1, (-1, size[0])).transpose(0, 1)


def back_to_image(points: Tensor, matrix: Tensor) -> Tensor:
    """Points [N, J, 2] of crops -> points of the picture; maps [N, 2, 3] as above."""
    return geometry.apply_affine(points, geometry.invert_affine(matrix))


@torch.no_grad()
def flip_test(net: nn.Module, inputs: Inputs, codec: Codec) -> Any:
    """The output for the inputs, merged with that for their mirror images.

    inputs: a tuple, as from `codec.encode`, such as (images [B, 3, H, W],). Of a staged
    network the last stage. What comes back is for `codec.decode`. Raises
    `ArgumentError` for a codec that cannot be mirrored.
    """
    plain = codec.stages(net(*inputs))[-1]
    turned = codec.stages(net(*codec.mirror_inputs(inputs)))[-1]
    return codec.merge(plain, codec.mirror(turned))
