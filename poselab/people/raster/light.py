"""The light of a scene and how a surface looks in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.raster.camera import Camera
from poselab.people.table import Table

EDGE = 0.26  # how much darker a surface is where it turns away from the viewer
WRAP = 0.25  # how far light reaches around a body


@dataclass
class Light(Table):
    """One far lamp per image and the light of the sky.

    direction [S, 3] towards the lamp in the world, unit length; colour [S, 3] of the
    lamp, ambient [S, 3] of everything else.
    """

    direction: Tensor
    colour: Tensor
    ambient: Tensor

    def table(self, camera: Camera) -> Tensor:
        """[S, 9]: direction in the camera frame, colour, ambient."""
        seen = camera.turn(self.direction[:, None])[:, 0]
        return torch.cat([seen, self.colour, self.ambient], -1)


def sample_light(n: int, generator: torch.Generator) -> Light:
    """Draw `n` lights from above and in front or beside, warm to cool, soft to hard."""
    u = torch.rand(n, 6, generator=generator, device=generator.device)
    yaw, rise = (u[:, 0] - 0.5) * 4.0, 0.35 + 0.85 * u[:, 1]
    flat = rise.cos()
    direction = torch.stack([yaw.sin() * flat, rise.sin(), yaw.cos() * flat], -1)
    warm = 0.16 * (u[:, 2] - 0.5)
    tint = torch.stack([1 + warm, torch.ones_like(warm), 1 - warm], -1)
    hard = 0.35 + 0.45 * u[:, 3:4]
    bright = 1.1 + 0.3 * u[:, 4:5]
    return Light(direction, bright * hard * tint, bright * (1.02 - 0.72 * hard) / tint)


def shade(albedo: Tensor, normal: Tensor, view: Tensor, lamp: Tensor) -> Tensor:
    """The colour of surfaces: ambient, diffuse with wrap-around, darker edges.

    albedo, normal, view (unit, towards the surface), each [3, n]; lamp [9, n]: see
    `Light.table`. Returns [3, n]. Lambert's law with a soft terminator, after the half
    Lambert of Mitchell et al. 2007, "Illustrative rendering in Team Fortress 2".
    """
    facing = -(normal * view).sum(0)
    lambert = ((normal * lamp[:3]).sum(0) + WRAP).clamp_(min=0).mul_(1 / (1 + WRAP))
    sky = 0.85 - 0.15 * normal[1]  # y points down
    bright = torch.addcmul(lamp[6:9] * sky, lamp[3:6], lambert)
    return bright.mul_(albedo).mul_(facing.clamp_(0, 1).mul_(EDGE).add_(1 - EDGE))
