"""How a heatmap is read: argmax, a quarter cell further, DARK, soft-argmax.

Every decoder takes heatmaps [..., h, w] of any leading shape and gives joints [..., 2]
(x, y) in pixels and scores [...]. With stride s, cell u lies at pixel s u + (s - 1) /
2. How the code of papers reads them stands in `codecs.reference`.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.errors import require, require_shape

Array = TypeVar("Array", Tensor, np.ndarray)


def pixels_to_cells(points: Array, stride: float) -> Array:
    """Pixels -> cells of a heatmap of this stride: (p - (s - 1) / 2) / s."""
    return (points - (stride - 1) / 2) / stride


def cells_to_pixels(cells: Array, stride: float) -> Array:
    """Cells -> pixels: s u + (s - 1) / 2, the middle of the pixels of a cell."""
    return stride * cells + (stride - 1) / 2


# --- four decoders -------------------------------------------------------------------


def decode_argmax(heatmaps: Tensor, stride: float = 1) -> tuple[Tensor, Tensor]:
    """The centre of the highest cell (the first, where several are).

    heatmaps [..., h, w] of `stride` px a cell -> [..., 2] px, scores [...] = the peaks.
    On a clean target at most half a cell off in x and in y: s / 2 pixels, s / 4 on
    average.
    """
    cells, scores = peaks(heatmaps)
    return cells_to_pixels(cells.to(heatmaps.dtype), stride), scores


def decode_quarter(heatmaps: Tensor, stride: float = 1) -> tuple[Tensor, Tensor]:
    """The highest cell, moved a quarter cell towards its larger neighbour, per axis.

    heatmaps [..., h, w] of `stride` px a cell -> [..., 2] px, scores [...] = the peaks.
    Newell et al. 2016 (1603.06937, section 3.1). At most a quarter cell off on a clean
    target; half a cell in the first and the last row and column, which lack a neighbour
    and are not moved.
    """
    cells, scores = peaks(heatmaps)
    inner = (cells > 0) & (cells < last_cell(heatmaps))
    step = 0.25 * slope(heatmaps, cells).sign()
    cells = cells + torch.where(inner, step, 0.0)
    return cells_to_pixels(cells, stride), scores


def decode_dark(
    heatmaps: Tensor, stride: float = 1, blur: int = 11
) -> tuple[Tensor, Tensor]:
    """DARK: the top of the parabola through the logarithm of the blurred heatmap.

    heatmaps [..., h, w] of `stride` px a cell -> [..., 2] px, scores [...] = the peaks.
    Zhang et al. 2020 (1910.06278, section 3.2): log of a Gaussian is a parabola, so one
    Newton step from the highest cell lands on its centre, mu = m - H^-1 g. `blur` is
    the side of the smoothing Gaussian in cells (`blur_of(sigma)`), 0 for none. Where
    the blur would reach over the border, which would bend the parabola, the heatmap is
    read as it is, around the nearest cell that has neighbours on all sides. The highest
    cell is the answer where the parabola has no top, and never more than one cell away.
    On clean targets within 0.05 cells, from sigma 1.5 up within 0.005.

    Only the neighbourhood of the peak is blurred: nothing else is looked at.
    """
    require(
        min(heatmaps.shape[-2:]) >= 3,
        "a heatmap needs 3 x 3 cells",
        where="heatmaps",
        field="shape",
        value=list(heatmaps.shape),
    )
    cells, scores = peaks(heatmaps)
    answer = _top_of_parabola(heatmaps, cells)
    reach = (blur - 1) // 2 + 2
    if blur > 1 and min(heatmaps.shape[-2:]) > 2 * reach:
        inner = (inside_by(heatmaps, cells, reach) == cells).all(-1, keepdim=True)
        answer = torch.where(inner, _top_of_parabola(heatmaps, cells, blur), answer)
    return cells_to_pixels(answer, stride), scores


def decode_soft_argmax(
    heatmaps: Tensor, stride: float = 1, beta: float = 1.0
) -> tuple[Tensor, Tensor]:
    """The mean place of the distribution softmax(beta * heatmaps): differentiable.

    heatmaps [..., h, w] of `stride` px a cell -> [..., 2] px, scores [...].
    Sun et al. 2018 (1711.08229, section 2). The heatmaps are logits. Exact on the log
    of a clean target that lies inside the heatmap; near a border, or where a background
    of equal logits has weight, it is pulled towards the middle of the heatmap. The
    score is the largest probability of a cell.
    """
    require_shape("heatmaps", heatmaps, "...", None, None)
    share = (beta * heatmaps).flatten(-2).softmax(-1).unflatten(-1, heatmaps.shape[-2:])
    h, w = (
        torch.arange(n, device=heatmaps.device).to(heatmaps)
        for n in heatmaps.shape[-2:]
    )
    x = (share.sum(-2) * w).sum(-1)  # [...]
    y = (share.sum(-1) * h).sum(-1)
    return cells_to_pixels(torch.stack([x, y], -1), stride), share.amax((-1, -2))


# --- more than one answer, and the flip test -----------------------------------------


def local_maxima(heatmaps: Tensor, threshold: float = 0.1) -> Tensor:
    """Cells above `threshold` that are not lower than any of their 8 neighbours.

    heatmaps [..., h, w] -> bool of the same shape.
    """
    require_shape("heatmaps", heatmaps, "...", None, None)
    flat = heatmaps.reshape(-1, 1, *heatmaps.shape[-2:])
    highest = F.max_pool2d(flat, 3, stride=1, padding=1).view_as(heatmaps)
    return (heatmaps == highest) & (heatmaps > threshold)


def flip_heatmaps(heatmaps: Tensor, flip_index: list[int], shift: int = 0) -> Tensor:
    """The heatmaps of a mirrored image as those of the image itself; [..., J, h, w].

    Columns are mirrored, and left and right joints change places. Where cell u means
    pixel s u + (s - 1) / 2, nothing else is needed. Where it means s u, the mirror
    image of a cell lies (s - 1) / s of a cell further right, so reference code moves
    the heatmaps by `shift` = 1 column (the first stays as it is).
    """
    heatmaps = heatmaps[..., list(flip_index), :, :].flip(-1)
    if not shift:
        return heatmaps
    return torch.cat([heatmaps[..., :shift], heatmaps[..., :-shift]], -1)


# --- tools ---------------------------------------------------------------------------


def peaks(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """The highest cell of each heatmap: (x, y) [..., 2] int64, and its value [...]."""
    require_shape("heatmaps", heatmaps, "...", None, None)
    h, w = heatmaps.shape[-2:]
    side = w if h % 2 else 2 * w  # the highest row or two, then the cell in them:
    blocks = heatmaps.flatten(-2).unflatten(-1, (-1, side))  # an argmax of all is slow
    tops = blocks.amax(-1)
    block = tops.argmax(-1, keepdim=True)  # [..., 1]
    line = block[..., None].expand(*block.shape, side)
    place = blocks.gather(-2, line)[..., 0, :].argmax(-1, keepdim=True) + block * side
    return torch.cat([place % w, place // w], -1), tops.gather(-1, block)[..., 0]


def blur_heatmaps(heatmaps: Tensor, blur: int = 11) -> Tensor:
    """Heatmaps [..., h, w] under DARK's Gaussian, scaled back to their old maxima.

    Beyond the border lie zeros.
    """
    require_shape("heatmaps", heatmaps, "...", None, None)
    down, across = (blur_matrix(blur, n).to(heatmaps) for n in heatmaps.shape[-2:])
    smooth = down @ heatmaps @ across  # both are symmetric
    top = (-2, -1)
    scale = heatmaps.amax(top, keepdim=True) / smooth.amax(top, keepdim=True)
    return smooth * scale


def last_cell(heatmaps: Tensor) -> Tensor:
    """The last cell (w - 1, h - 1)."""
    h, w = heatmaps.shape[-2:]
    return torch.tensor([w - 1, h - 1], device=heatmaps.device)


def inside_by(heatmaps: Tensor, cells: Tensor, margin: int) -> Tensor:
    """Cells moved to where `margin` more cells lie around them in the heatmap."""
    return cells.clamp(min=margin).minimum(last_cell(heatmaps) - margin)


def window(heatmaps: Tensor, cells: Tensor, reach: int) -> Tensor:
    """The square of 2 reach + 1 cells around cells [..., 2], which has to be inside."""
    width, side = heatmaps.shape[-1], 2 * reach + 1
    steps = torch.arange(-reach, reach + 1, device=cells.device)
    offsets = (steps[:, None] * width + steps).flatten()
    place = cells[..., 1:] * width + cells[..., :1] + offsets  # [..., side^2]
    return heatmaps.flatten(-2).gather(-1, place).unflatten(-1, (side, side))


def slope(heatmaps: Tensor, cells: Tensor) -> Tensor:
    """Right minus left, lower minus upper neighbour; [..., 2]. Beyond lies the same."""
    steps = torch.tensor([[1, 0], [0, 1], [-1, 0], [0, -1]], device=cells.device)
    near = (cells[..., None, :] + steps).clamp(min=0).minimum(last_cell(heatmaps))
    place = near[..., 1] * heatmaps.shape[-1] + near[..., 0]  # [..., 4]
    values = heatmaps.flatten(-2).gather(-1, place)
    return values[..., :2] - values[..., 2:]


def _top_of_parabola(heatmaps: Tensor, cells: Tensor, blur: int = 0) -> Tensor:
    """Where the parabola through the log of the (blurred) heatmap is highest; [..., 2].

    Through the nearest cell with enough neighbours; `cells` if there is no top, and
    never more than a cell away.
    """
    reach = (blur - 1) // 2 + 2 if blur > 1 else 1
    around = inside_by(heatmaps, cells, reach)
    patch = window(heatmaps, around, reach)
    middle = patch[..., reach, reach, None, None].clamp(min=1e-10)
    patch = _blur_patch(patch, blur) if blur > 1 else patch
    step, bends_down = newton_step((patch / middle).clamp(min=1e-10).log())
    top = torch.where(bends_down, around + step, cells)
    return top.maximum(cells - 1).minimum(cells + 1)


def newton_step(log: Tensor) -> tuple[Tensor, Tensor]:
    """The step -H^-1 g from the middle of patches [..., 3, 3] or [..., 5, 5] of logs.

    First and mixed derivatives use the cells next to the middle, second derivatives
    the border of the patch. -> (dx, dy) [..., 2], zero where H cannot be inverted; and
    whether the parabola bends down in all directions, so has a top, [..., 1] bool.
    """
    r = log.shape[-1] // 2
    near, mid = log[..., r - 1 : r + 2, r - 1 : r + 2], log[..., r, r]
    gx = (near[..., 1, 2] - near[..., 1, 0]) / 2
    gy = (near[..., 2, 1] - near[..., 0, 1]) / 2
    xx = (log[..., r, -1] - 2 * mid + log[..., r, 0]) / r**2
    yy = (log[..., -1, r] - 2 * mid + log[..., 0, r]) / r**2
    main, other = near[..., 0, 0] + near[..., 2, 2], near[..., 0, 2] + near[..., 2, 0]
    xy = (main - other) / 4
    det = xx * yy - xy.square()
    step = torch.stack([xy * gy - yy * gx, xy * gx - xx * gy], -1)
    step = torch.where((det != 0)[..., None], step / det[..., None], 0.0)
    return step, ((det > 0) & (xx < 0))[..., None]


def gaussian_kernel(side: int) -> Tensor:
    """A Gaussian of `side` cells and sum 1, with sigma 0.3 ((side - 1) / 2 - 1) + 0.8.

    That is OpenCV's rule, which DARK relies on: side 11 has sigma 2.
    """
    require(
        side >= 1 and side % 2 == 1,
        "the side of a blur is odd",
        where="blur",
        value=side,
    )
    half = (side - 1) // 2
    sigma = 0.3 * (half - 1) + 0.8
    place = torch.arange(-half, half + 1, dtype=torch.float64)
    kernel = torch.exp(-place.square() / (2 * sigma**2))
    return kernel / kernel.sum()


def blur_of(sigma: float) -> int:
    """The odd side whose blur has about the sigma of the targets, as DARK has it."""
    return 2 * max(0, math.floor((sigma - 0.8) / 0.3 + 1.5)) + 1


def blur_matrix(side: int, length: int) -> Tensor:
    """The symmetric matrix [length, length] that blurs a line with zeros around it."""
    kernel, half = gaussian_kernel(side), (side - 1) // 2
    place = torch.arange(length)
    apart = (place[:, None] - place).abs()
    return torch.where(apart <= half, kernel[half + apart.clamp(max=half)], 0.0)


def _blur_patch(patch: Tensor, side: int) -> Tensor:
    """Patches [..., side + 4, side + 4] -> their blurred middles [..., 5, 5].

    All patches times one matrix, which is much faster than many small convolutions.
    """
    line = blur_matrix(side, side + 4)[(side - 1) // 2 :][:5]  # [5, side + 4]
    both = torch.kron(line, line).to(patch)  # [25, (side + 4)^2]
    return (patch.flatten(-2) @ both.T).unflatten(-1, (5, 5))
