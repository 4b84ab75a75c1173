"""The explorer of notebook 05: a pose that corrects itself, from wherever it starts."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.codecs.ief import with_pose
from poselab.draw import (
    LEFT,
    PREDICTION,
    RIGHT,
    TRUTH,
    font,
    paint_arrows,
    paint_mask,
    paint_pose,
    to_bytes,
    to_pil,
)
from poselab.draw.overlay import legend
from poselab.explore.base import Explorer
from poselab.explore.canvas import JointCanvas
from poselab.explore.controls import image_slider, slider, toggle
from poselab.explore.inputs import expect, remembered, single_people
from poselab.explore.pictures import beside
from poselab.models.ief import IterativeFeedback
from poselab.records import Sample

__all__ = ["FeedbackExplorer"]

_SCALE, _PANEL = 4, 170  # of the photo; px, the width of the bars beside it
_STEPS = 8  # shown at most: twice as many as the network was trained for
_GREY = "#888888"
_FREE = 20.0  # px, the right end of the bound's slider: no bound


def turned(points: Tensor, degrees: float, dx: float = 0, dy: float = 0) -> Tensor:
    """A pose [J, 2] px turned about its middle, clockwise on the screen, then moved."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    middle = (points.amin(0) + points.amax(0)) / 2
    matrix = points.new_tensor([[cos, sin], [-sin, cos]])
    return (points - middle) @ matrix + middle + points.new_tensor([dx, dy])


