"""The first explorer of notebook 17: few numbers make a body and move it."""

from __future__ import annotations

import math
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from poselab.draw import PREDICTION
from poselab.draw.overlay import legend, titled
from poselab.draw.scene3d import CAMERA, View, mesh, paint_scene3d, segments
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider
from poselab.explore.inputs import expect
from poselab.explore.pictures import beside
from poselab.models.smpl import BodyModel, axis_angle_to_matrix

__all__ = ["BodyExplorer"]

MOVED = 0.001  # m: a vertex that moves less counts as still


class BodyExplorer(Explorer):
    """Shape coefficients and the angles of one joint, and the mesh that they give.

    `model` is a `BodyModel` in metres with faces [F, 3]; `names` its joints' names.
    """

    def __init__(
        self,
        model: BodyModel,
        faces: Tensor,
        names: tuple[str, ...],
        *,
        width: int = 760,
        **values: Any,
    ) -> None:
        self.model, self.faces = expect(model, BodyModel, "model"), faces
        self.names = tuple(names)
        start = "left_elbow" if "left_elbow" in names else names[-1]
        words = [(name.replace("_", " "), name) for name in names]
        controls = {
            f"shape{i + 1}": slider(f"shape {i + 1}", -3.0, 3.0, 0.0, 0.25)
            for i in range(min(3, model.shape_directions.shape[2]))
        }
        self._shapes = tuple(controls)
        controls["joint"] = choice("joint", words, start)
        for axis in "xyz":
            controls[axis] = slider(f"turn about {axis}, °", -180, 180, 0, 5)
        controls["z"].value = -60
        controls["yaw"] = slider("view, around", -180, 180, -30, 5)
        groups = {
            "Shape": self._shapes,
            "Pose": ("joint", "x", "y", "z"),
            "View": ("yaw",),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    def bodies(self, joint: str, angles: tuple, betas: tuple) -> tuple[Tensor, ...]:
        """Vertices [V, 3] m at rest and posed, joints [K, 3] m of the posed body."""
        own = self.model.template
        shape = torch.zeros(1, self.model.shape_directions.shape[2]).to(own)
        shape[0, : len(betas)] = torch.tensor(betas).to(own)
        turns = torch.zeros(1, len(self.names), 3).to(own)
        turns[0, self.names.index(joint)] = torch.tensor(angles).to(own)
        body = self.model(shape, axis_angle_to_matrix(turns))
        return self.model.shaped(shape)[0][0], body.vertices[0], body.joints[0]

    def _paint(self, joint, x, y, z, yaw, **shapes):
        angles = tuple(math.radians(a) for a in (x, y, z))
        betas = tuple(shapes[name] for name in self._shapes)
        rest, posed, joints = self.bodies(joint, angles, betas)
        moved = (posed - rest).norm(dim=-1) > MOVED
        skin = mesh(posed.numpy(), self.faces.numpy())
        dots = segments(posed[moved].numpy(), (), PREDICTION, radius=1.3, alpha=0.6)
        bones = [(p, k) for k, p in enumerate(self.model.parents) if p >= 0]
        inside = segments(joints.numpy(), bones, "#222222", radius=3.0, width=2.0)
        views = (View(**CAMERA, distance=2.2, target=(0, 0, 0)),)
        views += (View(yaw, 10, 2.2, (0, 0, 0)),)
        front, aside = (_seen([skin], views[0]), _seen([skin, dots, inside], views[1]))
        sheet = beside(titled(front, "the mesh"), titled(aside, "joints, what moves"))
        marks = {"vertices that this joint moves": PREDICTION, "joints": "#222222"}
        tall = float(rest[:, 1].max() - rest[:, 1].min())
        return legend(sheet, marks), (
            f"{len(betas)} of {self.model.shape_directions.shape[2]} shape "
            f"coefficients, stature {tall:.2f} m. The {joint.replace('_', ' ')} turned "
            f"by ({x}°, {y}°, {z}°), axis times angle, moves "
            f"{int(moved.sum())} of {len(rest)} vertices."
        )


def _seen(shapes: list, view: View) -> Image.Image:
    return paint_scene3d(shapes, view, (370, 370))
