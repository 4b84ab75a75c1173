"""All primitives of a batch of images as one flat list in the camera frames.

People, furniture and plants are `Group`s of the same capsules and ellipsoids. `gather`
moves everything into the camera frame of its image, leaves out what is not drawn, and
makes the table of what the shader wants to know about each primitive.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.raster.primitives import Capsules, Ellipsoids
from poselab.people.raster.surfaces import ellipsoid_frame
from poselab.people.scene.camera import Camera
from poselab.people.scene.light import Light

NOBODY = -1


@dataclass
class Group:
    """N owners of the same primitives: who they are and in which image they stand.

    image [N] int64; person [N] int64, the number of the person within the image, or
    `NOBODY` for things.
    """

    capsules: Capsules | None
    ellipsoids: Ellipsoids | None
    image: Tensor
    person: Tensor


@dataclass
class Cards:
    """Upright rectangles that face the camera, [n] each: walls of boxes, boards, doors.

    centre x, bottom, width, height, and z of the plane in world mm; colour, colour2
    [n, 3]; pattern and pitch as in `Look`; image [n].
    """

    x: Tensor
    bottom: Tensor
    width: Tensor
    height: Tensor
    z: Tensor
    colour: Tensor
    colour2: Tensor
    pattern: Tensor
    pitch: Tensor
    image: Tensor


@dataclass
class Soup:
    """n primitives: nc capsules, then ne ellipsoids, then cards.

    a, d [nc, 3] mm, ra, dr [nc]; m [ne, 3, 3], o [ne, 3] and centre [ne, 3] (see
    `surfaces.ellipsoid_frame`); box [nk, 4] px and plane [nk] mm; image, person,
    segment [n] int64; paint [n, PAINT] for the shader; k [n, 4] fx, fy, cx, cy.
    """

    a: Tensor
    d: Tensor
    ra: Tensor
    dr: Tensor
    m: Tensor
    o: Tensor
    centre: Tensor
    box: Tensor
    plane: Tensor
    image: Tensor
    person: Tensor
    segment: Tensor
    paint: Tensor
    k: Tensor
    counts: tuple[int, int, int]


def segment_names(groups: list[Group]) -> tuple[str, ...]:
    """The names behind the numbers of `Soup.segment`."""
    parts = [p for g in groups for p in (g.capsules, g.ellipsoids) if p is not None]
    return tuple(sorted({name for part in parts for name in part.segment}))


def gather(
    groups: list[Group], cards: Cards | None, camera: Camera, light: Light
) -> Soup:
    """One list of everything that is drawn in a batch of images."""
    names = segment_names(groups)
    k = torch.stack([camera.fx, camera.fy, camera.cx, camera.cy], -1)  # [S, 4]
    rounds = [_flat(g.capsules, g, names) for g in groups if g.capsules is not None]
    ovals = [_flat(g.ellipsoids, g, names) for g in groups if g.ellipsoids is not None]
    c, e = _join(rounds, k, 8), _join(ovals, k, 12)
    a, d, ra, dr = _capsules(c, camera)
    centre, m, o = _ellipsoids(e, camera)
    box, plane, card = _cards(cards, camera, k)
    parts = [p for p in (c, e, card) if p is not None]
    own = torch.cat([p[1] for p in parts])  # [n, 3]: image, person, segment
    looks = torch.cat([p[2] for p in parts])
    sizes = tuple(0 if p is None else len(p[1]) for p in (c, e, card))
    paint = torch.cat([looks, light.table(camera)[own[:, 0]]], -1)
    return Soup(
        a,
        d,
        ra,
        dr,
        m,
        o,
        centre,
        box,
        plane,
        *own.unbind(-1),
        paint,
        k[own[:, 0]],
        sizes,
    )


def _flat(part: Capsules | Ellipsoids, group: Group, names: tuple[str, ...]):
    """Geometry [n, 8 or 12], owners [n, 3] and look [n, 8] of what is drawn."""
    if isinstance(part, Capsules):
        columns = (part.a, part.b, part.ra[..., None], part.rb[..., None])
        geometry = torch.cat(columns, -1)
        drawn = torch.maximum(part.ra, part.rb) > 0
    else:
        geometry = torch.cat([part.centre[..., None, :], part.axes], -2).flatten(-2)
        drawn = part.axes.square().sum(-1).amin(-1) > 1e-6
    shape = drawn.shape
    ids = torch.tensor([names.index(s) for s in part.segment], device=drawn.device)
    owner = torch.stack(
        [
            group.image[:, None].expand(shape),
            group.person[:, None].expand(shape),
            ids.expand(shape),
        ],
        -1,
    )
    look = part.look
    numbers = torch.stack([look.pattern.to(geometry), look.pitch.to(geometry)], -1)
    paint = torch.cat([look.colour, look.colour2, numbers], -1)
    keep = drawn.flatten().nonzero()[:, 0]
    return tuple(v.flatten(0, 1)[keep] for v in (geometry, owner, paint))


def _join(parts: list[tuple], k: Tensor, width: int) -> tuple:
    if parts:
        return tuple(torch.cat(columns) for columns in zip(*parts, strict=True))
    own = torch.zeros(0, 3, dtype=torch.int64, device=k.device)
    return k.new_zeros(0, width), own, k.new_zeros(0, 8)


def _turned(camera: Camera, image: Tensor, vectors: Tensor) -> Tensor:
    """World directions [n, M, 3] in the camera frames of their images."""
    return vectors @ camera.rotation.transpose(-1, -2)[image]


def _capsules(c: tuple, camera: Camera) -> tuple[Tensor, ...]:
    geometry, image = c[0], c[1][:, 0]
    ends = geometry[:, :6].unflatten(-1, (2, 3)) - camera.position[image, None]
    a, b = _turned(camera, image, ends).unbind(1)
    ra, rb = geometry[:, 6], geometry[:, 7]
    d = b - a
    # Seen end on, one sphere holds the other; the far one then takes what still fits.
    fit = 0.95 * (d - a * ((d * a).sum(-1) / a.square().sum(-1))[:, None]).norm(dim=-1)
    far_a = a[:, 2] > b[:, 2]
    lean = (rb - ra).clamp(-fit, fit)
    return a, d, torch.where(far_a, rb - lean, ra), lean


def _ellipsoids(e: tuple, camera: Camera) -> tuple[Tensor, ...]:
    rows = e[0].unflatten(-1, (4, 3))
    image = e[1][:, 0]
    shift = torch.zeros_like(rows)
    shift[:, 0] = camera.position[image]
    rows = _turned(camera, image, rows - shift)
    m, o, _ = ellipsoid_frame(rows[:, 0], rows[:, 1:])
    return rows[:, 0], m, o


def _cards(cards: Cards | None, camera: Camera, k: Tensor):
    """Rectangles on the screen [n, 4] px and their depths [n] mm."""
    if cards is None:
        return k.new_zeros(0, 4), k.new_zeros(0), None
    drawn = ((cards.width > 0) & (cards.height > 0)).nonzero()[:, 0]
    cards = Cards(*(v[drawn] for v in vars(cards).values()))
    image = cards.image
    corners = torch.stack(
        [
            torch.stack(
                [cards.x - cards.width / 2, cards.bottom + cards.height, cards.z]
            ),
            torch.stack([cards.x + cards.width / 2, cards.bottom, cards.z]),
        ]
    ).permute(2, 0, 1)  # [n, 2, 3]
    seen = _turned(camera, image, corners - camera.position[image, None])
    depth = seen[:, 1, 2].clamp(min=1.0)
    fx, fy, cx, cy = k[image].unbind(-1)
    left, right = (fx * seen[:, i, 0] / depth + cx for i in (0, 1))
    top, bottom = (fy * seen[:, i, 1] / depth + cy for i in (0, 1))
    box = torch.stack([left, top, right, bottom], -1)
    box = torch.where(seen[:, :1, 2] > 0, box, 0.0)
    numbers = torch.stack([cards.pattern.to(depth), cards.pitch], -1)
    owner = torch.stack(
        [image, torch.full_like(image, NOBODY), torch.full_like(image, NOBODY)], -1
    )
    paint = torch.cat([cards.colour, cards.colour2, numbers], -1)
    return box, depth, (box, owner, paint)
