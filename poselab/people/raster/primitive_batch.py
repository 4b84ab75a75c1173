"""All primitives of a batch of images as one flat list in the camera frames.

People, furniture and plants are `Group`s of the same capsules and ellipsoids. `gather`
moves everything into the camera frame of its image, leaves out what is not drawn, and
makes the table that `shading` reads: colours, pattern and light of each primitive.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.raster.camera import Camera
from poselab.people.raster.light import Light
from poselab.people.raster.primitives import Capsules, Ellipsoids
from poselab.people.raster.surfaces import ellipsoid_frame
from poselab.people.table import Table

NOBODY = -1


@dataclass
class Group:
    """N owners, each of the same primitives, and the image in which each stands.

    capsules and ellipsoids have N rows (None: there are none of this kind); image [N]
    int64; person [N] int64, the number of the person within the image, or `NOBODY` for
    things.
    """

    capsules: Capsules | None
    ellipsoids: Ellipsoids | None
    image: Tensor
    person: Tensor


@dataclass
class Rectangles(Table):
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
class PrimitiveBatch:
    """n primitives of all images: nc capsules, then ne ellipsoids, then nr rectangles.

    In mm, in the camera frame: capsule_start [nc, 3], capsule_axis [nc, 3] from start
    to end, capsule_radius [nc] at the start, capsule_taper [nc] (radius at the end less
    that at the start); ellipsoid_centre [ne, 3], and ellipsoid_map [ne, 3, 3] and
    ellipsoid_offset [ne, 3] to the unit sphere (see `surfaces.ellipsoid_frame`);
    rectangle_box [nr, 4] left, top, right, bottom px, rectangle_depth [nr] mm. Of all:
    image, person, segment [n] int64; paint [n, 17] for `shading.paint`; camera [n, 4]
    fx, fy, cx, cy px. counts is (nc, ne, nr).
    """

    capsule_start: Tensor
    capsule_axis: Tensor
    capsule_radius: Tensor
    capsule_taper: Tensor
    ellipsoid_map: Tensor
    ellipsoid_offset: Tensor
    ellipsoid_centre: Tensor
    rectangle_box: Tensor
    rectangle_depth: Tensor
    image: Tensor
    person: Tensor
    segment: Tensor
    paint: Tensor
    camera: Tensor
    counts: tuple[int, int, int]


def segment_names(groups: list[Group]) -> tuple[str, ...]:
    """The names behind the numbers of `PrimitiveBatch.segment`."""
    parts = [p for g in groups for p in (g.capsules, g.ellipsoids) if p is not None]
    return tuple(sorted({name for part in parts for name in part.segment}))


def gather(
    groups: list[Group], rectangles: Rectangles | None, camera: Camera, light: Light
) -> PrimitiveBatch:
    """One list of everything that is drawn in a batch of images."""
    names = segment_names(groups)
    k = torch.stack([camera.fx, camera.fy, camera.cx, camera.cy], -1)  # [S, 4]
    rounds = [_flat(g.capsules, g, names) for g in groups if g.capsules is not None]
    ovals = [_flat(g.ellipsoids, g, names) for g in groups if g.ellipsoids is not None]
    c, e = _join(rounds, k, 8), _join(ovals, k, 12)
    centre, to_sphere, offset = _ellipsoids(e, camera)
    box, depth, rectangle = _rectangles(rectangles, camera, k)
    parts = [p for p in (c, e, rectangle) if p is not None]
    own = torch.cat([p[1] for p in parts])  # [n, 3]: image, person, segment
    looks = torch.cat([p[2] for p in parts])  # [n, 8]
    nc, ne, nr = (0 if p is None else len(p[1]) for p in (c, e, rectangle))
    return PrimitiveBatch(
        *_capsules(c, camera),
        to_sphere,
        offset,
        centre,
        box,
        depth,
        *own.unbind(-1),
        torch.cat([looks, light.table(camera)[own[:, 0]]], -1),
        k[own[:, 0]],
        (nc, ne, nr),
    )


def _flat(part: Capsules | Ellipsoids, group: Group, names: tuple[str, ...]):
    """Geometry [n, 8 or 12], owners [n, 3] and look [n, 8] of what is drawn."""
    if isinstance(part, Capsules):
        columns = (
            part.start,
            part.end,
            part.start_radius[..., None],
            part.end_radius[..., None],
        )
        geometry = torch.cat(columns, -1)
        drawn = torch.maximum(part.start_radius, part.end_radius) > 0
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
    start, end = _turned(camera, image, ends).unbind(1)
    radius, end_radius = geometry[:, 6], geometry[:, 7]
    axis = end - start
    # Seen end on, one sphere holds the other; the far one then takes what still fits.
    along = (axis * start).sum(-1) / start.square().sum(-1)
    fit = 0.95 * (axis - start * along[:, None]).norm(dim=-1)
    start_is_far = start[:, 2] > end[:, 2]
    taper = (end_radius - radius).clamp(-fit, fit)
    return start, axis, torch.where(start_is_far, end_radius - taper, radius), taper


def _ellipsoids(e: tuple, camera: Camera) -> tuple[Tensor, ...]:
    rows = e[0].unflatten(-1, (4, 3))
    image = e[1][:, 0]
    shift = torch.zeros_like(rows)
    shift[:, 0] = camera.position[image]
    rows = _turned(camera, image, rows - shift)
    m, o, _ = ellipsoid_frame(rows[:, 0], rows[:, 1:])
    return rows[:, 0], m, o


def _rectangles(rectangles: Rectangles | None, camera: Camera, k: Tensor):
    """Rectangles on the screen [n, 4] px and their depths [n] mm."""
    if rectangles is None:
        return k.new_zeros(0, 4), k.new_zeros(0), None
    drawn = ((rectangles.width > 0) & (rectangles.height > 0)).nonzero()[:, 0]
    rectangles = rectangles[drawn]
    image = rectangles.image
    corners = torch.stack(
        [
            torch.stack(
                [
                    rectangles.x - rectangles.width / 2,
                    rectangles.bottom + rectangles.height,
                    rectangles.z,
                ]
            ),
            torch.stack(
                [rectangles.x + rectangles.width / 2, rectangles.bottom, rectangles.z]
            ),
        ]
    ).permute(2, 0, 1)  # [n, 2, 3]
    seen = _turned(camera, image, corners - camera.position[image, None])
    depth = seen[:, 1, 2].clamp(min=1.0)
    fx, fy, cx, cy = k[image].unbind(-1)
    left, right = (fx * seen[:, i, 0] / depth + cx for i in (0, 1))
    top, bottom = (fy * seen[:, i, 1] / depth + cy for i in (0, 1))
    box = torch.stack([left, top, right, bottom], -1)
    box = torch.where(seen[:, :1, 2] > 0, box, 0.0)
    numbers = torch.stack([rectangles.pattern.to(depth), rectangles.pitch], -1)
    owner = torch.stack(
        [image, torch.full_like(image, NOBODY), torch.full_like(image, NOBODY)], -1
    )
    paint = torch.cat([rectangles.colour, rectangles.colour2, numbers], -1)
    return box, depth, (box, owner, paint)
