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


def add_arms(p: Parts) -> None:
    """Upper arms in two pieces (short sleeves end between them), forearms, hands."""
    t, d = _thin(p), p.clothes
    shirt, skin = (d.shirt, d.shirt2, d.shirt_pattern), p.plain(d.skin)
    long = d.sleeves == SLEEVES.index("long")
    upper = _choice(d.sleeves > SLEEVES.index("none"), shirt, skin)
    lower = _choice(long, shirt, skin)
    cloth = t * 0.0025 * (d.sleeves > 0)  # what cloth adds to the radius
    low = t * 0.003 * long
    shoulder, elbow, wrist = map(p.frames.pair, ("shoulder", "elbow", "wrist"))
    half, belly = torch.lerp(shoulder, elbow, 0.55), torch.lerp(elbow, wrist, 0.28)
    top, middle = t * 0.0285 + cloth, t * 0.0265 + cloth * 1.6
    bent, thick = t * 0.0225 + low, t * 0.0235 + low
    p.limbs("upper_arm", shoulder, half, top, middle, upper)
    p.limbs("upper_arm", half, elbow, t * 0.0265 + low, bent, lower)
    p.limbs("forearm", elbow, belly, bent, thick, lower)
    p.limbs("forearm", belly, wrist, thick, t * 0.0155 + low, lower)
    _hands(p, skin)


def _hands(p: Parts, skin: tuple) -> None:
    """Palms, fingers slightly bent and thumbs that point forwards."""
    h = p.m["hand"]
    inward = torch.stack([-h, h], 1)
    palm, sizes = (0.02 * inward, -0.36 * h, 0.0), (0.16 * h, 0.40 * h, 0.25 * h)
    p.pair("hand", "wrist", palm, sizes, skin)
    knuckles = p.frames.pair("wrist", 0.03 * inward, -0.58 * h, 0.0)
    tips = p.frames.pair("wrist", 0.14 * inward, -0.90 * h, 0.02 * h)
    p.limbs("hand", knuckles, tips, 0.14 * h, 0.10 * h, skin)
    root = p.frames.pair("wrist", 0.04 * inward, -0.25 * h, 0.14 * h)
    tip = p.frames.pair("wrist", 0.10 * inward, -0.58 * h, 0.33 * h)
    p.limbs("hand", root, tip, 0.09 * h, 0.065 * h, skin)


def add_legs(p: Parts) -> None:
    """Thighs in two pieces and shins in two; a skirt widens the thighs."""
    d = p.clothes
    bottom, skin = (d.bottoms, d.bottoms2, d.bottom_pattern), p.plain(d.skin)
    skirt = d.bottom == BOTTOMS.index("skirt")
    long = d.bottom == BOTTOMS.index("trousers")
    _thighs(p, skirt, bottom, _choice(~skirt, bottom, skin))
    _shins(p, long, _choice(long, bottom, skin))


def _thighs(p: Parts, skirt: Tensor, upper: tuple, lower: tuple) -> None:
    t = _thin(p)
    cloth = t * 0.003 * ~skirt  # what cloth adds to the radius
    hip, knee = p.frames.pair("hip"), p.frames.pair("knee")
    half = hip + (0.5 + 0.22 * skirt.to(hip))[:, None, None] * (knee - hip)
    p.limbs("thigh", hip, half, t * 0.0475, t * (0.041 + 0.013 * skirt), upper)
    middle = t * (0.0395 - 0.003 * skirt) + cloth
    p.limbs("thigh", half, knee, middle, t * 0.0315 + cloth, lower)


def _shins(p: Parts, long: Tensor, look: tuple) -> None:
    t = _thin(p)
    cloth = t * 0.003 * long
    knee, ankle = p.frames.pair("knee"), p.frames.pair("ankle")
    calf, thick = torch.lerp(knee, ankle, 0.3), t * 0.0315 + cloth
    p.limbs("shin", knee, calf, t * 0.0305 + cloth, thick, look)
    p.limbs("shin", calf, ankle, thick, t * 0.0195 + 2 * cloth, look)


def add_feet(p: Parts) -> None:
    """Shoes: heel to ball, ball to toes, exactly as high as the sole's contact."""
    look = p.plain(p.clothes.shoes)
    rolls = soles(p.m)
    heel, ball, tip = (p.frames.pair(b, 0.0, -down, z) for b, down, z, _ in rolls)
    r0, r1, r2 = (radius for *_, radius in rolls)
    p.limbs("foot", heel, ball, r0, r1, look)
    p.limbs("foot", ball, tip, r1, r2, look)
    ankle = p.frames.pair("ankle")
    p.limbs("foot", ankle, ball, p.m["scale"] * 0.023, r1 * 0.9, look)
