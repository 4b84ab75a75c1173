"""Things that stand around and hide people: poles, boxes, tables, plants."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.raster.primitive_batch import NOBODY, Group, Rectangles
from poselab.people.raster.primitives import (
    CHECKS,
    PLAIN,
    STRIPES,
    Capsules,
    Ellipsoids,
    Look,
)
from poselab.people.table import Table

OCCLUDERS = ("pole", "box", "table", "plant")
LEAVES, STALKS = 9, 5


@dataclass
class Things(Table):
    """M things; kind [M] indexes OCCLUDERS (-1: none); image [M].

    x, z [M] mm where they stand, size [M] around 1, colours [M, 2, 3], turn [M] rad.
    """

    kind: Tensor
    image: Tensor
    x: Tensor
    z: Tensor
    size: Tensor
    colours: Tensor
    turn: Tensor


def sample_things(image: Tensor, generator: torch.Generator, share: float) -> Things:
    """One thing for each entry of `image` [M]; only a `share` of them exist.

    They stand at the origin: the caller moves them.
    """
    m, device = len(image), generator.device
    u = torch.rand(m, 10, generator=generator, device=device)
    kind = torch.where(u[:, 0] < share, (u[:, 1] * len(OCCLUDERS)).long(), -1)
    kind = kind.clamp(max=len(OCCLUDERS) - 1)
    grey = 0.15 + 0.6 * u[:, 2:4, None]
    colours = (grey + 0.35 * (u[:, 4:10].view(m, 2, 3) - 0.5)).clamp(0.03, 0.97)
    zero = torch.zeros(m, device=device)
    return Things(
        kind, image, zero, zero.clone(), 0.8 + 0.5 * u[:, 3], colours, 6.28 * u[:, 5]
    )


def groups(t: Things) -> tuple[Group, Rectangles]:
    """The primitives of things: [M] owners that are no person, and rectangles."""
    on = {name: (t.kind == i).float() * t.size for i, name in enumerate(OCCLUDERS)}
    rounds = _join(
        [_pole(t, on["pole"]), _table_legs(t, on["table"]), _stalks(t, on["plant"])]
    )
    ovals = [_table_top(t, on["table"]), _leaves(t, on["plant"])]
    looks = Look.cat([v[2] for v in ovals], 1)
    centre, axes = (torch.cat([v[i] for v in ovals], 1) for i in (0, 1))
    names = ("thing",)
    group = Group(
        Capsules(*rounds[:4], rounds[4], names * rounds[0].shape[1]),
        Ellipsoids(centre, axes, looks, names * centre.shape[1]),
        t.image,
        torch.full_like(t.image, NOBODY),
    )
    return group, _boxes(t, on["box"])


def _join(parts: list[tuple]) -> tuple:
    columns = [torch.cat([p[i] for p in parts], 1) for i in range(4)]
    return (*columns, Look.cat([p[4] for p in parts], 1))


def _look(colour: Tensor, colour2: Tensor, k: int, pattern: int = PLAIN) -> Look:
    """The same look for k primitives of each thing; colours [M, 3]."""
    first, second = (c[:, None].expand(-1, k, -1) for c in (colour, colour2))
    flat = torch.full_like(first[..., 0], 240.0)
    return Look(first, second, torch.full_like(flat, pattern).long(), flat)


def _at(t: Things, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Points [M, K, 3] from offsets [M, K] around things `t`."""
    return torch.stack([t.x[:, None] + x, y, t.z[:, None] + z], -1)


def _pole(t: Things, on: Tensor):
    zero = torch.zeros_like(on)[:, None]
    top = _at(t, zero, zero + 3600, zero)
    radius = (55 * on)[:, None]
    return (
        _at(t, zero, zero, zero),
        top,
        radius,
        radius,
        _look(t.colours[:, 0], t.colours[:, 1], 1, STRIPES),
    )


