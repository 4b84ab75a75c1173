"""The explorer of notebook 14 about what a picture cannot tell: other poses, same
pixels."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from poselab.draw import PREDICTION, TRUTH, paint_pose, to_pil
from poselab.draw.overlay import legend, titled
from poselab.draw.scene3d import SIDE, Shape, View, frustum, paint_scene3d, person
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, slider
from poselab.explore.inputs import single_people
from poselab.explore.pictures import beside
from poselab.explore.scene3d import Scene3d
from poselab.geometry import project
from poselab.metrics import mpjpe, pa_mpjpe
from poselab.pipelines.kinematics import turned_limb
from poselab.records import Sample

__all__ = ["TwinExplorer"]

_LIMBS = {
    "nothing": (),
    "left forearm": (("left_elbow", "left_wrist"),),
    "right forearm": (("right_elbow", "right_wrist"),),
    "both forearms": (("left_elbow", "left_wrist"), ("right_elbow", "right_wrist")),
    "left shin": (("left_knee", "left_ankle"),),
    "right shin": (("right_knee", "right_ankle"),),
}
_WORDS = 22  # px of letters: two pictures stand side by side in 420 px


class TwinExplorer(Explorer):
    """A person, and another one who gives the same pixels.

    `samples` is a stacked `Sample` with one person per image, joints_3d and intrinsics.
    The twin is `size` times as large and as far away, or has limbs at their other
    depth (`limb`). Where anywidget is there, the view in 3D is turned with the mouse or
    the arrow keys; else by two sliders.
    """

    def __init__(self, samples: Sample, *, width: int = 420, **values: Any) -> None:
        self.samples = single_people(samples)
        self.skeleton = samples.skeleton
        names = [(name, name) for name in _LIMBS]
        controls = {
            "image": image_slider(samples),
            "size": slider("size of the twin", 0.5, 1.5, 1.3, 0.05),
            "limb": choice("turned limb", names, "nothing"),
        }
        shapes, view = self._scene(0, values.get("size", 1.3), "nothing")
        self.canvas = None
        if Scene3d is not None:
            label = "A person in green and the twin in pink. Arrow keys turn the view."
            self.canvas = Scene3d.of(shapes, view, label=label, width=480, aspect=0.8)
        else:
            controls["yaw"] = slider("view, around", -180, 180, -35, 5)
            controls["pitch"] = slider("view, up", -20, 90, 20, 5)
        super().__init__(
            self._paint, controls, values=values, width=width, canvas=self.canvas
        )

    def pair(self, image: int, size: float, limb: str) -> tuple[Tensor, Tensor]:
        """The person's joints and the twin's, [J, 3] mm each."""
        mine = self.samples.joints_3d[image, 0]
        other = mine
        for start, end in _LIMBS[limb]:
            other = turned_limb(other, start, end, self.skeleton)
        return mine, size * other

    def _scene(self, image: int, size: float, limb: str) -> tuple[list[Shape], View]:
        mine, other = self.pair(image, size, limb)
        reach = float(torch.cat([mine, other])[:, 2].max()) / 1000  # m
        edges = frustum(self.samples.intrinsics[image], self.samples.size, reach)
        shapes = [
            {**edges, "colour": "#999999"},
            *person(mine, self.skeleton, TRUTH, width=4.0),
            *person(other, self.skeleton, PREDICTION, width=4.0),
        ]
        middle = torch.cat([mine, other]).mean(0) / 1000
        return shapes, View(-50, 20, max(2.5, 0.75 * reach), tuple(middle.tolist()))

    def _paint(self, image, size, limb, yaw=None, pitch=None):
        mine, other = self.pair(image, size, limb)
        shapes, view = self._scene(image, size, limb)
        if self.canvas is not None:
            self.canvas.shapes = shapes
            kept = {k: self.canvas.view[k] for k in ("yaw", "pitch")}
            new = {"distance": view.distance, "target": list(view.target)}
            self.canvas.view = kept | new
            turn = SIDE
        else:
            turn = {"yaw": yaw, "pitch": pitch}
        aside = View(**turn, distance=view.distance, target=view.target)
        sheet = beside(
            titled(self._seen(image, mine, other), "what the camera sees", _WORDS),
            titled(
                paint_scene3d(shapes, aside, (384, 300)), "the same in space", _WORDS
            ),
        )
        marks = {"the person": TRUTH, "the twin": PREDICTION}
        return legend(sheet, marks, _WORDS), self._words(image, mine, other, size, limb)

    def _seen(self, image: int, mine: Tensor, other: Tensor) -> Image.Image:
        sample = self.samples[image]
        picture = to_pil(sample.image, 3)
        for joints, colour, mark in ((mine, TRUTH, 6.0), (other, PREDICTION, 2.5)):
            points = project(joints, sample.intrinsics)
            picture = paint_pose(
                picture, points, None, self.skeleton, 3, colour=colour, size=mark
            )
        return picture

    def _words(self, image, mine, other, size, limb) -> str:
        k = self.samples.intrinsics[image]
        apart = (project(mine, k) - project(other, k)).norm(dim=-1).max()
        error = mpjpe(other, mine, skeleton=self.skeleton)
        shape = pa_mpjpe(other, mine)
        far, near = (float(x[:, 2].mean()) / 1000 for x in (mine, other))
        return (
            f"Image {image}: the person is {far:.1f} m away, the twin is {size:g} "
            f"times as large and {near:.1f} m away, with {limb} turned. Largest "
            f"difference of their pixels: {apart:.2f} px. MPJPE between them "
            f"{error:.0f} mm, PA-MPJPE {shape:.0f} mm."
        )

    def _still(self) -> Image.Image:
        values = self.values
        names = ("image", "size", "limb")
        shapes, view = self._scene(*(values[name] for name in names))
        return beside(self._image, paint_scene3d(shapes, view, (384, 420)))
