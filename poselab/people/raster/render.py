"""The renderer: a batched z-buffer of shaded round cones, ellipsoids and cards.

Per batch of images, not per image or primitive: find each primitive's window
(`windows`), meet its rays (`surfaces`), keep the nearest fragment of each pixel with
one `scatter_reduce` of (depth, fragment) packed into 64 bits, and shade only what is
seen (`paint`). The z-buffer is Catmull's (1974). Outlines are smooth because fragments
know how much of their pixel they cover, and two more layers are kept at outlines only
(the idea of coverage is Carpenter's: "The A-buffer", SIGGRAPH 1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.raster import surfaces as sf
from poselab.people.raster import windows
from poselab.people.raster.primitive_batch import (
    NOBODY,
    Cards,
    Group,
    Soup,
    gather,
    segment_names,
)
from poselab.people.raster.shading import paint
from poselab.people.raster.surfaces import Fragments, pick
from poselab.people.scene.camera import Camera
from poselab.people.scene.light import Light

EMPTY = torch.iinfo(torch.int64).max


@dataclass
class Picture:
    """S rendered images.

    image [S, 3, H, W] in [0, 1]; person_id [S, H, W] int16 (-1: nobody); depth
    [S, H, W] mm along the optical axis (inf: background); segment [S, H, W] int16 index
    into `segments` (-1: background or card).
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
    cards: Cards | None = None,
    window: str = "tight",
) -> Picture:
    """Draw groups of primitives over `backdrop` [S, 3, H, W] in [0, 1].

    `window` "tight" visits the pixels that a primitive can touch, "full" every pixel
    of the image for every primitive (the same picture, to measure what windows save).
    """
    soup = gather(groups, cards, camera, light)
    fragments = rasterise(soup, size, window)
    behind, hard, soft = layers(fragments, backdrop[:, 0].numel())
    image = backdrop.contiguous().clone()
    for layer in (behind, hard, soft):  # farthest first
        for chosen in layer.split(sf.chunk(layer)):
            _blend(image, soup, fragments, chosen)
    maps = _maps(soup, fragments, hard, backdrop[:, 0].shape)
    return Picture(image, *maps, segment_names(groups))


def rasterise(soup: Soup, size: tuple[int, int], window: str = "tight") -> Fragments:
    """All fragments, capsules first, then ellipsoids, then cards."""
    nc, ne, _ = soup.counts
    parts = [
        _capsules(soup, size, window),
        _ellipsoids(soup, size, window),
        _cards(soup, size, window),
    ]
    for part, start in zip(parts, (0, nc, nc + ne), strict=True):
        part.primitive.add_(start)
        area = size[0] * size[1]
        part.pixel.add_((soup.image * area).index_select(0, part.primitive))
    return Fragments.cat(parts)


def _rows(tight, soup: Soup, count: int, size, window: str) -> windows.Rows:
    if window == "full":
        return windows.whole(count, size, soup.k.device)
    return tight()


def _spread(rows: windows.Rows, width: int):
    """Place in the list of rows, step, pixel within the image and primitive, [F]."""
    place, step = rows.spread()
    pixel = (rows.row * width + rows.first).index_select(0, place).add_(step)
    return place, step.float(), pixel, rows.primitive.index_select(0, place)


def _capsules(soup: Soup, size, window: str) -> Fragments:
    k = soup.k[: soup.counts[0]]

    def tight():
        rb = soup.ra + soup.dr
        return windows.capsule_rows(soup.a, soup.a + soup.d, soup.ra, rb, k, size)

    rows = _rows(tight, soup, soup.counts[0], size, window)
    place, step, pixel, primitive = _spread(rows, size[1])
    table = sf.capsule_coefficients(rows, k, soup.a, soup.d, soup.ra, soup.dr)
    hits = sf.in_chunks(sf.hit_capsules, table, place, step)
    return Fragments(pixel, primitive, *hits)


def _ellipsoids(soup: Soup, size, window: str) -> Fragments:
    nc, ne, _ = soup.counts
    k = soup.k[nc : nc + ne]

    def tight():
        conic, where = sf.ellipsoid_conic(soup.centre, soup.m, soup.o, k)
        near = soup.centre[:, 2] - soup.m.norm(dim=-1).amin(-1).reciprocal()
        return windows.ellipse_rows(conic, where, near > windows.NEAR, size)

    rows = _rows(tight, soup, ne, size, window)
    place, step, pixel, primitive = _spread(rows, size[1])
    table = sf.ellipsoid_coefficients(rows, k, soup.m, soup.o)
    hits = sf.in_chunks(sf.hit_ellipsoids, table, place, step)
    return Fragments(pixel, primitive, *hits)


