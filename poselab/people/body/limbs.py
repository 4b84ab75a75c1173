"""Arms with sleeves and hands, legs in trousers, shorts or skirt, feet in shoes."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.body.clothes import BOTTOMS, SLEEVES
from poselab.people.body.kinematics import soles
from poselab.people.body.parts import Parts


def _choice(on: Tensor, cloth: tuple, skin: tuple) -> tuple:
    """`cloth` where `on` [N], else `skin`."""
    first = torch.where(on[:, None], cloth[0], skin[0])
    second = torch.where(on[:, None], cloth[1], skin[1])
    return first, second, torch.where(on, cloth[2], skin[2])


def _thin(p: Parts) -> Tensor:
    """How thick limbs are: girth counts less than on the trunk."""
    return p.unit * (0.45 + 0.55 * p.shape.girth) * (1 + 0.06 * p.shape.child)


def add_arm(p: Parts, side: str) -> None:
    """Upper arm in two pieces (short sleeves end between them), forearm, hand."""
    t, d = _thin(p), p.clothes
    shirt, skin = (d.shirt, d.shirt2, d.shirt_pattern), p.plain(d.skin)
    upper = _choice(d.sleeves > SLEEVES.index("none"), shirt, skin)
    lower = _choice(d.sleeves == SLEEVES.index("long"), shirt, skin)
    cloth = t * 0.0025 * (d.sleeves > 0)  # what cloth adds to the radius
    low = t * 0.003 * (d.sleeves == SLEEVES.index("long"))
    shoulder, elbow, wrist = (
        p.frames.point(side + bone) for bone in ("shoulder", "elbow", "wrist")
    )
    half, belly = torch.lerp(shoulder, elbow, 0.55), torch.lerp(elbow, wrist, 0.28)
    arm, fore = side + "upper_arm", side + "forearm"
    top, middle = t * 0.0285 + cloth, t * 0.0265 + cloth * 1.6
    p.capsule(arm, shoulder, half, top, middle, upper)
    p.capsule(arm, half, elbow, t * 0.0265 + low, t * 0.0225 + low, lower)
    p.capsule(fore, elbow, belly, t * 0.0225 + low, t * 0.0235 + low, lower)
    p.capsule(fore, belly, wrist, t * 0.0235 + low, t * 0.0155 + low, lower)
    _hand(p, side)


def _hand(p: Parts, side: str) -> None:
    """A palm, fingers slightly bent and a thumb that points forwards."""
    h, bone, skin = p.m["hand"], side + "wrist", p.plain(p.clothes.skin)
    inward = -h if side == "left_" else h
    p.ellipsoid(
        side + "hand",
        bone,
        (0.02 * inward, -0.36 * h, 0.0),
        (0.16 * h, 0.40 * h, 0.25 * h),
        skin,
    )
    knuckles = p.at(bone, (0.03 * inward, -0.58 * h, 0.0))
    tips = p.at(bone, (0.14 * inward, -0.90 * h, 0.02 * h))
    p.capsule(side + "hand", knuckles, tips, 0.14 * h, 0.10 * h, skin)
    root = p.at(bone, (0.04 * inward, -0.25 * h, 0.14 * h))
    tip = p.at(bone, (0.10 * inward, -0.58 * h, 0.33 * h))
    p.capsule(side + "hand", root, tip, 0.09 * h, 0.065 * h, skin)


def add_leg(p: Parts, side: str) -> None:
    """Thigh in two pieces and shin in two; a skirt widens the thighs."""
    d = p.clothes
    bottom, skin = (d.bottoms, d.bottoms2, d.bottom_pattern), p.plain(d.skin)
    skirt = d.bottom == BOTTOMS.index("skirt")
    long = d.bottom == BOTTOMS.index("trousers")
    _thigh(p, side, skirt, bottom, _choice(~skirt, bottom, skin))
    _shin(p, side, long, _choice(long, bottom, skin))


def _thigh(p: Parts, side: str, skirt: Tensor, upper: tuple, lower: tuple) -> None:
    t, name = _thin(p), side + "thigh"
    cloth = t * 0.003 * ~skirt  # what cloth adds to the radius
    hip, knee = p.frames.point(side + "hip"), p.frames.point(side + "knee")
    half = hip + (0.5 + 0.22 * skirt.to(hip))[:, None] * (knee - hip)
    p.capsule(name, hip, half, t * 0.0475, t * (0.041 + 0.013 * skirt), upper)
    middle = t * (0.0395 - 0.003 * skirt) + cloth
    p.capsule(name, half, knee, middle, t * 0.0315 + cloth, lower)


def _shin(p: Parts, side: str, long: Tensor, look: tuple) -> None:
    t, name = _thin(p), side + "shin"
    cloth = t * 0.003 * long
    knee, ankle = p.frames.point(side + "knee"), p.frames.point(side + "ankle")
    calf = torch.lerp(knee, ankle, 0.3)
    p.capsule(name, knee, calf, t * 0.0305 + cloth, t * 0.0315 + cloth, look)
    p.capsule(name, calf, ankle, t * 0.0315 + cloth, t * 0.0195 + 2 * cloth, look)


def add_foot(p: Parts, side: str) -> None:
    """A shoe: heel to ball, ball to toes, exactly as high as the sole's contact."""
    look = p.plain(p.clothes.shoes)
    (b0, d0, z0, r0), (b1, d1, z1, r1), (b2, d2, z2, r2) = soles(p.m)
    heel = p.frames.point(side + b0, 0.0, -d0, z0)
    ball = p.frames.point(side + b1, 0.0, -d1, z1)
    tip = p.frames.point(side + b2, 0.0, -d2, z2)
    ankle = p.frames.point(side + "ankle")
    p.capsule(side + "foot", heel, ball, r0, r1, look)
    p.capsule(side + "foot", ball, tip, r1, r2, look)
    p.capsule(side + "foot", ankle, ball, p.m["scale"] * 0.023, r1 * 0.9, look)
