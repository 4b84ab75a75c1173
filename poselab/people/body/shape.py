"""How a body is built: stature, proportions, and the lengths that follow from them.

Segment lengths as fractions of stature follow Drillis and Contini (1966) as printed in
Winter, "Biomechanics and Motor Control of Human Movement", figure 4.1, rounded and
moved from the skin to the joints' centres. Children have larger heads and shorter legs
(a head is 1/7.6 of an adult's stature and about 1/6 of a small child's).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.errors import require
from poselab.people.table import Table

# Fractions of stature along the spine, sole to top of the head: they add up to 1.
ANKLE, SHIN, THIGH = 0.043, 0.243, 0.245
WAIST, CHEST, BACK, NECK = 0.055, 0.085, 0.155, 0.058
HEAD, HEAD_ABOVE_JOINT = 0.132, 0.88
# Sideways, forwards and along the arms.
HIP, CLAVICLE, SHOULDER, CLAVICLE_UP = 0.052, 0.018, 0.085, 0.123
UPPER_ARM, FOREARM, HAND = 0.176, 0.148, 0.105
HEEL, BALL, TOE = 0.024, 0.067, 0.030
HEEL_RADIUS, BALL_RADIUS, TOE_RADIUS = 0.022, 0.0215, 0.017  # of the shoes


@dataclass
class Shape(Table):
    """N bodies; every field is [N].

    height mm from sole to crown; child 0 (adult) to 1 (about four years old); legs,
    arms, shoulders, hips, head and girth are factors around 1.
    """

    height: Tensor
    child: Tensor
    legs: Tensor
    arms: Tensor
    shoulders: Tensor
    hips: Tensor
    head: Tensor
    girth: Tensor

    def replace(self, **changes) -> Shape:
        """A copy with some fields changed; a number stands for all N bodies."""
        full = {
            k: torch.full_like(self.height, v) if isinstance(v, int | float) else v
            for k, v in changes.items()
        }
        return super().replace(**full)


def average_shape(n: int = 1, height: float = 1720.0, child: float = 0.0) -> Shape:
    """`n` bodies of average proportions, `height` in mm."""
    one = torch.ones(n)
    return Shape(one * height, one * child, *(one.clone() for _ in range(6)))


def sample_shape(
    n: int,
    generator: torch.Generator,
    children: float = 0.2,
    height: float | None = None,
    child: float | None = None,
) -> Shape:
    """Draw `n` bodies; a fraction `children` of them are children.

    `height` (mm) and `child` (0 to 1), where given, replace what was drawn; `child`
    without `height` also decides how tall they are.
    """
    require(
        0 <= children <= 1, "must be between 0 and 1", where="children", value=children
    )
    draw = torch.rand(n, 4, generator=generator, device=generator.device)
    normal = torch.randn(n, 7, generator=generator, device=generator.device)
    normal = normal.clamp(-2.2, 2.2)
    is_child = draw[:, 0] < children
    age = torch.where(is_child, 0.15 + 0.85 * draw[:, 1], torch.zeros_like(draw[:, 1]))
    if child is not None:
        age = torch.full_like(age, child)
    # About 1.70 m grown up; 1.05 m at child = 1, where most are about four years old.
    tall = (1.0 - 0.385 * age) * (1710 + 80 * normal[:, 0])
    if height is not None:
        tall = torch.full_like(tall, height)
    spread = torch.tensor([0.025, 0.025, 0.045, 0.05, 0.03, 0.10], device=draw.device)
    factors = 1 + normal[:, 1:] * spread
    build = 0.05 * (draw[:, 2] * 2 - 1) * (1 - age)  # broad shoulders, narrow hips
    factors[:, 2] += build
    factors[:, 3] -= build
    return Shape(tall, age, *factors.unbind(1))


def measures(shape: Shape) -> dict[str, Tensor]:
    """Lengths in mm, [N] each; along the spine they add up to the stature."""
    leg = shape.legs * (1 - 0.09 * shape.child)
    head = HEAD * shape.head * (1 + 0.30 * shape.child)
    up = {"ankle": ANKLE * leg, "shin": SHIN * leg, "thigh": THIGH * leg}
    up |= {
        name: torch.full_like(leg, value)
        for name, value in {"waist": WAIST, "chest": CHEST, "back": BACK}.items()
    }
    up |= {"neck": NECK * (1 - 0.25 * shape.child), "crown": HEAD_ABOVE_JOINT * head}
    scale = shape.height / torch.stack(list(up.values())).sum(0)
    out = {name: value * scale for name, value in up.items()}
    out |= {"head": head * scale, "hip": HIP * shape.hips * scale}
    out |= {"clavicle": CLAVICLE * scale, "clavicle_up": CLAVICLE_UP * scale}
    out |= {"shoulder": SHOULDER * shape.shoulders * scale}
    for name, value in {
        "upper_arm": UPPER_ARM,
        "forearm": FOREARM,
        "hand": HAND,
    }.items():
        out[name] = value * shape.arms * (1 - 0.05 * shape.child) * scale
    foot = {
        "heel": HEEL,
        "ball": BALL,
        "toe": TOE,
        "heel_radius": HEEL_RADIUS,
        "ball_radius": BALL_RADIUS,
        "toe_radius": TOE_RADIUS,
    }
    out |= {name: value * scale * leg for name, value in foot.items()}
    out["scale"] = scale  # one stature of an average adult of this size
    return out
