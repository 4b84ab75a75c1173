"""The first explorer of notebook 17: few numbers make a body and move it."""

from __future__ import annotations

import math
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from poselab.draw import PREDICTION
from poselab.draw.overlay import legend, titled
from poselab.draw.scene3d import CAMERA, Shape, View, mesh, paint_scene3d, segments
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider
from poselab.explore.inputs import expect, remembered
from poselab.explore.pictures import beside
from poselab.explore.scene3d import Scene3d
from poselab.models.smpl import BodyModel, axis_angle_to_matrix

__all__ = ["BodyExplorer"]

MOVED = 0.001  # m: a vertex that moves less counts as still
ASIDE = View(-30, 10, 2.2, (0.0, 0.0, 0.0))
FRONT = View(**CAMERA, distance=2.2, target=(0.0, 0.0, 0.0))
_WORDS = 22  # px of letters: two pictures of this size are shown in 420 px
SIZE = (300, 300)  # px of one picture, height and width
_NOW, _THEN = "#222222", "#9A9A9A"


class BodyExplorer(Explorer):
    """Shape coefficients and the angles of one joint, and the mesh that they give.

    `model` is a `BodyModel` in metres with faces [F, 3]; `names` its joints' names.
    Where anywidget is there, the mesh is turned with the mouse or the arrow keys; else
    by two sliders.
    """

    def __init__(
        self,
        model: BodyModel,
        faces: Tensor,
        names: tuple[str, ...],
        *,
        width: int = 420,
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
        groups = {"Shape": self._shapes, "Pose": ("joint", "x", "y", "z")}
        self.canvas = None
        if Scene3d is not None:
            label = "A body's mesh and its joints. Arrow keys turn the view."
            self.canvas = Scene3d.of([], ASIDE, label=label, width=480, aspect=0.9)
        else:
            controls["yaw"] = slider("view, around", -180, 180, -30, 5)
            controls["pitch"] = slider("view, up", -20, 90, 10, 5)
            groups["View"] = ("yaw", "pitch")
        super().__init__(
            self._paint,
            controls,
            groups=groups,
            values=values,
            width=width,
            canvas=self.canvas,
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

    @remembered
    def at_rest(self, *betas: float) -> Image.Image:
        """The shaped body in its rest pose; grey are the joints of the template."""
        shape = torch.zeros(1, self.model.shape_directions.shape[2])
        shape[0, : len(betas)] = torch.tensor(betas)
        skin, joints = self.model.shaped(shape.to(self.model.template))
        mean = self.model.regressor @ self.model.template
        shapes = [mesh(skin[0].numpy(), self.faces.numpy())]
        shapes += [self._bones(mean, _THEN), self._bones(joints[0], _NOW)]
        return paint_scene3d(shapes, FRONT, SIZE)

    def _bones(self, joints: Tensor, colour: str, radius: float = 3.0) -> Shape:
        lines = [(p, k) for k, p in enumerate(self.model.parents) if p >= 0]
        return segments(joints.numpy(), lines, colour, radius=radius, width=2.0)

    def _skinned(self, rest: Tensor, posed: Tensor, joints: Tensor) -> list[Shape]:
        moved = ((posed - rest).norm(dim=-1) > MOVED).numpy()
        skin = mesh(posed.numpy(), self.faces.numpy(), marked=moved)
        return [skin, self._bones(joints, _NOW)]

    def _paint(self, joint, x, y, z, yaw=None, pitch=None, **shapes):
        angles = tuple(math.radians(a) for a in (x, y, z))
        betas = tuple(shapes[name] for name in self._shapes)
        rest, posed, joints = self.bodies(joint, angles, betas)
        self._now = self._skinned(rest, posed, joints)
        before = self.model.regressor @ rest
        bones = [self._bones(before, _THEN, 4.0), self._bones(joints, _NOW)]
        parts = [
            titled(self.at_rest(*betas), "at rest (grey: template)", _WORDS),
            titled(paint_scene3d(bones, FRONT, SIZE), "turned (grey: at rest)", _WORDS),
        ]
        if self.canvas is not None:
            self.canvas.show(self._now)
        else:
            view = View(yaw, pitch, ASIDE.distance, ASIDE.target)
            parts.append(
                titled(paint_scene3d(self._now, view, SIZE), "the mesh", _WORDS)
            )
        marks = {"skin that this joint moves": PREDICTION, "joints": _NOW}
        sheet = legend(beside(*parts), marks, _WORDS)
        moved = int(((posed - rest).norm(dim=-1) > MOVED).sum())
        return sheet, self._words(rest, moved, joint, (x, y, z))

    def _words(self, rest: Tensor, moved: int, joint: str, angles: tuple) -> str:
        tall = float(rest[:, 1].max() - rest[:, 1].min())
        x, y, z = angles
        return (
            f"{len(self._shapes)} of {self.model.shape_directions.shape[2]} shape "
            f"coefficients, stature {tall:.2f} m. The {joint.replace('_', ' ')} turned "
            f"by ({x}°, {y}°, {z}°), axis times angle, moves {moved} of {len(rest)} "
            f"vertices."
        )

    def _still(self) -> Image.Image:
        if self.canvas is None:
            return self._image
        return beside(self._image, paint_scene3d(self._now, ASIDE, (384, 420)))
