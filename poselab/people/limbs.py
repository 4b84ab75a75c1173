"""Arms with sleeves and hands, legs in trousers, shorts or skirt, feet in shoes."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.dress import BOTTOMS, SLEEVES
from poselab.people.flesh import Parts
from poselab.people.kinematics import soles


def _choice(p: Parts, on: Tensor, cloth: tuple, skin: tuple) -> tuple:
    """`cloth` where `on` [N], else `skin`."""
    first = torch.where(on[:, None], cloth[0], skin[0])
    second = torch.where(on[:, None], cloth[1], skin[1])
    return first, second, torch.where(on, cloth[2], skin[2])


def _thin(p: Parts) -> Tensor:
    """How thick limbs are: girth counts less than on the trunk."""
    return p.unit * (0.45 + 0.55 * p.shape.girth) * (1 + 0.06 * p.shape.child)


def add_arm(p: Parts, side: str) -> None:
    """Upper arm in two pieces (short sleeves end between them), forearm, hand."""
    t, d = _thin(p), p.dress
    shirt, skin = (d.shirt, d.shirt2, d.shirt_pattern), p.plain(d.skin)
    upper = _choice(p, d.sleeves > SLEEVES.index("none"), shirt, skin)
    lower = _choice(p, d.sleeves == SLEEVES.index("long"), shirt, skin)
    loose = t * 0.0025 * (d.sleeves > 0), t * 0.003 * (d.sleeves == 2)
    shoulder, elbow = p.frames.point(side + "shoulder"), p.frames.point(side + "elbow")
    wrist = p.frames.point(side + "wrist")
    half = shoulder + 0.55 * (elbow - shoulder)
    p.capsule(
        side + "upper_arm",
        shoulder,
        half,
        t * 0.0285 + loose[0],
        t * 0.0265 + loose[0] * 1.6,
        upper,
    )
    p.capsule(
        side + "upper_arm",
        half,
        elbow,
        t * 0.0265 + loose[1],
        t * 0.0225 + loose[1],
        lower,
    )
    belly = elbow + 0.28 * (wrist - elbow)
    p.capsule(
        side + "forearm",
        elbow,
        belly,
        t * 0.0225 + loose[1],
        t * 0.0235 + loose[1],
        lower,
    )
    p.capsule(
        side + "forearm",
        belly,
        wrist,
        t * 0.0235 + loose[1],
        t * 0.0155 + loose[1],
        lower,
    )
    _hand(p, side)


def _hand(p: Parts, side: str) -> None:
    """A palm, fingers slightly bent and a thumb that points forwards."""
    h, bone, skin = p.m["hand"], side + "wrist", p.plain(p.dress.skin)
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
    t, d = _thin(p), p.dress
    bottom, skin = (d.bottoms, d.bottoms2, d.bottom_pattern), p.plain(d.skin)
    skirt = d.bottom == BOTTOMS.index("skirt")
    long = d.bottom == BOTTOMS.index("trousers")
    shin_look = _choice(p, long, bottom, skin)
    knee_look = _choice(p, ~skirt, bottom, skin)
    hip, knee = p.frames.point(side + "hip"), p.frames.point(side + "knee")
    ankle = p.frames.point(side + "ankle")
    half = hip + (0.5 + 0.22 * skirt.to(hip))[:, None] * (knee - hip)
    loose = t * 0.003
    p.capsule(
        side + "thigh", hip, half, t * 0.0475, t * (0.041 + 0.013 * skirt), bottom
    )
    p.capsule(
        side + "thigh",
        half,
        knee,
        t * (0.0395 - 0.003 * skirt) + loose * ~skirt,
        t * 0.0315 + loose * ~skirt,
        knee_look,
    )
    calf = knee + 0.3 * (ankle - knee)
    p.capsule(
        side + "shin",
        knee,
        calf,
        t * 0.0305 + loose * long,
        t * 0.0315 + loose * long,
        shin_look,
    )
    p.capsule(
        side + "shin",
        calf,
        ankle,
        t * 0.0315 + loose * long,
        t * 0.0195 + 2 * loose * long,
        shin_look,
    )


def add_foot(p: Parts, side: str) -> None:
    """A shoe: heel to ball, ball to toes, exactly as high as the sole's contact."""
    look = p.plain(p.dress.shoes)
    (b0, d0, z0, r0), (b1, d1, z1, r1), (b2, d2, z2, r2) = soles(p.m)
    heel = p.frames.point(side + b0, 0.0, -d0, z0)
    ball = p.frames.point(side + b1, 0.0, -d1, z1)
    tip = p.frames.point(side + b2, 0.0, -d2, z2)
    ankle = p.frames.point(side + "ankle")
    p.capsule(side + "foot", heel, ball, r0, r1, look)
    p.capsule(side + "foot", ball, tip, r1, r2, look)
    p.capsule(side + "foot", ankle, ball, p.m["scale"] * 0.023, r1 * 0.9, look)
