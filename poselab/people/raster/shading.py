"""What the visible fragments look like: normals, cloth patterns, light."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.raster.light import shade
from poselab.people.raster.primitive_batch import PrimitiveBatch
from poselab.people.raster.primitives import CHECKS, DOTS, STRIPES
from poselab.people.raster.surfaces import Fragments, columns, dot, length, pick


def paint(batch: PrimitiveBatch, fragments: Fragments, chosen: Tensor, size) -> Tensor:
    """The colours [3, n] of the fragments `chosen` [n] (sorted by primitive kind)."""
    primitive = pick(fragments.primitive, chosen)
    table = columns(batch.paint, primitive)  # [17, n]
    rays = _rays(pick(fragments.pixel, chosen), batch.camera, primitive, size)  # [3, n]
    point = rays * pick(fragments.depth, chosen)
    nc, ne, _ = batch.counts
    ends = torch.tensor([nc, nc + ne], device=chosen.device)
    split = torch.searchsorted(primitive, ends).tolist()
    i, j, k = slice(0, split[0]), slice(*split), slice(split[1], None)
    parts = [
        _capsule(batch, primitive[i], point[:, i], pick(fragments.along, chosen[i])),
        _ellipsoid(batch, primitive[j] - nc, point[:, j]),
        _rectangle(point[:, k]),
    ]
    normal, position = (torch.cat(p, 1) for p in zip(*parts, strict=True))
    albedo = table[:3] + _pattern(position, table[6], table[7]) * (
        table[3:6] - table[:3]
    )
    return shade(albedo, normal, rays / length(rays), table[8:])


def _rays(pixel: Tensor, camera: Tensor, primitive: Tensor, size) -> Tensor:
    fx, fy, cx, cy = columns(camera, primitive)
    u, v = pixel % size[1], pixel.div(size[1], rounding_mode="floor") % size[0]
    return torch.stack([(u - cx) / fx, (v - cy) / fy, torch.ones_like(fx)])


def _unit(v: Tensor) -> Tensor:
    return v / length(v).clamp_(min=1e-6)


def _capsule(batch: PrimitiveBatch, index: Tensor, point: Tensor, along: Tensor):
    """Normals [3, n] and pattern coordinates (along, around) [2, n] mm."""
    long = batch.capsule_axis.norm(dim=-1, keepdim=True)  # [nc, 1]
    axis = batch.capsule_axis / long.clamp(min=1e-6)
    ahead = torch.zeros_like(axis)
    ahead[:, 2] = 1.0
    side = torch.linalg.cross(axis, ahead)
    side = side / side.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    back = torch.linalg.cross(axis, side)
    radius = batch.capsule_radius + batch.capsule_taper / 2
    ends = torch.cat([batch.capsule_start, batch.capsule_axis], 1)
    t = columns(torch.cat([ends, side, back, long, radius[:, None]], 1), index)
    normal = _unit(point - torch.addcmul(t[:3], t[3:6], along))
    around = torch.atan2(dot(normal, t[6:9]), dot(normal, t[9:12])) * t[13]
    return normal, torch.stack([along * t[12], around])


def _ellipsoid(batch: PrimitiveBatch, index: Tensor, point: Tensor):
    sizes = 1 / batch.ellipsoid_map.norm(dim=-1).clamp(min=1e-6)  # [ne, 3] mm
    t = columns(
        torch.cat([batch.ellipsoid_map.flatten(1), batch.ellipsoid_offset, sizes], 1),
        index,
    )  # [15, n]
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
