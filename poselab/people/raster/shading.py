"""What the visible fragments look like: normals, cloth patterns, light."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.raster.light import shade
from poselab.people.raster.primitive_batch import PrimitiveBatch
from poselab.people.raster.primitives import CHECKS, DOTS, STRIPES
from poselab.people.raster.surfaces import Fragments, dot, length, pick


@dataclass
class Tables:
    """What is looked up for fragments, as columns: made once for all of them.

    start [n] the first pixel of a primitive's image, camera [4, n], paint [17, n] of
    `PrimitiveBatch`; of capsules [15, nc] start, axis, side, back, length and mean
    radius; of ellipsoids [15, ne] map, offset and sizes; grid [2, H W] u and v of an
    image's pixels.
    """

    start: Tensor
    camera: Tensor
    paint: Tensor
    capsules: Tensor
    ellipsoids: Tensor
    grid: Tensor
    counts: tuple[int, int, int]

    @classmethod
    def of(cls, batch: PrimitiveBatch, size: tuple[int, int]) -> Tables:
        """Those of a batch of images of `size` (H, W)."""
        device = batch.camera.device
        v, u = (torch.arange(n, device=device, dtype=torch.float32) for n in size)
        return cls(
            batch.image * (size[0] * size[1]),
            batch.camera.t().contiguous(),
            batch.paint.t().contiguous(),
            _capsules(batch).t().contiguous(),
            _ellipsoids(batch).t().contiguous(),
            torch.stack([u.repeat(size[0]), v.repeat_interleave(size[1])]),
            batch.counts,
        )


def _capsules(batch: PrimitiveBatch) -> Tensor:
    long = batch.capsule_axis.norm(dim=-1, keepdim=True)  # [nc, 1]
    axis = batch.capsule_axis / long.clamp(min=1e-6)
    ahead = torch.zeros_like(axis)
    ahead[:, 2] = 1.0
    side = torch.linalg.cross(axis, ahead)
    side = side / side.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    back = torch.linalg.cross(axis, side)
    radius = batch.capsule_radius + batch.capsule_taper / 2
    ends = torch.cat([batch.capsule_start, batch.capsule_axis], 1)
    return torch.cat([ends, side, back, long, radius[:, None]], 1)


def _ellipsoids(batch: PrimitiveBatch) -> Tensor:
    sizes = 1 / batch.ellipsoid_map.norm(dim=-1).clamp(min=1e-6)  # [ne, 3] mm
    return torch.cat([batch.ellipsoid_map.flatten(1), batch.ellipsoid_offset, sizes], 1)


def paint(
    tables: Tables,
    fragments: Fragments,
    chosen: Tensor,
    primitive: Tensor,
    pixel: Tensor,
) -> Tensor:
    """The colours [3, n] of the fragments `chosen` [n] (sorted by primitive kind).

    Their primitive and pixel [n] within the image.
    """
    table = tables.paint.index_select(1, primitive)  # [17, n]
    rays = _rays(tables, primitive, pixel)  # [3, n]
    point = rays * pick(fragments.depth, chosen)
    nc, ne, _ = tables.counts
    ends = torch.tensor([nc, nc + ne], device=chosen.device)
    split = torch.searchsorted(primitive, ends).tolist()
    i, j, k = slice(0, split[0]), slice(*split), slice(split[1], None)
    along = pick(fragments.along, chosen[i])
    parts = [
        _capsule(tables, primitive[i], point[:, i], along),
        _ellipsoid(tables, primitive[j] - nc, point[:, j]),
        _rectangle(point[:, k]),
    ]
    normal, position = (torch.cat(p, 1) for p in zip(*parts, strict=True))
    pattern = _pattern(position, table[6], table[7])
    albedo = pattern * (table[3:6] - table[:3]) + table[:3]
    return shade(albedo, normal, rays / length(rays), table[8:])


def _rays(tables: Tables, primitive: Tensor, pixel: Tensor) -> Tensor:
    fx, fy, cx, cy = tables.camera.index_select(1, primitive)
    u, v = tables.grid.index_select(1, pixel)
    return torch.stack([(u - cx) / fx, (v - cy) / fy, torch.ones_like(fx)])


def _unit(v: Tensor) -> Tensor:
    return v / length(v).clamp_(min=1e-6)


# Of each kind: normals [3, n] and pattern coordinates (along, around) [2, n] mm.


def _capsule(tables: Tables, index: Tensor, point: Tensor, along: Tensor):
    t = tables.capsules.index_select(1, index)
    normal = _unit(point - torch.addcmul(t[:3], t[3:6], along))
    around = torch.atan2(dot(normal, t[6:9]), dot(normal, t[9:12])) * t[13]
    return normal, torch.stack([along * t[12], around])


def _ellipsoid(tables: Tables, index: Tensor, point: Tensor):
    t = tables.ellipsoids.index_select(1, index)  # [15, n]
    m = t[:9].unflatten(0, (3, 3))
    local = (m * point).sum(1) - t[9:12]  # on the unit sphere
    normal = _unit((m * local[:, None]).sum(0))
    around = torch.atan2(local[0], local[2]) * (t[12] + t[14]) / 2
    return normal, torch.stack([local[1] * t[13], around])


def _rectangle(point: Tensor):
    normal = torch.zeros_like(point)
    normal[2] = -1.0
    return normal, point[[1, 0]]


def _pattern(position: Tensor, kind: Tensor, pitch: Tensor) -> Tensor:
    """How much of the second colour, 0 to 1 [n]; position [2, n] mm."""
    wave = torch.cos(position * (2 * torch.pi / pitch.clamp(min=1.0)))
    x, y = wave.unbind(0)
    value = torch.where(kind == STRIPES, x, -1.0)
    value = torch.where(kind == CHECKS, x * y * 2, value)
    value = torch.where(kind == DOTS, x + y - 1, value)
    return value.mul_(2).add_(0.5).clamp_(0, 1)
