"""RoIAlign: the features inside a box, resized, without rounding anything.

He et al., "Mask R-CNN", ICCV 2017 (1703.06870), section 3. Each box is cut into S x S
bins, each bin is read at 2 x 2 points, each point is a bilinear mean of four cells. So
a bin is a weighted sum of 16 rows in a table of all cells, and the whole operation,
for all boxes of all images and levels, is a single `embedding_bag`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CANONICAL = (224, 4)  # a box of 224 px a side belongs to stride 2^4 (1612.03144)


def level_of(boxes: Tensor, finest: int = 2, coarsest: int = 5) -> Tensor:
    """Which level's features a box [..., 4] reads, 0 for stride 2^finest; [...] int64.

    floor(4 + log2(sqrt(area) / 224)), equation 1 of 1612.03144, within the levels.
    """
    side = (boxes[..., 2:] - boxes[..., :2]).prod(-1).sqrt()
    exponent = (CANONICAL[1] + torch.log2(side / CANONICAL[0]) + 1e-6).floor()
    return exponent.clamp(finest, coarsest).long() - finest


def _points(low: Tensor, high: Tensor, bins: int, samples: int, limit: Tensor):
    """Where one axis is read: cells below and above, weights of both; [K, S n] each.

    low, high [K] in cells, `limit` [K] is how many cells there are. Points up to one
    cell outside read the border, points further out read 0.
    """
    step = (high - low).clamp(min=1.0) / bins  # [K]
    place = torch.arange(bins * samples).to(low).add(0.5) / samples
    at = low[:, None] + place * step[:, None]  # [K, S n]
    last = (limit - 1)[:, None]
    known = ((at >= -1) & (at <= limit[:, None])).to(at)
    at = torch.minimum(at.clamp(min=0), last.to(at))
    below = at.floor().long()
    above = torch.minimum(below + 1, last)
    share = at - below
    return (below, above), ((1 - share) * known, share * known)


def roi_align(
    levels: list[Tensor],
    boxes: Tensor,
    image: Tensor,
    level: Tensor,
    strides: tuple[int, ...],
    output_size: int = 7,
    sampling_ratio: int = 2,
) -> Tensor:
    """Features of K boxes, [K, C, S, S] with S = `output_size`.

    levels [B, C, h, w] each; boxes [K, 4] xyxy px, `image` [K] and `level` [K]
    are where each is read. The value of a cell sits at px = stride * cell, as in the
    released detectors (half a cell from this package's convention).
    """
    width = levels[0].shape[1]
    table = torch.cat([x.permute(0, 2, 3, 1).reshape(-1, width) for x in levels])
    sizes = torch.tensor([x.shape[-2:] for x in levels], device=boxes.device)  # [L, 2]
    cells = sizes.prod(1) * len(levels[0])
    start = cells.cumsum(0) - cells  # of each level in the table
    h, w = sizes[level].unbind(1)  # [K]
    cut = boxes / torch.tensor(strides).to(boxes)[level][:, None]
    ys, y_weights = _points(cut[:, 1], cut[:, 3], output_size, sampling_ratio, h)
    xs, x_weights = _points(cut[:, 0], cut[:, 2], output_size, sampling_ratio, w)
    base = start[level] + image * h * w  # [K]
    rows, weights = [], []
    for y, wy in zip(ys, y_weights, strict=True):
        for x, wx in zip(xs, x_weights, strict=True):
            row = base[:, None] + y * w[:, None]
            rows.append(row[:, :, None] + x[:, None, :])  # [K, S n, S n]
            weights.append(wy[:, :, None] * wx[:, None, :])
    bins, samples = output_size, sampling_ratio
    rows, weights = (_bags(torch.stack(t, -1), bins, samples) for t in (rows, weights))
    weights = weights.to(table) / sampling_ratio**2
    read = F.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")
    return read.view(-1, output_size, output_size, width).permute(0, 3, 1, 2)


def _bags(corners: Tensor, bins: int, samples: int) -> Tensor:
    """[K, S n, S n, 4] -> [K S S, 4 n n]: everything that one bin reads."""
    parts = corners.unflatten(1, (bins, samples)).unflatten(3, (bins, samples))
    return parts.transpose(2, 3).reshape(-1, 4 * samples**2)
