"""How the test code of a public CPN (1711.07319) reads its maps, number by number."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from poselab.codecs.heatmap_decode import blur_matrix, peaks
from poselab.errors import require_shape

BORDER, BLUR = 10, 21  # cells of zeros around a map; side of the Gaussian


def decode_cpn_reference(maps: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Maps [N, J, h, w] of crops, boxes [N, 4] x0 y0 x1 y1 -> px [N, J, 2], [N, J].

    Each map is divided by its maximum, set into a border of zeros and blurred; from the
    highest cell the answer goes a quarter of a cell in the direction of the second
    highest (in most maps a neighbour of the first, so the step is along one axis).
    Cell u is read as point 4 u + 2 of a crop that is 4 w wide: that is our half pixel,
    as long as boxes are counted from the edges of pixels and the answer is, too. The
    score is the map (not blurred) there, divided by 255, plus 0.5.
    """
    require_shape("maps", maps, None, None, None, None)
    require_shape("boxes", boxes, len(maps), 4)
    size = maps.new_tensor([maps.shape[-1], maps.shape[-2]])
    smooth = _blurred(maps / maps.amax((-2, -1), keepdim=True))
    first, _ = peaks(smooth)  # [N, J, 2], counted with the border
    step = second_peak(smooth, first) - first
    length = step.to(maps).norm(dim=-1, keepdim=True)
    cells = first - BORDER + 0.25 * step / length
    cells = cells.clamp(min=0).minimum(size - 1)
    x, y = cells.round().long().unbind(-1)
    scores = maps.flatten(2).gather(2, (y * maps.shape[-1] + x)[..., None])[..., 0]
    corner, side = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
    points = (4 * cells + 2) / (4 * size) * side + corner
    return points, scores / 255 + 0.5


def _blurred(maps: Tensor) -> Tensor:
    """Maps in a border of zeros, under the Gaussian; [N, J, h + 20, w + 20]."""
    wide = F.pad(maps, [BORDER] * 4)
    down, across = (blur_matrix(BLUR, n).to(maps) for n in wide.shape[-2:])
    return down @ wide @ across


def second_peak(maps: Tensor, first: Tensor) -> Tensor:
    """The highest cell [..., 2] once the cell `first` of each map is set to 0."""
    place = (first[..., 1] * maps.shape[-1] + first[..., 0])[..., None]
    without = maps.flatten(-2).scatter(-1, place, 0.0)
    return peaks(without.view_as(maps))[0]
