"""People in three dimensions as a picture: shapes, a view, and a Pillow painter.

`explore.Scene3d` draws the same shapes in the browser. Coordinates are metres in the
camera's frame: x to the right, y down, z away from the camera.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw
from torch import Tensor

from poselab.draw.paint import font
from poselab.draw.styles import PREDICTION, limb_side
from poselab.errors import require_shape
from poselab.skeleton import COCO_17, COLOURS, Skeleton

NEAR = 0.05  # metres in front of the eye: what is closer is not drawn
FIELD = 0.9  # the eye's focal length in heights of the picture
LIGHT = (-0.4, -0.8, -0.45)  # the direction to the light, for meshes
DARK = 0.45  # of its colour is what a face keeps that the light does not reach
Shape = dict[str, Any]


@dataclass(frozen=True)
class View:
    """An eye that looks at `target` [3] m from `distance` m.

    `yaw` turns it around the vertical, `pitch` lifts it above the horizon, in degrees:
    pitch 90 is a bird's view, yaw 0 and pitch 0 look as the camera does.
    """

    yaw: float = -35.0
    pitch: float = 20.0
    distance: float = 6.0
    target: tuple[float, float, float] = (0.0, 0.0, 4.0)

    def project(self, points: Any, size: tuple[int, int]) -> np.ndarray:
        """Points [N, 3] m -> [N, 3]: x and y in px of a picture (H, W), depth in m."""
        points = np.asarray(points, dtype=float).reshape(-1, 3)
        turned = (points - self.target) @ self._rotation().T
        depth = turned[:, 2] + self.distance
        scale = FIELD * size[0] / np.maximum(depth, NEAR)
        x, y = size[1] / 2 + scale * turned[:, 0], size[0] / 2 + scale * turned[:, 1]
        return np.stack([x, y, depth], 1)

    def _rotation(self) -> np.ndarray:
        a, b = math.radians(self.yaw), -math.radians(self.pitch)  # y points down
        ca, sa, cb, sb = math.cos(a), math.sin(a), math.cos(b), math.sin(b)
        return np.array(
            [[ca, 0, sa], [-sa * sb, cb, ca * sb], [-sa * cb, -sb, ca * cb]]
        )


BIRD = {"yaw": 0.0, "pitch": 90.0}
SIDE = {"yaw": -90.0, "pitch": 5.0}
CAMERA = {"yaw": 0.0, "pitch": 0.0}


def segments(
    points: Any,
    lines: Iterable[Sequence[int]],
    colour: str,
    *,
    width: float = 2.5,
    radius: float = 0.0,
    alpha: float = 1.0,
    dash: bool = False,
) -> Shape:
    """Lines between points [N, 3] m, with dots of `radius` px on them, as a shape."""
    return {
        "points": np.round(np.asarray(points, dtype=float), 4).tolist(),
        "lines": [[int(a), int(b)] for a, b in lines],
        "colour": colour,
        "width": width,
        "radius": radius,
        "alpha": alpha,
        "dash": dash,
    }


def person(
    joints: Tensor,
    skeleton: Skeleton = COCO_17,
    colour: str | None = None,
    **style: Any,
) -> list[Shape]:
    """Joints [J, 3] mm in the camera's frame as shapes, one for each side.

    Left, right and middle have the course's colours; `colour` gives all of them one.
    """
    require_shape("joints", joints, len(skeleton), 3)
    metres, shapes = (joints / 1000).tolist(), []
    style = {"radius": 3.0, **style}
    for side in ("left", "right", "middle"):
        limbs = [limb for limb in skeleton.limbs if limb_side(skeleton, *limb) == side]
        own = [i for i, s in enumerate(skeleton.sides) if s == side]
        used = sorted({j for limb in limbs for j in limb} | set(own))
        place = {joint: i for i, joint in enumerate(used)}
        lines = [(place[a], place[b]) for a, b in limbs]
        points = [metres[j] for j in used]
        shapes.append(segments(points, lines, colour or COLOURS[side], **style))
    return shapes


def ground(
    height: float, near: float = 0.0, far: float = 10.0, half: float = 4.0
) -> Shape:
    """A grid of metres on the plane y = `height` m, from z = `near` to `far`."""
    points, lines = [], []
    for x in np.arange(-half, half + 0.5):
        points += [[x, height, near], [x, height, far]]
    for z in np.arange(near, far + 0.5):
        points += [[-half, height, z], [half, height, z]]
    lines = [(i, i + 1) for i in range(0, len(points), 2)]
    return segments(points, lines, "#BBBBBB", width=1.0)


def frustum(intrinsics: Tensor, size: tuple[int, int], depth: float = 1.0) -> Shape:
    """What a camera [3, 3] px sees of (H, W) px up to `depth` m, as four edges."""
    height, width = size
    corners = torch.tensor(
        [
            [-0.5, -0.5],
            [width - 0.5, -0.5],
            [width - 0.5, height - 0.5],
            [-0.5, height - 0.5],
        ],
        dtype=torch.float64,
    )
    rays = torch.cat([corners, torch.ones(4, 1, dtype=torch.float64)], 1)
    rays = rays @ torch.linalg.inv(intrinsics.double()).T * depth  # [4, 3] m
    points = [[0.0, 0.0, 0.0], *rays.tolist()]
    lines = [(0, i) for i in range(1, 5)] + [(1, 2), (2, 3), (3, 4), (4, 1)]
    return segments(points, lines, "#009E73", width=1.5)


def mesh(
    vertices: Any,
    faces: Any,
    colour: str = "#C9A27E",
    *,
    marked: Any = None,
    mark: str = PREDICTION,
) -> Shape:
    """Triangles [F, 3] between vertices [V, 3] m, lit from above, as a shape.

    Seen from outside, the corners of a face are in counterclockwise order. `marked` [V]
    are vertices whose faces have the colour `mark` (all three corners marked).
    """
    points, faces = np.asarray(vertices, dtype=float), np.asarray(faces, dtype=int)
    corners = points[faces]  # [F, 3, 3]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    light = np.asarray(LIGHT) / np.linalg.norm(LIGHT)
    own = np.zeros(len(points), dtype=bool) if marked is None else np.asarray(marked)
    return {
        "points": points,
        "faces": faces,
        "inks": [list(ImageColor.getrgb(name)) for name in (colour, mark)],
        "marked": own[faces].all(1),
        "shade": DARK + (1 - DARK) * np.clip(normal @ light, 0, 1),
    }


def paint_scene3d(
    shapes: Sequence[Shape],
    view: View | None = None,
    size: tuple[int, int] = (400, 560),
    labels: Sequence[dict[str, Any]] = (),
) -> Image.Image:
    """The shapes as seen by `view`: a picture of (H, W) px.

    `labels` are dictionaries of "text" and "at" [3] m.
    """
    view = view or View()
    large = (2 * size[0], 2 * size[1])  # drawn at twice the size, for smooth edges
    picture = Image.new("RGB", (large[1], large[0]), "white")
    canvas = ImageDraw.Draw(picture, "RGBA")
    for shape in shapes:
        if "faces" in shape:
            _paint_mesh(canvas, shape, view, large)
        else:
            _paint_lines(canvas, shape, view, large)
    picture = picture.resize((size[1], size[0]), Image.Resampling.BOX)
    _paint_labels(ImageDraw.Draw(picture), labels, view, size)
    return picture


def _paint_lines(canvas, shape: Shape, view: View, size: tuple[int, int]) -> None:
    points, unit = view.project(shape["points"], size), size[0] / 400
    ink = (*ImageColor.getrgb(shape["colour"]), round(255 * shape["alpha"]))
    width = max(1, round(shape["width"] * unit))
    for a, b in shape["lines"]:
        if min(points[a, 2], points[b, 2]) > NEAR:
            canvas.line([*points[a, :2], *points[b, :2]], fill=ink, width=width)
    radius = shape["radius"] * unit
    for x, y, depth in points if radius else ():
        if depth > NEAR:
            canvas.ellipse([x - radius, y - radius, x + radius, y + radius], fill=ink)


def _paint_mesh(canvas, shape: Shape, view: View, size: tuple[int, int]) -> None:
    points = view.project(shape["points"], size)
    corners = points[shape["faces"]]  # [F, 3, 3]
    one = corners[:, 1, :2] - corners[:, 0, :2]
    other = corners[:, 2, :2] - corners[:, 0, :2]
    facing = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0] <= 0
    seen = facing & (corners[:, :, 2].min(1) > NEAR)
    order = np.argsort(-corners[:, :, 2].sum(1), kind="stable")  # far ones first
    order = order[seen[order]]
    rgb = np.asarray(shape["inks"])[shape["marked"][order].astype(int)]  # [f, 3]
    inks = np.round(rgb * shape["shade"][order, None]).astype(int).tolist()
    outlines = corners[order, :, :2].reshape(-1, 6).tolist()
    for ink, outline in zip(inks, outlines, strict=True):
        canvas.polygon(outline, fill=tuple(ink), outline=tuple(ink))


def _paint_labels(canvas, labels, view: View, size: tuple[int, int]) -> None:
    for label in labels:
        ((x, y, depth),) = view.project([label["at"]], size)
        if depth > NEAR:
            canvas.text((x + 4, y - 16), label["text"], fill="#333333", font=font(13))
