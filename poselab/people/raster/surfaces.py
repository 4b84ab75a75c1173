"""Where a ray meets a primitive, exactly, for long flat lists of (row, pixel) pairs.

The ray through pixel (u, v) is depth * D with D = ((u - cx)/fx, (v - cy)/fy, 1). Every
quantity below is a quadratic in the step along a row, so its three coefficients are
computed once per row and evaluated once per pixel. Ray and sphere: with c the centre,
R = |D|^2 r^2 - |D x c|^2 is positive where the ray hits, and the depth of the front is
(D.c - sqrt R) / |D|^2. The cross product keeps this exact in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.raster.windows import Rows
from poselab.people.table import Table

# For each thread of a CPU what its cache holds (torch gives a thread no less than this
# many items); elsewhere what the memory holds.
CHUNK = 1 << 15, 1 << 23


@dataclass
class Fragments(Table):
    """F (primitive, pixel) pairs.

    pixel: flat index in the batch of images; primitive: in the list that was drawn;
    depth mm along the optical axis; coverage: the part of the pixel that is covered,
    from the distance to the outline; along: 0..1 from start to end of a capsule.
    """

    pixel: Tensor
    primitive: Tensor
    depth: Tensor
    coverage: Tensor
    along: Tensor


def rays(rows: Rows, camera: Tensor) -> tuple[Tensor, Tensor]:
    """D at the first pixel of each row [3, R] and its step per pixel [3, R]."""
    fx, fy, cx, cy = columns(camera, rows.primitive)
    start = [(rows.first - cx) / fx, (rows.row - cy) / fy, torch.ones_like(fx)]
    zero = torch.zeros_like(fx)
    return torch.stack(start), torch.stack([1 / fx, zero, zero])


# Vectors are columns, [3, n], from here on: sums over the first dimension are fast.


def columns(table: Tensor, index: Tensor) -> Tensor:
    """Rows of a small table [m, C] as columns [C, n]."""
    return table.t().contiguous().index_select(1, index)


def pick(values: Tensor, index: Tensor) -> Tensor:
    """`values[index]` for flat lists, four times as fast on a CPU."""
    return values.index_select(0, index)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar products of columns, [3, n] and [3, n] -> [n]."""
    return (a * b).sum(0)


def length(a: Tensor) -> Tensor:
    """Lengths of columns, [3, n] -> [n]; 70 times as fast as `norm(dim=0)` on a CPU."""
    return dot(a, a).sqrt()


def _cross(a: Tensor, b: Tensor) -> Tensor:
    ax, ay, az = a
    bx, by, bz = b
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def _product(p: Tensor, p1: Tensor, q: Tensor, q1: Tensor) -> list[Tensor]:
    """Coefficients of (p + k p1).(q + k q1) in powers of k."""
    return [dot(p, q), dot(p, q1) + dot(p1, q), dot(p1, q1)]


def _at(coefficients: Tensor, step: Tensor) -> Tensor:
    """A quadratic, [3, F] at [F]."""
    value = torch.addcmul(coefficients[1], coefficients[2], step)
    return torch.addcmul(coefficients[0], value, step)


def capsule_coefficients(
    rows: Rows,
    camera: Tensor,
    start: Tensor,
    axis: Tensor,
    radius: Tensor,
    taper: Tensor,
) -> Tensor:
    """What `hit_capsules` evaluates at each pixel, once per row, [19, R].

    camera [n, 4]; start, axis [n, 3] mm and radius, taper [n] mm as in
    `PrimitiveBatch`. With a, d, r, q for these four: g, A, B, -C as quadratics, D.a and
    D.d linear, r, q, f / (2 z).
    """
    ray, step = rays(rows, camera)
    numbers = torch.cat([start, axis, radius[:, None], taper[:, None]], 1)
    table = columns(numbers, rows.primitive)
    pa, pd, r, q = table[:3], table[3:6], table[6], table[7]
    xa, xa1, xd, xd1 = (_cross(u, w) for w in (pa, pd) for u in (ray, step))
    g = _product(ray, step, ray, step)
    aa, ad, dd = (
        _product(*p)
        for p in ((xa, xa1, xa, xa1), (xa, xa1, xd, xd1), (xd, xd1, xd, xd1))
    )
    scale = 1 / (2 * step[0] * (pa[2] + pd[2] / 2))
    rows_of = [
        *g,
        *(u * r * r - w for u, w in zip(g, aa, strict=True)),
        *(u * r * q - w for u, w in zip(g, ad, strict=True)),
        *(w - u * q * q for u, w in zip(g, dd, strict=True)),
        *(dot(ray, pa), dot(step, pa), dot(ray, pd), dot(step, pd)),
        *(r, q, scale),
    ]
    return torch.stack(rows_of)


def chunk(items: Tensor) -> int:
    """How many items of a long list to work on at a time."""
    each, elsewhere = CHUNK
    on_cpu = items.device.type == "cpu"
    return each * torch.get_num_threads() if on_cpu else elsewhere


def in_chunks(function: Callable, table: Tensor, row: Tensor, step: Tensor) -> Tensor:
    """`function(table[:, row], step)` piece by piece: [M, F] for lists of F.

    The temporaries of a piece stay in the cache.
    """
    size = chunk(row)
    pieces = zip(row.split(size), step.split(size), strict=True)
    return torch.cat([function(table.index_select(1, r), s) for r, s in pieces], 1)


