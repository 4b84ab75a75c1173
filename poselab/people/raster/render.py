"""The renderer: a batched z-buffer of shaded round cones, ellipsoids and rectangles.

Per batch of images, not per image or primitive: find each primitive's window
(`windows`), meet its rays (`surfaces`), keep the nearest fragment of each pixel with
one `scatter_reduce` of (depth, fragment) packed into 64 bits, and shade only what is
seen (`shading.paint`). The z-buffer is Catmull's (1974). Outlines are smooth because a
fragment holds how much of its pixel it covers, and two more layers are kept at outlines
only (the idea of coverage is Carpenter's: "The A-buffer", SIGGRAPH 1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.raster import surfaces as sf
from poselab.people.raster import windows
from poselab.people.raster.camera import Camera
from poselab.people.raster.light import Light
from poselab.people.raster.primitive_batch import (
    NOBODY,
    Group,
    PrimitiveBatch,
    Rectangles,
    gather,
    segment_names,
)
from poselab.people.raster.shading import Tables, paint
from poselab.people.raster.surfaces import Fragments, pick

EMPTY = torch.iinfo(torch.int64).max


@dataclass
class Picture:
    """S rendered images.

    image [S, 3, H, W] in [0, 1]; person_id [S, H, W] int16 (-1: nobody); depth
    [S, H, W] mm along the optical axis (inf: background); segment [S, H, W] int16 index
    into `segments` (-1: background or rectangle).
    """

    image: Tensor
    person_id: Tensor
    depth: Tensor
    segment: Tensor
    segments: tuple[str, ...]


def render(
    groups: list[Group],
    camera: Camera,
    size: tuple[int, int],
    backdrop: Tensor,
    light: Light,
    rectangles: Rectangles | None = None,
    window: str = "tight",
) -> Picture:
    """Draw groups of primitives over `backdrop` [S, 3, H, W] in [0, 1], in place.

    `window` "tight" visits the pixels that a primitive can touch, "full" every pixel
    of the image for every primitive (the same picture, to measure what windows save).
    """
    batch = gather(groups, rectangles, camera, light)
    fragments = rasterise(batch, size, window)
    behind, hard, soft = layers(fragments, backdrop[:, 0].numel())
    image, tables = backdrop.contiguous(), Tables.of(batch, size)
    for layer in (behind, hard, soft):  # farthest first
        for chosen in layer.split(sf.chunk(layer)):
            _blend(image, tables, fragments, chosen)
    maps = _maps(batch, fragments, hard, backdrop[:, 0].shape)
    return Picture(image, *maps, segment_names(groups))


def rasterise(
    batch: PrimitiveBatch, size: tuple[int, int], window: str = "tight"
) -> Fragments:
    """All fragments, capsules first, then ellipsoids, then rectangles."""
    parts = [_capsules(batch, size, window), _ellipsoids(batch, size, window)]
    if batch.counts[2]:
        parts.append(_rectangles(batch, size, window))
    return Fragments.cat(parts)


def _rows(tight, batch: PrimitiveBatch, count: int, size, window: str) -> windows.Rows:
    if window == "full":
        return windows.whole(count, size, batch.camera.device)
    return tight()


def _spread(rows: windows.Rows, batch: PrimitiveBatch, kind: int, size):
    """Index in the list of rows, step, pixel of the batch and primitive, [F].

    `kind` is 0 for capsules, 1 for ellipsoids, 2 for rectangles.
    """
    index, step = rows.spread()
    primitive = rows.primitive + sum(batch.counts[:kind])
    start = pick(batch.image, primitive).mul_(size[0] * size[1])
    start.add_(rows.row * size[1]).add_(rows.first)
    return index, step.float(), pick(start, index).add_(step), pick(primitive, index)


def _capsules(batch: PrimitiveBatch, size, window: str) -> Fragments:
    camera = batch.camera[: batch.counts[0]]

    capsules = (
        batch.capsule_start,
        batch.capsule_axis,
        batch.capsule_radius,
        batch.capsule_taper,
    )

    def tight():
        return windows.capsule_rows(*capsules, camera, size)

    rows = _rows(tight, batch, batch.counts[0], size, window)
    index, step, pixel, primitive = _spread(rows, batch, 0, size)
    table = sf.capsule_coefficients(rows, camera, *capsules)
    hits = sf.in_chunks(sf.hit_capsules, table, index, step)
    return Fragments(pixel, primitive, *hits)


def _ellipsoids(batch: PrimitiveBatch, size, window: str) -> Fragments:
    nc, ne, _ = batch.counts
    camera = batch.camera[nc : nc + ne]
    centre, offset = batch.ellipsoid_centre, batch.ellipsoid_offset
    to_sphere = batch.ellipsoid_map

    def tight():
        conic, where = sf.ellipsoid_conic(centre, to_sphere, offset, camera)
        near = centre[:, 2] - to_sphere.norm(dim=-1).amin(-1).reciprocal()
        return windows.ellipse_rows(conic, where, near > windows.NEAR, size)

    rows = _rows(tight, batch, ne, size, window)
    index, step, pixel, primitive = _spread(rows, batch, 1, size)
    table = sf.ellipsoid_coefficients(rows, camera, to_sphere, offset)
    hits = sf.in_chunks(sf.hit_ellipsoids, table, index, step)
    return Fragments(pixel, primitive, *hits)


def _rectangles(batch: PrimitiveBatch, size, window: str) -> Fragments:
    def tight():
        return windows.rectangle_rows(batch.rectangle_box, size)

    rows = _rows(tight, batch, batch.counts[2], size, window)
    index, step, pixel, primitive = _spread(rows, batch, 2, size)
    own = rows.primitive[index]
    box = batch.rectangle_box[own]
    u, v = rows.first[index] + step, rows.row[index]
    wide = torch.minimum(u - box[:, 0], box[:, 2] - u).add_(0.5).clamp_(0, 1)
    high = torch.minimum(v - box[:, 1], box[:, 3] - v).add_(0.5).clamp_(0, 1)
    depth = batch.rectangle_depth[own]
    return Fragments(pixel, primitive, depth, wide * high, torch.zeros_like(depth))


def layers(fragments: Fragments, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest fragments of each pixel, as three ascending lists of indices [n].

    hard: nearest that covers at least half of its pixel (this is the depth map); soft:
    nearest outline that covers less and lies before it; behind: what shows through
    where the hard one does not cover all of its pixel. Returns behind, hard, soft.
    """
    cover, pixel = fragments.coverage, fragments.pixel
    solid = (cover >= 0.5).nonzero()[:, 0]
    thin = ((cover > 0) & (cover < 0.5)).nonzero()[:, 0]
    at, key = pick(pixel, solid), _keys(fragments, solid)
    nearest = _nearest(at, key, pixels)
    hard = solid[pick(nearest, at) == key]
    rim, rim_key = pick(pixel, thin), _keys(fragments, thin)
    outline = _nearest(rim, rim_key, pixels)
    soft = thin[(pick(outline, rim) == rim_key) & (rim_key < pick(nearest, rim))]
    edge = pick(pixel, hard[pick(cover, hard) < 1])
    return _behind(solid, at, key, nearest, edge), hard, soft


