"""What the code of papers does, number by number, for weights that come with it.

Much reference code reads cell u of stride s as pixel s u, which is (s - 1) / 2 pixels
up and left of its middle, and treats borders in its own way. `ReleasedCodec` belongs
to weights that learned from targets drawn so; the package's own codecs do not use it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.codecs.heatmap import HeatmapCodec
from poselab.codecs.heatmap_decode import (
    blur_heatmaps,
    blur_matrix,
    flip_heatmaps,
    inside_by,
    last_cell,
    newton_step,
    peaks,
    slope,
    window,
)
from poselab.codecs.regression import one_person
from poselab.errors import require_known, require_shape
from poselab.geometry import expand_box
from poselab.records import Poses
from poselab.skeleton import COCO_17, Skeleton

BORDER, BLUR = 10, 21  # cells of zeros around a heatmap; side of the Gaussian

# --- how a heatmap is read ------------------------------------------------------------


def decode_quarter_reference(
    heatmaps: Tensor, stride: float = 1
) -> tuple[Tensor, Tensor]:
    """`decode_quarter` as in the code of Simple Baseline and HRNet (1804.06208).

    heatmaps [..., h, w] of `stride` px a cell -> [..., 2] px, scores [...] = the peaks.
    Pixels are s u. The shift needs 1 < x < w - 1 and 1 < y < h - 1, both, so cell 1 is
    not moved and cell w - 2 is. A heatmap without a positive value is read as (0, 0).
    """
    cells, scores = _peaks_reference(heatmaps)
    high = last_cell(heatmaps)  # x < w - 1 is x < last
    inner = ((cells > 1) & (cells < high)).all(-1, keepdim=True)
    step = 0.25 * slope(heatmaps, cells).sign()
    return stride * (cells + torch.where(inner, step, 0.0)), scores


def decode_hourglass_reference(
    heatmaps: Tensor, stride: float = 1
) -> tuple[Tensor, Tensor]:
    """`decode_quarter` as in the PyTorch code of the hourglass's authors (1603.06937).

    heatmaps [..., h, w] of `stride` px a cell -> [..., 2] px, scores [...] = the peaks.
    The step is taken everywhere: beyond the border lies the border's own value, and
    where both neighbours are equal it goes left or up. Then half a cell is added, so a
    pixel is s (u + 1/2): s / 2 from the corner of the cell, half a pixel from its
    middle. A heatmap without a positive value is read as (0, 0).
    """
    cells, scores = _peaks_reference(heatmaps)
    step = torch.where(slope(heatmaps, cells) > 0, 0.75, 0.25)  # 1/2 + 1/4, 1/2 - 1/4
    return stride * torch.where(scores[..., None] > 0, cells + step, 0.0), scores


def decode_dark_reference(
    heatmaps: Tensor, stride: float = 1, blur: int = 11
) -> tuple[Tensor, Tensor]:
    """`decode_dark` as in the code of its authors (1910.06278).

    heatmaps [..., h, w] of `stride` px a cell -> [..., 2] px, scores [...] = the peaks.
    Pixels are s u. The whole heatmap is blurred over a border of zeros and scaled back
    to its old maximum, values below 1e-10 are raised to it; the step is taken where
    1 < x < w - 2 and 1 < y < h - 2, however long it is.
    """
    cells, scores = _peaks_reference(heatmaps)
    smooth = blur_heatmaps(heatmaps, blur).clamp(min=1e-10).log()
    inner = ((cells > 1) & (cells < last_cell(heatmaps) - 1)).all(-1, keepdim=True)
    step, _ = newton_step(window(smooth, inside_by(heatmaps, cells, 2), 2))
    return stride * (cells + torch.where(inner, step, 0.0)), scores


def _peaks_reference(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    cells, scores = peaks(heatmaps)
    return torch.where(scores[..., None] > 0, cells, 0), scores


# --- CPN ------------------------------------------------------------------------------


def decode_cpn_reference(heatmaps: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Heatmaps [N, J, h, w] of crops, boxes [N, 4] x0 y0 x1 y1 -> px [N, J, 2], [N, J].

    Each heatmap is divided by its maximum, set into a border of zeros and blurred; from
    the highest cell the answer goes a quarter of a cell in the direction of the second
    highest (in most heatmaps a neighbour of the first, so the step is along one axis).
    Cell u is read as point 4 u + 2 of a crop that is 4 w wide: that is our half pixel,
    as long as boxes are counted from the edges of pixels and the answer is, too. The
    score is the heatmap (not blurred) there, divided by 255, plus 0.5.
    """
    require_shape("heatmaps", heatmaps, None, None, None, None)
    require_shape("boxes", boxes, len(heatmaps), 4)
    size = heatmaps.new_tensor([heatmaps.shape[-1], heatmaps.shape[-2]])
    smooth = _blurred(heatmaps / heatmaps.amax((-2, -1), keepdim=True))
    first, _ = peaks(smooth)  # [N, J, 2], counted with the border
    step = second_peak(smooth, first) - first
    length = step.to(heatmaps).norm(dim=-1, keepdim=True)
    cells = first - BORDER + 0.25 * step / length
    cells = cells.clamp(min=0).minimum(size - 1)
    x, y = cells.round().long().unbind(-1)
    scores = heatmaps.flatten(2).gather(2, (y * heatmaps.shape[-1] + x)[..., None])[
        ..., 0
    ]
    corner, side = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
    points = (4 * cells + 2) / (4 * size) * side + corner
    return points, scores / 255 + 0.5