class FeedbackExplorer(Explorer):
    """Iterative error feedback step by step, on single-person images.

    `network` is an `IterativeFeedback`, `samples` a stacked `Sample` with one person
    per image. The start pose (grey) is dragged on the canvas, joint by joint, or turned
    and moved as a whole by sliders, which begin again from the mean pose. The picture
    shows the pose after a chosen step, arrows for the corrections, and bars for the
    mean error. "at most" bounds every step at test time; "what f sees" shows the pose
    as the network gets it for the next step.
    """

    def __init__(
        self, network: IterativeFeedback, samples: Sample, *, width: int = 460, **values
    ) -> None:
        fix = "zoo.load('ief_tiny') is one."
        expect(network, IterativeFeedback, "network", fix)
        self.network = network.truncated(max(_STEPS, network.stages)).eval()
        self.trained = network.stages
        self.samples, self.skeleton = single_people(samples), samples.skeleton
        self.start = network.start.detach().cpu()  # [J, 2] px, dragged or turned
        self.canvas = self._make_canvas(width)
        super().__init__(
            self._paint,
            self._make_controls(),
            groups=_GROUPS,
            values=values,
            canvas=self.canvas,
            width=width if self.canvas else 760,
        )

    # --- the network -----------------------------------------------------------------

    @remembered
    def _answer(self, index: int, limit: float, start: tuple) -> tuple[Tensor, ...]:
        """The poses y_0, y_1, ..., [J, 2] px each."""
        device = self.network.start.device
        begin = torch.tensor(start)
        image = self.samples.image[index][None].to(device)
        poses = self.network(image, begin.to(device), limit)
        return (begin, *(pose[0].cpu() for pose in poses))

    def poses(self, image: int, limit: float = math.inf) -> tuple[Tensor, ...]:
        """The start pose as it is now and the pose after each step, [J, 2] px each."""
        start = tuple(tuple(point) for point in self.start.tolist())
        return self._answer(image, limit, start)

    def errors(self, image: int, limit: float = math.inf) -> list[float]:
        """Mean distance in px to the labelled joints, at the start and after steps."""
        truth = self.samples.keypoints[image, 0]
        known = self.samples.visibility[image, 0] > 0
        return [
            float((pose - truth).norm(dim=-1)[known].mean())
            for pose in self.poses(image, limit)
        ]

    # --- controls and canvas ---------------------------------------------------------

    def _make_controls(self) -> dict[str, Any]:
        controls = {
            "image": image_slider(self.samples),
            "step": slider("step", 0, self.network.stages, self.trained),
            "limit": slider("at most (px)", 0.5, _FREE, _FREE, 0.5),
            "turn": slider("turn start (°)", -180, 180, 0, 5),
            "dx": slider("move x (px)", -32, 32, 0),
            "dy": slider("move y (px)", -32, 32, 0),
            "truth": toggle("truth", True),
            "arrows": toggle("arrows", True),
            "seen": toggle("what f sees", False),
        }
        for name in ("turn", "dx", "dy"):
            controls[name].observe(self._place, "value")
        if self.canvas:
            controls["image"].observe(self._change_photo, "value")
        return controls

    def _make_canvas(self, width: int):
        if JointCanvas is None:
            return None
        label = "The start pose. Drag its joints; arrow keys move the selected one."
        canvas = JointCanvas.over(
            to_pil(self.samples.image[0], _SCALE),
            self.skeleton,
            label=label,
            points=self.start.tolist(),
            visibility=[2] * len(self.skeleton),
            width=round(0.7 * width),
            step=0.5,
        )
        canvas.size = list(self.samples.size)
        canvas.observe(self._hear, "points")
        return canvas

    def _place(self, change: Any) -> None:
        """A slider turned or moved the start: begin again from the mean pose."""
        turn, dx, dy = (self.controls[name].value for name in ("turn", "dx", "dy"))
        self._begin(turned(self.network.start.detach().cpu(), turn, dx, dy))

    def _begin(self, points: Tensor) -> None:
        with self._hold():
            self.start = points
            if self.canvas:
                self.canvas.points = points.tolist()

    def _begin_again(self) -> None:
        self._place(None)  # also where only joints were dragged

    def _hear(self, change: Any) -> None:
        """A joint was dragged on the canvas."""
        points = torch.tensor(self.canvas.points, dtype=torch.float32)
        if not torch.equal(points, self.start):
            self.start = points
            self._request()

    def _change_photo(self, change: Any) -> None:
        self.canvas.image = to_bytes(to_pil(self.samples.image[change["new"]], _SCALE))

    # --- the picture -----------------------------------------------------------------

    def _paint(self, image, step, limit, turn, dx, dy, **show) -> tuple:
        bound = math.inf if limit >= _FREE else limit
        poses, errors = self.poses(image, bound), self.errors(image, bound)
        photo = self._photo(self.samples[image], poses, step, show)
        picture = beside(photo, _bars(errors, step, self.trained, photo.height))
        return legend(picture, _MARKS), (
            f"Image {image}: {errors[0]:.1f} px off at the start, "
            f"{errors[step]:.1f} px after step {step} (trained for {self.trained}"
            + (")" if bound == math.inf else f", each at most {limit:.1f} px)")
            + f". The joints moved by {self._moved(poses, step):.1f} px in this step."
        )

    def _moved(self, poses, step: int) -> float:
        """The mean length of the last correction, px."""
        return float((poses[step] - poses[max(0, step - 1)]).norm(dim=-1).mean())

    def _photo(self, sample: Sample, poses, step: int, show) -> Image.Image:
        photo = to_pil(sample.image, _SCALE)
        if show["seen"]:
            blank = sample.image.new_zeros(1, 0, *sample.size)
            maps = with_pose(blank, poses[step][None], self.network.sigma)[0]
            photo = paint_mask(photo, maps > math.exp(-0.5), alpha=0.5)  # one sigma
        if show["truth"]:
            photo = paint_pose(
                photo,
                sample.keypoints[0],
                sample.visibility[0],
                self.skeleton,
                _SCALE,
                colour=TRUTH,
                size=3,
            )
        photo = paint_pose(
            photo, poses[0], None, self.skeleton, _SCALE, colour=_GREY, size=3
        )
        if step:
            photo = paint_pose(photo, poses[step], None, self.skeleton, _SCALE, size=5)
        if show["arrows"]:
            for a, b in pairwise(poses[: step + 1]):
                photo = paint_arrows(photo, a, b, _SCALE)
        return photo


_MARKS = {
    "start": (_GREY, "line"),
    "truth": (TRUTH, "line"),
    "left side": LEFT,
    "right side": RIGHT,
    "corrections": (PREDICTION, "line"),
}
_GROUPS = {
    "Input": ("image",),
    "Start pose": ("turn", "dx", "dy"),
    "Steps": ("step", "limit"),
    "Show": ("truth", "arrows", "seen"),
}


def _bars(errors: list[float], step: int, trained: int, height: int) -> Image.Image:
    """A bar per step for the mean error; a line after the last step of training."""
    panel = Image.new("RGB", (_PANEL, height), "white")
    pen = ImageDraw.Draw(panel)
    pen.text((0, 4), "mean error", "black", font(17))
    longest = max(20.0, *errors)
    for s, error in enumerate(errors):
        y = 36 + 30 * s + (8 if s > trained else 0)
        end = 4 + (_PANEL - 92) * error / longest
        pen.rectangle([0, y, end, y + 22], fill=PREDICTION if s == step else "#BBBBBB")
        pen.text((end + 6, y), f"{s}: {error:.1f} px", "black", font(17))
    y = 36 + 30 * (trained + 1)
    pen.line([0, y, _PANEL, y], fill="black", width=2)
    return panel