def _keys(fragments: Fragments, index: Tensor) -> Tensor:
    """Depth in the upper, index in the lower 32 bits, of some; int64, by depth."""
    bits = pick(fragments.depth, index).clamp_(min=0).view(torch.int32).long()
    return bits.bitwise_left_shift_(32).bitwise_or_(index)


def _nearest(slot: Tensor, key: Tensor, slots: int) -> Tensor:
    buffer = torch.full((slots,), EMPTY, device=key.device)
    return buffer.scatter_reduce_(0, slot, key, "amin")


def _behind(solid: Tensor, at: Tensor, key: Tensor, nearest: Tensor, edge: Tensor):
    """The second nearest hard fragments at the pixels `edge`, that are half open.

    solid, at, key: index, pixel and key of those that cover half of their pixel.
    """
    is_open = torch.zeros(len(nearest), dtype=torch.bool, device=key.device)
    some = pick(is_open.index_fill_(0, edge, True), at).nonzero()[:, 0]
    at, key = pick(at, some), pick(key, some)
    key = torch.where(key == pick(nearest, at), EMPTY, key)  # but the nearest itself
    second = (key == pick(_nearest(at, key, len(nearest)), at)) & (key < EMPTY)
    return pick(solid, some[second])


def _blend(image: Tensor, tables: Tables, fragments: Fragments, chosen: Tensor) -> None:
    """Paint a layer, at most one fragment per pixel, over images [S, 3, H, W]."""
    area = image.shape[-2] * image.shape[-1]
    pixel, primitive = pick(fragments.pixel, chosen), pick(fragments.primitive, chosen)
    start = pick(tables.start, primitive)  # of the image
    colour = paint(tables, fragments, chosen, primitive, pixel - start).flatten()
    channel = torch.arange(3, device=chosen.device)[:, None] * area
    index = (start.mul_(2).add_(pixel) + channel).flatten()  # [3 n]
    cover = pick(fragments.coverage, chosen).repeat(3)
    flat = image.view(-1)
    flat.index_copy_(0, index, pick(flat, index).lerp_(colour, cover))


def _maps(batch: PrimitiveBatch, fragments: Fragments, hard: Tensor, shape):
    pixel, primitive = pick(fragments.pixel, hard), pick(fragments.primitive, hard)
    device = pixel.device
    total = shape[0] * shape[1] * shape[2]
    ids = torch.full((total,), NOBODY, dtype=torch.int16, device=device)
    segment = ids.clone()
    depth = torch.full((total,), torch.inf, device=device)
    ids.index_copy_(0, pixel, pick(batch.person.short(), primitive))
    segment.index_copy_(0, pixel, pick(batch.segment.short(), primitive))
    depth.index_copy_(0, pixel, pick(fragments.depth, hard))
    return ids.view(shape), depth.view(shape), segment.view(shape)