def _blurred(heatmaps: Tensor) -> Tensor:
    """Heatmaps in a border of zeros, under the Gaussian; [N, J, h + 20, w + 20]."""
    wide = F.pad(heatmaps, [BORDER] * 4)
    down, across = (blur_matrix(BLUR, n).to(heatmaps) for n in wide.shape[-2:])
    return down @ wide @ across


def second_peak(heatmaps: Tensor, first: Tensor) -> Tensor:
    """The highest cell [..., 2] once the cell `first` of each heatmap is set to 0."""
    place = (first[..., 1] * heatmaps.shape[-1] + first[..., 0])[..., None]
    without = heatmaps.flatten(-2).scatter(-1, place, 0.0)
    return peaks(without.view_as(heatmaps))[0]


# --- crops and back -------------------------------------------------------------------


def crop_matrix_reference(
    boxes: Tensor, size: tuple[int, int], margin: float = 1.25
) -> Tensor:
    """The heatmap [N, 2, 3] to a crop as in the code of Simple Baseline and HRNet.

    The centre x + w / 2 of a box becomes point (W / 2, H / 2) of the crop, as if points
    were counted from the corner of the first pixel. `decode_quarter_reference` reads
    cell u as point s u: weights that learned with the one need the other.
    """
    require_shape("boxes", boxes, None, 4)
    grown = expand_box(boxes, size, margin)
    scale = size[1] / grown[:, 2]  # [N]; the aspect ratio is that of the crop
    goal = grown.new_tensor([size[1] / 2, size[0] / 2])
    shift = goal - (grown[:, :2] + grown[:, 2:] / 2) * scale[:, None]
    return torch.cat(
        [scale[:, None, None] * torch.eye(2).to(grown), shift[..., None]], -1
    )


# --- the codec -----------------------------------------------------------------------

DECODERS = {
    "quarter": decode_quarter_reference,
    "dark": decode_dark_reference,
    "hourglass": decode_hourglass_reference,
}


class ReleasedCodec(HeatmapCodec, name="released"):
    """Reads heatmaps as released code does: cell u is point s u.

    `decoder` is a key of this module's `DECODERS`, "quarter" for Simple Baseline and
    HRNet; size, stride, sigma and skeleton are those of `HeatmapCodec`. Weights that
    learned from targets drawn so need this reading, together with the crops of
    `crop_matrix_reference`. Only for use: there are no such targets here to learn from.
    """

    def __init__(
        self,
        size: tuple[int, int] = (256, 192),
        stride: int = 4,
        sigma: float = 2.0,
        decoder: str = "quarter",
        skeleton: Skeleton = COCO_17,
    ) -> None:
        require_known("decoder", decoder, DECODERS)
        super().__init__(size, stride, sigma, skeleton=skeleton)
        self.decoder = decoder

    def crop_matrix(self, boxes: Tensor, margin: float = 1.25) -> Tensor:
        """As `crop_matrix_reference`: boxes [..., 4] xywh -> maps [..., 2, 3]."""
        return crop_matrix_reference(boxes, self.size, margin)

    def mirror(self, output: Tensor) -> Tensor:
        """Moved by a cell (not for the hourglass), as in that code."""
        shift = 0 if self.decoder == "hourglass" else 1
        return flip_heatmaps(output, list(self.skeleton.flip_index), shift)

    def decode(self, output: Tensor) -> Poses:
        """Output [B, J, h, w] -> stacked `Poses` of one person, px of the input."""
        points, scores = DECODERS[self.decoder](output, self.stride)
        return one_person(points, scores, self.size)
