"""Which pixels a primitive can touch: tight screen windows as flat lists.

Every primitive gets a range of rows, every row a range of columns. Both levels are
unrolled with `repeat_interleave` into flat lists, so a batch with people of all sizes
costs what its pixels cost: no padding, no loop. Rows and columns are in
pixel-centre coordinates and reach half a pixel beyond the outline, for anti-aliasing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NEAR = 100.0  # mm; what reaches closer to the camera than this is not drawn


@dataclass
class Rows:
    """R image rows of windows: which primitive, which row v, columns first .. last."""

    primitive: Tensor
    row: Tensor
    first: Tensor
    last: Tensor

    def spread(self) -> tuple[Tensor, Tensor]:
        """The fragments: for each pixel its index in this list and its step in the row.

        Returns two [F] int64 tensors; the column is `first[index] + step`.
        """
        count = (self.last - self.first + 1).clamp(min=0)
        return unroll(count)


def unroll(count: Tensor) -> tuple[Tensor, Tensor]:
    """[3, 0, 2] -> indices [0, 0, 0, 2, 2] and steps [0, 1, 2, 0, 1]."""
    end = count.cumsum(0)
    total = int(end[-1]) if len(end) else 0
    every = torch.arange(len(count), device=count.device)
    index = torch.repeat_interleave(every, count, output_size=total)
    step = torch.arange(total, device=count.device)
    return index, step.sub_((end - count).index_select(0, index))


def whole(primitives: int, size: tuple[int, int], device: torch.device) -> Rows:
    """Windows as large as the image: what a rasteriser without windows does."""
    height, width = size
    index = torch.arange(primitives, device=device).repeat_interleave(height)
    row = torch.arange(height, device=device).repeat(primitives)
    return Rows(index, row, torch.zeros_like(row), torch.full_like(row, width - 1))


def _rows(low: Tensor, high: Tensor, drawn: Tensor, height: int):
    top = low.clamp(-1.0, height + 1.0).sub(0.5).ceil().long().clamp(min=0)
    end = high.clamp(-2.0, height + 1.0).add(0.5).floor().long().clamp(max=height - 1)
    count = torch.where(drawn, (end - top + 1).clamp(min=0), 0)
    index, step = unroll(count)
    return index, top[index] + step


def _columns(low: Tensor, high: Tensor, width: int) -> tuple[Tensor, Tensor]:
    first = low.clamp(-1.0, width + 1.0).sub(0.5).ceil().long().clamp(min=0)
    last = high.clamp(-2.0, width + 1.0).add(0.5).floor().long().clamp(max=width - 1)
    return first, last


def capsule_rows(
    start: Tensor,
    axis: Tensor,
    radius: Tensor,
    taper: Tensor,
    camera: Tensor,
    size: tuple[int, int],
) -> Rows:
    """Windows of round cones: their two discs and the two lines that touch both.

    start, axis [n, 3] mm in the camera frame, radius, taper [n] mm as in
    `PrimitiveBatch`; camera [n, 4] (fx, fy, cx, cy); size (height, width) px.
    """
    end, end_radius = start + axis, radius + taper
    pa, sa = _disc(start, radius, camera)
    pb, sb = _disc(end, end_radius, camera)
    low = torch.minimum(pa - sa[:, None], pb - sb[:, None])  # [n, 2]
    high = torch.maximum(pa + sa[:, None], pb + sb[:, None])
    near = torch.minimum(start[:, 2] - radius, end[:, 2] - end_radius)
    drawn = (torch.maximum(radius, end_radius) > 0) & (near > NEAR)
    index, row = _rows(low[:, 1], high[:, 1], drawn, size[0])
    lines = _tangents(pa, pb, sa, sb)[index]  # [R, 2, 3]
    reach = (lines[..., 2] - lines[..., 1] * row[:, None]) / lines[..., 0]  # [R, 2]
    right = torch.where(lines[..., 0] > 0, reach, torch.inf).amin(-1)
    left = torch.where(lines[..., 0] < 0, reach, -torch.inf).amax(-1)
    left, right = torch.maximum(left, low[index, 0]), right.minimum(high[index, 0])
    return Rows(index, row, *_columns(left, right, size[1]))


def _disc(centre: Tensor, radius: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
    """Centre [n, 2] and radius [n] px of a disc that holds the picture of a sphere."""
    z = centre[:, 2].clamp(min=NEAR)
    ray = centre[:, :2] / z[:, None]
    stretch = (1 + ray.square().sum(-1)).sqrt()  # off-centre spheres look longer
    radius = radius.clamp(min=0)
    size = camera[:, :2].amax(-1) * radius * stretch / (z - radius).clamp(min=NEAR)
    return ray * camera[:, :2] + camera[:, 2:], size


def _tangents(pa: Tensor, pb: Tensor, sa: Tensor, sb: Tensor) -> Tensor:
    """The outer tangents of two discs as n_x u + n_y v <= m; [n, 2, 3].

    Where one disc holds the other there are none: m is infinite.
    """
    axis = pb - pa
    length = axis.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    axis = axis / length
    lean = (sa - sb)[:, None] / length  # [n, 1]
    side = torch.stack([axis[:, 1], -axis[:, 0]], -1)
    rise = (1 - lean.square()).clamp(min=0).sqrt()
    normal = torch.stack([axis * lean + side * rise, axis * lean - side * rise], 1)
    slack = normal.abs().sum(-1) / 2  # half a pixel of row and of column
    limit = (normal * pa[:, None]).sum(-1) + sa[:, None] + slack
    limit = torch.where(lean.abs() < 1, limit, torch.inf)  # [n, 2]
    across = normal[..., 0]
    across = torch.where(across.abs() < 1e-4, across.sign() * 1e-4 + 1e-9, across)
    return torch.stack([across, normal[..., 1], limit], -1)


def ellipse_rows(conic: Tensor, centre: Tensor, drawn: Tensor, size) -> Rows:
    """Windows of ellipses c0 + 2 c1 x + 2 c2 y - c3 x^2 - 2 c4 x y - c5 y^2 >= 0.

    conic [n, 6], x and y in px from `centre` [n, 2]; drawn [n] bool.
    """
    c0, c1, c2, c3, c4, c5 = conic.unbind(-1)
    det = (c3 * c5 - c4 * c4).clamp(min=1e-30)
    mx, my = (c5 * c1 - c4 * c2) / det, (c3 * c2 - c4 * c1) / det
    level = c0 + c1 * mx + c2 * my
    reach = (level * c3 / det).clamp(min=0).sqrt()
    middle = centre + torch.stack([mx, my], -1)
    low, high = middle[:, 1] - reach, middle[:, 1] + reach
    index, row = _rows(low, high, drawn, size[0])
    y = row - middle[index, 1]
    skew = (c4 / c3)[index]
    near = (y.abs() - 0.5).clamp(min=0)  # the nearest edge of the row
    square = (level / c3)[index] - (det / c3.square())[index] * near.square()
    half = square.clamp(min=0).sqrt() + 0.5 * skew.abs()
    x = middle[index, 0] - skew * y
    return Rows(index, row, *_columns(x - half, x + half, size[1]))


def rectangle_rows(box: Tensor, size: tuple[int, int]) -> Rows:
    """Windows of upright rectangles; box [n, 4] left, top, right, bottom in px."""
    drawn = (box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1])
    index, row = _rows(box[:, 1], box[:, 3], drawn, size[0])
    return Rows(index, row, *_columns(box[index, 0], box[index, 2], size[1]))
