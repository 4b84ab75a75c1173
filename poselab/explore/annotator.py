"""Annotator: label the joints of one person in any image and get COCO's record."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from poselab.datasets.images import read_image
from poselab.datasets.portraits import ANNOTATION
from poselab.draw import paint_pose, to_pil
from poselab.errors import AnnotationError
from poselab.explore.base import Explorer
from poselab.explore.canvas import JointCanvas
from poselab.explore.controls import choice, joint_menu, slider
from poselab.explore.pictures import beside
from poselab.skeleton import COCO_17, Skeleton

_LABELS = (("not labelled (v = 0)", 0), ("hidden (v = 1)", 1), ("visible (v = 2)", 2))
_LOUPE, _ZOOM = 64, 4  # image px around the selected joint, and their enlargement


def grace_hopper() -> tuple[Image.Image, dict[str, Any]]:
    """Matplotlib's photograph of Grace Hopper (512 x 600 px) and our COCO record of it.

    The photograph is a work of the US Navy and in the public domain.
    """
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as file:
        photo = Image.open(file).convert("RGB")
    return photo, json.loads(ANNOTATION.read_text())["annotations"][0]


class Annotator(Explorer):
    """A canvas on which a learner places joints, with sliders that do the same.

    `image` is a file name, a PIL image or a tensor [3, H, W]; without it, Grace Hopper
    with our own annotation. `annotation` is a COCO record to start from; `blank=True`
    starts with no joint labelled. Raises `ImageError` for an unreadable image and
    `AnnotationError` for a record that does not fit the skeleton.
    """

    def __init__(
        self,
        image: str | Path | Image.Image | Tensor | None = None,
        annotation: Mapping[str, Any] | None = None,
        *,
        skeleton: Skeleton = COCO_17,
        blank: bool = False,
        width: int = 470,
    ) -> None:
        ours = None
        named = isinstance(image, (str, Path))
        self.file_name = Path(image).name if named else "image.jpg"
        if image is None:
            image, ours = grace_hopper()
            self.file_name = "grace_hopper.jpg"
        self.image, self.skeleton = _open(image), skeleton
        record = None if blank else annotation or ours
        self.points, self.visibility = _read(record, skeleton, self.image.size)
        self._given = copy.deepcopy((self.points, self.visibility))
        self.outline = _outline(record)
        self._width, self._background = width, self._fit(width)
        self.canvas = self._make_canvas(width)
        super().__init__(
            self._paint,
            self._make_controls(),
            canvas=self.canvas,
            width=280 if self.canvas else 760,
        )

    # --- what a learner gets ---------------------------------------------------------

    @property
    def keypoints(self) -> Tensor:
        """The joints, [J, 2] px; zero where not labelled."""
        # A browser writes 3.0 as 3: say the type, or they may all be whole numbers.
        points = torch.tensor(self.points, dtype=torch.float32)
        return points * (self.flags > 0)[:, None]

    @property
    def flags(self) -> Tensor:
        """COCO's visibility of each joint, [J] of 0, 1 or 2."""
        return torch.tensor(self.visibility)

    def record(self) -> dict[str, Any]:
        """The annotation as COCO writes one person.

        Box, area and outline belong to the outline, so they are those of the record
        that was given; without one, the outline is the box around all labelled joints
        with an eighth of air on each side. Raises `AnnotationError` if no joint is
        labelled.
        """
        if not any(self.visibility):
            fix = "Click on the canvas to place joints."
            raise AnnotationError(
                "no joint is labelled yet", where="Annotator", fix=fix
            )
        triples = zip(self.points, self.visibility, strict=True)
        return {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "iscrowd": 0,
            "num_keypoints": sum(v > 0 for v in self.visibility),
            "keypoints": [n for p, v in triples for n in ([*p, v] if v else [0, 0, 0])],
            **(self.outline or self._around()),
        }

    def records(self) -> list[dict[str, Any]]:
        """The annotations of everybody: here of one person."""
        return [self.record()]

    def to_coco(self) -> dict[str, Any]:
        """A whole annotation file with these records; `json.dump` writes it."""
        width, height = self.image.size
        image = {"id": 1, "file_name": self.file_name, "width": width, "height": height}
        person = {
            "id": 1,
            "name": "person",
            "supercategory": "person",
            "keypoints": list(self.skeleton.joints),
            "skeleton": [[a + 1, b + 1] for a, b in self.skeleton.limbs],
        }
        return {
            "images": [image],
            "annotations": self.records(),
            "categories": [person],
        }

    # --- controls and canvas follow each other ---------------------------------------

    def _make_controls(self) -> dict[str, Any]:
        width, height = self.image.size
        (x, y), flag = self.points[0], self.visibility[0]
        controls = {
            "joint": joint_menu(self.skeleton, self.skeleton.joints[0]),
            "x": slider("x", 0, width - 1, round(x)),
            "y": slider("y", 0, height - 1, round(y)),
            "visibility": choice("label", _LABELS, flag),
        }
        controls["joint"].observe(self._select, "value")
        for name in ("x", "y", "visibility"):
            controls[name].observe(self._store, "value")
        return controls

    def _make_canvas(self, width: int):
        if JointCanvas is None:
            return None
        label = "Joints over the image. Arrow keys move the selected joint."
        canvas = JointCanvas.over(
            self.image,
            self.skeleton,
            points=[list(p) for p in self.points],
            visibility=list(self.visibility),
            label=label,
            width=width,
            step=1.0,  # COCO's annotators worked in whole pixels
        )
        canvas.observe(self._hear, ["points", "visibility", "selected"])
        return canvas

    @property
    def _joint(self) -> int:
        return self.skeleton.index(self.controls["joint"].value)

    def _select(self, change: Any) -> None:
        """The menu chose a joint: show its numbers on the sliders."""
        with self._hold():
            j = self._joint
            new = {
                "x": round(self.points[j][0]),
                "y": round(self.points[j][1]),
                "visibility": self.visibility[j],
            }
            for name, value in new.items():
                self.controls[name].unobserve(self._store, "value")
                self.controls[name].value = value
                self.controls[name].observe(self._store, "value")
            if self.canvas:
                self.canvas.selected = j

    def _store(self, change: Any) -> None:
        """A slider moved the selected joint: tell the canvas."""
        with self._hold():
            j = self._joint
            if change["owner"] is self.controls["visibility"]:
                self.visibility[j] = change["new"]
            else:
                axis = 0 if change["owner"] is self.controls["x"] else 1
                self.points[j][axis] = float(change["new"])
            self._tell()

    def _tell(self) -> None:
        if self.canvas:  # both taken now: `_hear` comes between them
            points, flags = copy.deepcopy((self.points, self.visibility))
            self.canvas.points, self.canvas.visibility = points, flags

    def _begin_again(self) -> None:
        self.points, self.visibility = copy.deepcopy(self._given)
        self._tell()
        self._select(None)

    def _hear(self, change: Any) -> None:
        """The canvas changed: show it on the sliders and redraw."""
        canvas = self.canvas
        new = ([list(p) for p in canvas.points], list(canvas.visibility))
        joint = self.skeleton.joints[canvas.selected]
        if new == (self.points, self.visibility) and joint == self.values["joint"]:
            return
        with self._hold():
            self.points, self.visibility = new
            self.controls["joint"].value = joint
            self._select(change)
        self._request()

    # --- pictures --------------------------------------------------------------------

    def _paint(self, joint: str, x: int, y: int, visibility: int) -> tuple:
        loupe = self._loupe(x, y)
        labelled = sum(v > 0 for v in self.visibility)
        seen = sum(v == 2 for v in self.visibility)
        place = f"at ({x}, {y}) px" if visibility else ""
        caption = (
            f"{joint.replace('_', ' ')} {place} {_LABELS[visibility][0]}; "
            f"{labelled} of {len(self.points)} joints labelled, {seen} visible."
        )
        if labelled:
            box = (self.outline or self._around())["bbox"]
            numbers = ", ".join(f"{n:.0f}" for n in box)
            caption += f" Box (x, y, width, height): {numbers} px."
        return (loupe if self.canvas else beside(self._whole(), loupe)), caption

    def _still(self) -> Image.Image:
        return self._whole()

    def _whole(self) -> Image.Image:
        scale = self._background.width / self.image.width
        return paint_pose(
            self._background, self.keypoints, self.flags, self.skeleton, scale
        )

    def _loupe(self, x: int, y: int) -> Image.Image:
        """What is around (x, y), enlarged, with the joints."""
        left, top = x - _LOUPE // 2, y - _LOUPE // 2
        part = self.image.crop((left, top, left + _LOUPE, top + _LOUPE))
        points = torch.tensor(self.points) - torch.tensor([left, top])
        return paint_pose(
            to_pil(part, _ZOOM),
            points,
            self.flags,
            self.skeleton,
            _ZOOM,
            limbs=False,
            size=5,
        )

    def _fit(self, width: int) -> Image.Image:
        height = round(self.image.height * width / self.image.width)
        return self.image.resize((width, height), Image.Resampling.LANCZOS)

    def _around(self) -> dict[str, Any]:
        """An outline from the joints: their box on pixel edges, grown, in the image."""
        points = torch.tensor(self.points)[self.flags > 0] + 0.5  # pixel edges
        low, high = points.amin(0), points.amax(0)
        air = (high - low).clamp(min=8) / 8
        limit = torch.tensor(self.image.size)
        low, high = (low - air).clamp(min=0), torch.minimum(high + air, limit)
        x, y, w, h = (round(n, 2) for n in (*low.tolist(), *(high - low).tolist()))
        polygon = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        return {"bbox": [x, y, w, h], "area": w * h, "segmentation": polygon}


