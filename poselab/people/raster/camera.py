"""The camera of a scene: a batch of pinholes above a ground plane.

World: millimetres, right-handed, x right, y up, ground y = 0. The camera of an image
stands at (0, height, distance), looks along -z and is pitched down by `pitch`, so a
person at the origin who faces +z looks at it. Camera frame: x right, y down, z forward
(Hartley & Zisserman, Multiple View Geometry, section 6.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.people.table import Table


@dataclass
class Camera(Table):
    """S cameras: fx, fy, cx, cy px; pitch rad (down is positive); height, distance mm.

    Every field is [S]. (cx, cy) is in pixel-centre coordinates and may lie anywhere: an
    image cropped around a person keeps the pitch and moves the principal point.
    """

    fx: Tensor
    fy: Tensor
    cx: Tensor
    cy: Tensor
    pitch: Tensor
    height: Tensor
    distance: Tensor

    @property
    def intrinsics(self) -> Tensor:
        """The camera matrices [S, 3, 3] px."""
        zero, one = torch.zeros_like(self.fx), torch.ones_like(self.fx)
        rows = (self.fx, zero, self.cx, zero, self.fy, self.cy, zero, zero, one)
        return torch.stack(rows, -1).unflatten(-1, (3, 3))

    @property
    def rotation(self) -> Tensor:
        """World directions to camera directions, [S, 3, 3]; rows right, down, ahead."""
        s, c = self.pitch.sin(), self.pitch.cos()
        zero, one = torch.zeros_like(s), torch.ones_like(s)
        rows = (one, zero, zero, zero, -c, s, zero, -s, -c)
        return torch.stack(rows, -1).unflatten(-1, (3, 3))

    @property
    def position(self) -> Tensor:
        """Where the cameras stand in the world, [S, 3] mm."""
        return torch.stack([torch.zeros_like(self.fx), self.height, self.distance], -1)

    def from_world(self, points: Tensor) -> Tensor:
        """World points [S, ..., 3] mm in the camera frame, [S, ..., 3] mm."""
        flat = points.flatten(1, -2) - self.position[:, None]  # [S, M, 3]
        return (flat @ self.rotation.transpose(-1, -2)).view_as(points)

    def turn(self, directions: Tensor) -> Tensor:
        """World directions [S, ..., 3] in the camera frame."""
        flat = directions.flatten(1, -2)
        return (flat @ self.rotation.transpose(-1, -2)).view_as(directions)

    def project(self, points: Tensor) -> Tensor:
        """Camera-frame points [S, ..., 3] mm as pixels [S, ..., 2]."""
        shape = (-1,) + (1,) * (points.dim() - 2)
        names = ("fx", "fy", "cx", "cy")
        fx, fy, cx, cy = (getattr(self, name).view(shape) for name in names)
        z = points[..., 2].clamp(min=1.0)
        u, v = fx * points[..., 0] / z + cx, fy * points[..., 1] / z + cy
        return torch.stack([u, v], -1)

    @property
    def horizon(self) -> Tensor:
        """The row [S] px at which the ground ends."""
        return self.cy - self.fy * self.pitch.tan()

    def ground(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """What row v sees of the ground: (depth, distance along the ground), [S, R] mm.

        Depth is along the optical axis; both are inf at and above the horizon.
        """
        y = (rows - self.cy[:, None]) / self.fy[:, None]  # [S, R]
        s, c = self.pitch.sin()[:, None], self.pitch.cos()[:, None]
        fall = y * c + s  # how fast the ray sinks
        depth = torch.where(fall > 1e-4, self.height[:, None] / fall, torch.inf)
        return depth, depth * (c - y * s)


def frame(camera: Camera, points: Tensor, box: Tensor) -> Camera:
    """The same cameras, zoomed and shifted so that `points` fill `box`.

    points [S, M, 3] mm in the camera frame; box [S, 4] xywh px (edges). The larger of
    the two relative extents fills its side, the other is centred. This is what cropping
    and resizing a large picture does to its camera matrix: K' = A K.
    """
    rays = points[..., :2] / points[..., 2:].clamp(min=1.0)  # [S, M, 2]
    low, high = rays.amin(1), rays.amax(1)
    focal = (box[:, 2:] / (high - low).clamp(min=1e-6)).amin(-1)  # [S]
    centre = box[:, :2] + box[:, 2:] / 2 - 0.5
    cx, cy = (centre - focal[:, None] * (low + high) / 2).unbind(-1)
    return Camera(focal, focal, cx, cy, camera.pitch, camera.height, camera.distance)