def hit_capsules(c: Tensor, step: Tensor) -> Tensor:
    """Depth, coverage and position along the axis of round cones, [3, F].

    c [19, F], step [F].

    A round cone is the union of spheres with centre a + t d and radius r + t q. For
    the sphere t, R(t) = A + 2 B t + C t^2, and its front D.a + t D.d - sqrt R(t) is
    convex in t where C < 0: the nearest has a closed form, clamped to 0 <= t <= 1.
    """
    g, big_a, big_b, minus_c = (_at(c[i : i + 3], step) for i in (0, 3, 6, 9))
    minus_c.clamp_(min=1e-3)
    along_d = torch.addcmul(c[14], c[15], step)
    t = big_b / minus_c  # where R(t) is largest
    peak = torch.addcmul(big_a, big_b, t).clamp_(min=0)
    lead = peak.div_(minus_c * torch.addcmul(minus_c, along_d, along_d)).sqrt_()
    t = t.sub_(lead.mul_(along_d)).clamp_(0, 1)
    rest = torch.addcmul(big_b, minus_c, t, value=-0.5)
    room = torch.addcmul(big_a, rest, t, value=2.0)  # R at the chosen t
    centre = torch.addcmul(torch.addcmul(c[12], c[13], step), along_d, t)
    depth = centre.sub_(room.clamp(min=0).sqrt_()).div_(g)
    radius = torch.addcmul(c[16], c[17], t).clamp_(min=1e-3)
    gap = room.mul_(c[18]).div_(radius.mul_(g))  # px inside the outline
    return torch.stack([depth, gap.add_(0.5).clamp_(0, 1), t])


def ellipsoid_frame(centre: Tensor, axes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Into the frame where an ellipsoid is the unit sphere.

    centre [n, 3], axes [n, 3, 3] (rows: semi-axes) -> the map M [n, 3, 3], M centre
    [n, 3] and whether there is anything to draw [n].
    """
    square = axes.square().sum(-1, keepdim=True)
    m = axes / square.clamp(min=1e-6)
    return m, (m @ centre[..., None])[..., 0], (square > 1e-6).all(-2)[..., 0]


def ellipsoid_conic(
    centre: Tensor, to_sphere: Tensor, offset: Tensor, camera: Tensor
) -> tuple[Tensor, Tensor]:
    """The outline as a conic about the projected centre: [n, 6], [n, 2] px.

    centre [n, 3] mm, to_sphere [n, 3, 3] and offset [n, 3] of `ellipsoid_frame`,
    camera [n, 4].
    """
    fx, fy, cx, cy = camera.unbind(-1)
    z = centre[:, 2].clamp(min=1.0)
    m, o = to_sphere, offset.t()
    q, qu, qv = o / z, m[..., 0].t() / fx, m[..., 1].t() / fy
    xu, xv = _cross(qu, o), _cross(qv, o)
    conic = [
        dot(q, q),
        dot(q, qu),
        dot(q, qv),
        dot(xu, xu) - dot(qu, qu),
        dot(xu, xv) - dot(qu, qv),
        dot(xv, xv) - dot(qv, qv),
    ]
    where = torch.stack([fx * centre[:, 0] / z + cx, fy * centre[:, 1] / z + cy], -1)
    return torch.stack(conic, -1), where


def ellipsoid_coefficients(
    rows: Rows, camera: Tensor, to_sphere: Tensor, offset: Tensor
) -> Tensor:
    """What `hit_ellipsoids` evaluates at each pixel, once per row, [10, R].

    camera [n, 4], to_sphere [n, 3, 3] and offset [n, 3] of `ellipsoid_frame`. With M
    the map, o the offset and q = M D: G and R as quadratics, q.o and dR/dv linear.
    """
    ray, step = rays(rows, camera)
    numbers = torch.cat([to_sphere.flatten(1), offset, camera[:, 1:2]], 1)
    table = columns(numbers, rows.primitive)
    m, o = table[:9].unflatten(0, (3, 3)), table[9:12]
    q, q1 = ((m * v).sum(1) for v in (ray, step))
    x, x1 = _cross(q, o), _cross(q1, o)
    qv = m[:, 1] / table[12]
    xv = _cross(qv, o)
    g, xx = _product(q, q1, q, q1), _product(x, x1, x, x1)
    rise = 2 * (dot(q, qv) - dot(x, xv)), 2 * (dot(q1, qv) - dot(x1, xv))
    room = (u - w for u, w in zip(g, xx, strict=True))
    return torch.stack([*g, *room, dot(q, o), dot(q1, o), *rise])


def hit_ellipsoids(c: Tensor, step: Tensor) -> Tensor:
    """Depth, coverage and zeros, [3, F]; c [10, F], step [F].

    The distance to the outline is R / |grad R| (first order, exact at the outline).
    """
    g, room = _at(c[:3], step), _at(c[3:6], step)
    across = torch.addcmul(c[4], c[5], step, value=2.0)
    down = torch.addcmul(c[8], c[9], step)
    slope = torch.addcmul(across.mul_(across), down, down).sqrt_()
    depth = torch.addcmul(c[6], c[7], step).sub_(room.clamp(min=0).sqrt_()).div_(g)
    gap = room.div_(slope.add_(1e-12))
    return torch.stack([depth, gap.add_(0.5).clamp_(0, 1), torch.zeros_like(gap)])