def _outline(record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    keys = ("bbox", "area", "segmentation")
    if record is None or not all(key in record for key in keys):
        return None
    return {key: record[key] for key in keys}


def _open(image: str | Path | Image.Image | Tensor) -> Image.Image:
    # Upright as EXIF says, which is how `datasets.Coco` will read it.
    return to_pil(read_image(image) if isinstance(image, (str, Path)) else image)


def _read(
    record: Mapping[str, Any] | None, skeleton: Skeleton, size: tuple[int, int]
) -> tuple[list[list[float]], list[int]]:
    """Points [J][x, y] and flags [J]; unlabelled joints wait in the image's middle."""
    middle = [(size[0] - 1) / 2, (size[1] - 1) / 2]
    if record is None:
        return [list(middle) for _ in skeleton.joints], [0] * len(skeleton)
    numbers = record.get("keypoints") if isinstance(record, Mapping) else None
    given = isinstance(numbers, list) and all(type(n) in (int, float) for n in numbers)
    if not given:
        raise AnnotationError(
            "a COCO record with a list of numbers is needed",
            where="annotation",
            field="keypoints",
            value=record,
        )
    if len(numbers) != 3 * len(skeleton):
        raise AnnotationError(
            f"{skeleton.name} needs {3 * len(skeleton)} numbers (x, y, v per joint)",
            where="annotation",
            field="keypoints",
            value=f"{len(numbers)} numbers",
        )
    points, flags = [], []
    for name, x, y, v in zip(
        skeleton.joints, *(numbers[k::3] for k in range(3)), strict=True
    ):
        inside = 0 <= x <= size[0] - 1 and 0 <= y <= size[1] - 1
        if v not in (0, 1, 2) or (v and not inside):
            problem = "a joint needs v of 0, 1 or 2 and a place inside the image"
            raise AnnotationError(
                problem, where="annotation", field=name, value=(x, y, v)
            )
        points.append([float(x), float(y)] if v else list(middle))
        flags.append(int(v))
    return points, flags