def _table_legs(t: Things, on: Tensor):
    zero, o = torch.zeros_like(on)[:, None], on[:, None]
    foot, top = _at(t, zero, zero + 20, zero), _at(t, zero, 700 * _low(o), zero)
    look = _look(t.colours[:, 1] * 0.6, t.colours[:, 1], 1)
    return foot, top, 190 * o, 35 * o, look


def _low(size: Tensor) -> Tensor:
    """Tables grow wider, hardly higher."""
    return size.clamp(max=1.05)


def _table_top(t: Things, on: Tensor):
    zero = torch.zeros_like(on)[:, None]
    centre = _at(t, zero, 715 * _low(on[:, None]), zero)
    sizes = torch.stack([480 * on, 22 * on, 480 * on], -1)
    look = _look(t.colours[:, 0], t.colours[:, 1], 1)
    return centre, torch.diag_embed(sizes)[:, None], look


def _stalks(t: Things, on: Tensor):
    """A pot and stalks that lean outwards."""
    angle = t.turn[:, None] + torch.arange(STALKS).to(on) * (6.283 / STALKS)
    o, one = on[:, None], torch.ones_like(angle)
    zero = 0 * angle
    high = o * (950 + 120 * torch.cos(3 * angle))
    out = o * 190
    a = torch.cat(
        [_at(t, zero[:, :1], 40 * o, zero[:, :1]), _at(t, zero, 260 * o * one, zero)], 1
    )
    b = torch.cat(
        [
            _at(t, zero[:, :1], 260 * o, zero[:, :1]),
            _at(t, out * angle.cos(), high, out * angle.sin()),
        ],
        1,
    )
    ra = torch.cat([110 * o, 9 * o * one], 1)
    rb = torch.cat([160 * o, 5 * o * one], 1)
    pot = _look(t.colours[:, 0], t.colours[:, 1], 1)
    green = _green(t)
    return a, b, ra, rb, Look.cat([pot, _look(green * 0.6, green, STALKS)], 1)


def _green(t: Things) -> Tensor:
    leaf = torch.tensor([0.20, 0.42, 0.16]).to(t.x)
    return (leaf + 0.35 * (t.colours[:, 1] - 0.45)).clamp(0.03, 0.9)


def _leaves(t: Things, on: Tensor):
    angle = t.turn[:, None] + torch.arange(LEAVES).to(on) * 2.399
    o = on[:, None]
    rise = torch.linspace(0.45, 1.1, LEAVES).to(on) * o
    out = o * (250 - 110 * (rise - 0.75).abs())
    centre = _at(t, out * angle.cos(), 1000 * rise, out * angle.sin())
    up = torch.stack(
        [angle.cos() * 0.7, torch.ones_like(angle) * 0.7, angle.sin() * 0.7], -1
    )
    side = torch.stack([-angle.sin(), torch.zeros_like(angle), angle.cos()], -1)
    normal = torch.linalg.cross(up, side)
    sizes = o[..., None] * torch.tensor([95.0, 215.0, 22.0]).to(on)
    axes = torch.stack([side, up, normal], 2) * sizes[..., None]
    green = _green(t)
    return centre, axes, _look(green, green * 0.7, LEAVES)


def _boxes(t: Things, on: Tensor) -> Rectangles:
    """A crate: a front with boards and a lighter lid."""
    lid = (t.colours[:, 0] * 1.15).clamp(max=0.98)
    tall = 800 * on
    return Rectangles(
        x=t.x.repeat(2),
        bottom=torch.cat([0 * tall, tall]),
        width=torch.cat([720 * on, 760 * on]),
        height=torch.cat([tall, 45 * on]),
        z=torch.cat([t.z, t.z + 10]),
        colour=torch.cat([t.colours[:, 0], lid]),
        colour2=torch.cat([t.colours[:, 0] * 0.75, lid]),
        pattern=torch.cat(
            [torch.where(t.turn > 3, CHECKS, STRIPES), torch.full_like(t.kind, PLAIN)]
        ),
        pitch=torch.full_like(t.x, 190.0).repeat(2),
        image=t.image.repeat(2),
    )
