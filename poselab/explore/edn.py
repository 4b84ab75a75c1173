"""The second explorer of notebook 17: a dance moves from one body to another."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.draw import LEFT, PREDICTION, RIGHT, TRUTH, paint_pose
from poselab.draw.overlay import legend, titled
from poselab.explore.base import Explorer
from poselab.explore.controls import slider, toggle
from poselab.explore.inputs import remembered
from poselab.explore.pictures import beside
from poselab.people.body.motion import STYLE, cycle
from poselab.people.body.person import average_shape, joints
from poselab.pipelines.retarget import feet, retarget, stance
from poselab.skeleton import COCO_17

__all__ = ["DanceExplorer", "staged"]

SIZE = (300, 260)  # px, height and width of a film
FOCAL, CAMERA = 420.0, 1.2  # px, and m above the floor
FRAMES = 48


def staged(
    height: float = 1.72,
    distance: float = 5.0,
    *,
    child: float = 0.0,
    depth: float = 0.8,
    jump: float = 0.0,
    frames: int = FRAMES,
) -> tuple[Tensor, Tensor]:
    """The same dance by anybody: joints [T, 17, 2] px and [T, 17, 3] mm.

    Who dances is `height` m tall (`child` 0 to 1 decides proportions) and sways by
    `depth` m around `distance` m from a level camera 1.2 m above the floor; `jump` m is
    the height of a jump in the middle. The joints in 3D are the camera's: y down.
    """
    time = torch.arange(frames) / frames
    sway = (2 * torch.pi * time).sin()
    crouch = 0.25 - 0.25 * (6 * torch.pi * time).cos()
    pose = cycle("waving", (2 * time) % 1, torch.zeros(frames, STYLE), crouch)
    away = distance - depth * sway  # [T] m
    aside = 0.17 * height * (4 * torch.pi * time).sin()
    flight = (1 - ((time - 0.5) / 0.08) ** 2).clamp(min=0)  # from 0.42 to 0.58
    shape = average_shape(frames, 1000 * height, child)
    pose = pose.replace(
        position=torch.stack([1000 * aside, 0 * away], 1), lift=flight * jump / height
    )
    world = joints(shape, pose, COCO_17)  # [T, 17, 3] mm, y up, facing the camera
    x, y, z = world.unbind(-1)
    space = torch.stack([x, 1000 * CAMERA - y, 1000 * away[:, None] - z], -1)
    middle = torch.tensor([SIZE[1] / 2, SIZE[0] / 2]) - 0.5
    return FOCAL * space[..., :2] / space[..., 2:] + middle, space


class DanceExplorer(Explorer):
    """Source and target side by side; the target's pose with or without normalisation.

    The green skeleton is the dance as the target would dance it, which a film does not
    have; the pink one is the source's pose in the target's picture.
    """

    def __init__(self, *, width: int = 760, **values: Any) -> None:
        controls = {
            "frame": slider("frame", 0, FRAMES - 1, 12),
            "source": slider("source, m", 1.2, 2.0, 1.9, 0.05),
            "near": slider("source at, m", 4.0, 7.0, 4.0, 0.25),
            "target": slider("target, m", 1.2, 2.0, 1.3, 0.05),
            "away": slider("target at, m", 4.0, 7.0, 6.0, 0.25),
            "normalise": toggle("global pose normalisation", True),
        }
        groups = {
            "The dance": ("frame", "normalise"),
            "The bodies": ("source", "near", "target", "away"),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def film(self, height: float, distance: float) -> Tensor:
        """The dance of somebody of this height in m there, [T, 17, 2] px."""
        return staged(height, distance)[0]

    def poses(self, source, near, target, away, normalise) -> tuple[Tensor, ...]:
        """Joints [T, 17, 2] px each: the source's, the target's own, the answer."""
        theirs, own = self.film(source, near), self.film(target, away)
        answer = retarget(theirs, stance(theirs), stance(own)) if normalise else theirs
        return theirs, own, answer

    def _paint(self, frame, source, near, target, away, normalise):
        theirs, own, answer = self.poses(source, near, target, away, normalise)
        left = paint_pose(_stage(theirs), theirs[frame], None, COCO_17)
        right = paint_pose(
            _stage(own), own[frame], None, COCO_17, colour=TRUTH, size=4.5
        )
        right = paint_pose(
            right, answer[frame], None, COCO_17, colour=PREDICTION, size=2.5
        )
        sheet = beside(titled(left, "source"), titled(right, "target"), gap=16)
        marks = {
            "left": LEFT,
            "right": RIGHT,
            "target's own dance": TRUTH,
            "source's pose": PREDICTION,
            "where feet can be": ("#888888", "line"),
        }
        return legend(sheet, marks), self._words(frame, own, answer, normalise)

    def _words(self, frame, own, answer, normalise) -> str:
        gap = feet(answer)[:, 1] - feet(own)[:, 1]  # px, above 0 too low
        off = (answer - own).norm(dim=-1)
        how = "With" if normalise else "Without"
        return (
            f"{how} normalisation. Frame {frame}: the feet are {_height(gap[frame])} "
            f"(over the dance {_height(gap.mean())}); joints are off by "
            f"{off[frame].mean():.1f} px here and by {off.mean():.1f} px "
            f"over the dance."
        )


def _height(gap: Tensor) -> str:
    return f"{abs(gap):.1f} px too {'low' if gap > 0 else 'high'}"


def _stage(keypoints: Tensor) -> Image.Image:
    """An empty stage with two lines: the farthest and the nearest place of the feet."""
    picture = Image.new("RGB", (SIZE[1], SIZE[0]), "#EFEFEF")
    pen = ImageDraw.Draw(picture)
    one = stance(keypoints)
    pen.rectangle([0, one.far, SIZE[1], SIZE[0]], fill="#DDD6CC")
    for y in (one.far, one.near):
        pen.line([0, y, SIZE[1], y], fill="#888888", width=2)
    return picture