def _cards(soup: Soup, size, window: str) -> Fragments:
    def tight():
        return windows.card_rows(soup.box, size)

    rows = _rows(tight, soup, soup.counts[2], size, window)
    place, step, pixel, primitive = _spread(rows, size[1])
    box = soup.box[primitive]
    u, v = rows.first[place] + step, rows.row[place]
    wide = torch.minimum(u - box[:, 0], box[:, 2] - u).add_(0.5).clamp_(0, 1)
    high = torch.minimum(v - box[:, 1], box[:, 3] - v).add_(0.5).clamp_(0, 1)
    depth = soup.plane[primitive]
    return Fragments(pixel, primitive, depth, wide * high, torch.zeros_like(depth))


def layers(fragments: Fragments, pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest fragments of each pixel, as three ascending lists of indices.

    hard: nearest that covers at least half of its pixel (this is the depth map); soft:
    nearest outline that covers less and lies before it; behind: what shows through
    where the hard one does not cover all of its pixel. Returns behind, hard, soft.
    """
    cover, pixel = fragments.coverage, fragments.pixel
    is_soft = cover < 0.5
    key = torch.where(cover > 0, _keys(fragments), EMPTY)
    slot = pixel + is_soft * pixels
    nearest = _nearest(slot, key, 2 * pixels)
    first = ((pick(nearest, slot) == key) & (key < EMPTY)).nonzero()[:, 0]
    is_soft = is_soft.index_select(0, first)
    hard, soft = first[~is_soft], first[is_soft]
    soft = soft[pick(key, soft) < pick(nearest, pick(pixel, soft))]
    return _behind(fragments, key, hard, pixels), hard, soft


def _keys(fragments: Fragments) -> Tensor:
    """Depth in the upper, place in the lower 32 bits; [F] int64, ordered by depth."""
    bits = fragments.depth.clamp(min=0).view(torch.int32).long()
    place = torch.arange(len(bits), device=bits.device)
    return bits.bitwise_left_shift_(32).bitwise_or_(place)


def _nearest(slot: Tensor, key: Tensor, slots: int) -> Tensor:
    buffer = torch.full((slots,), EMPTY, device=key.device)
    return buffer.scatter_reduce_(0, slot, key, "amin")


def _behind(fragments: Fragments, key: Tensor, hard: Tensor, pixels: int) -> Tensor:
    """The second nearest hard fragments at pixels that the nearest leaves half open."""
    cover, pixel = fragments.coverage, fragments.pixel
    edge = hard[pick(cover, hard) < 1]
    is_open = torch.zeros(pixels, dtype=torch.bool, device=key.device)
    is_open[pick(pixel, edge)] = True
    candidate = pick(is_open, pixel) & (cover >= 0.5)
    candidate[edge] = False
    candidate = candidate.nonzero()[:, 0]
    slot, key = pick(pixel, candidate), pick(key, candidate)
    return candidate[pick(_nearest(slot, key, pixels), slot) == key]


def _blend(image: Tensor, soup: Soup, fragments: Fragments, chosen: Tensor) -> None:
    """Paint a layer, at most one fragment per pixel, over images [S, 3, H, W]."""
    size = image.shape[-2:]
    area = size[0] * size[1]
    channel = torch.arange(3, device=chosen.device)[:, None] * area
    shift = pick(soup.image * (2 * area), pick(fragments.primitive, chosen))
    place = (shift.add_(pick(fragments.pixel, chosen)) + channel).flatten()  # [3 n]
    colour = paint(soup, fragments, chosen, size).flatten()
    cover = pick(fragments.coverage, chosen).repeat(3)
    flat = image.view(-1)
    flat.index_copy_(0, place, pick(flat, place).lerp_(colour, cover))


def _maps(soup: Soup, fragments: Fragments, hard: Tensor, shape):
    pixel, primitive = pick(fragments.pixel, hard), pick(fragments.primitive, hard)
    device = pixel.device
    total = shape[0] * shape[1] * shape[2]
    ids = torch.full((total,), NOBODY, dtype=torch.int16, device=device)
    segment = ids.clone()
    depth = torch.full((total,), torch.inf, device=device)
    ids.index_copy_(0, pixel, pick(soup.person.short(), primitive))
    segment.index_copy_(0, pixel, pick(soup.segment.short(), primitive))
    depth.index_copy_(0, pixel, pick(fragments.depth, hard))
    return ids.view(shape), depth.view(shape), segment.view(shape)
