"""Your own photograph: find everybody, drag the joints right, save a COCO file."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from math import dist
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from PIL import Image
from torch import Tensor

from poselab import zoo
from poselab.datasets import as_image
from poselab.datasets.images import decode_image
from poselab.draw import to_bytes, to_pil
from poselab.draw.captions import paragraph
from poselab.errors import AnnotationError, PoselabError
from poselab.explore.annotator import Annotator, grace_hopper
from poselab.explore.camera import Camera
from poselab.explore.controls import button, slider
from poselab.skeleton import COCO_17
from poselab.system.disk import replace_file
from poselab.system.threads import threads
from poselab.zoo.systems import LIKELY, PHOTOGRAPHS

_LABELLED = 0.1  # of a joint's score: below it the network does not know
_STAYS = (
    "The picture goes to the computer that runs this notebook and no further. Nothing "
    "is written until you press Save. On your own computer it never leaves it; "
    "Colab and Binder run on computers of theirs."
)

Person = tuple[list[list[float]], list[int]]  # points [J][x, y] px, COCO's flags [J]


class Photo(Annotator):
    """Upload a picture or take one, see who is found, and drag the joints right.

    `image` as for `poselab.estimate`; without it, Grace Hopper. `detector` and `pose`
    are the networks, as for `poselab.estimate`. `folder` is where *Save* writes.
    `show(picture)` does what the upload does. Raises `ImageError` for a picture that
    cannot be read.
    """

    def __init__(
        self,
        image: str | Path | Image.Image | Tensor | None = None,
        *,
        detector: str = PHOTOGRAPHS[0],
        pose: str | Sequence[str] = PHOTOGRAPHS[1],
        folder: str | Path = ".",
        width: int = 470,
    ) -> None:
        self._system = zoo.top_down(detector, pose, **LIKELY)
        self.folder = Path(folder)
        picture, name = _opened(image)
        self.people = self._found(picture)
        self._given_people = copy.deepcopy(self.people)
        self._shown = 0
        super().__init__(picture, _numbers(self.people[0]), width=width)
        self.file_name = name
        if self.canvas:
            self.canvas.image = to_bytes(self._sharp())
        self._bounds["person"] = lambda **_: len(self.people)
        self._bound("person")
        self._at_start = self.values
        self._message = widgets.HTML(paragraph(_STAYS))
        self.widget = widgets.VBox([self._bar(), self._message, self.widget])

    # --- what a learner uses ---------------------------------------------------------

    def show(self, picture: Any, name: str | None = None) -> Photo:
        """Find everybody in another picture; returns the explorer.

        `picture` as for `poselab.estimate`, `name` is the file's name in the record.
        Raises `ImageError`, and then still shows the old one.
        """
        image, known = _opened(picture)
        people = self._found(image)
        with self._hold():
            self.image, self.file_name = image, name or known
            self._background = self._fit(self._width)
            self.people, self._given_people = people, copy.deepcopy(people)
            self.points, self.visibility = self.people[0]
            self._shown = 0
            self._follow_picture()
        self._at_start = self.values
        self.redraw()
        return self

    def records(self) -> list[dict[str, Any]]:
        """COCO's records of everybody who has a labelled joint.

        Raises `AnnotationError` if nobody has one.
        """
        self._keep()
        found, shown = [], self.people[self._shown]
        for number, person in enumerate(self.people, 1):
            self.points, self.visibility = person
            if any(self.visibility):
                found.append({**self.record(), "id": number})
        self.points, self.visibility = shown
        if not found:
            raise AnnotationError(
                "no joint is labelled yet",
                where="Photo",
                fix="Click on the canvas to place joints.",
            )
        return found

    def agreement(self) -> tuple[int, int]:
        """About the person shown: what the networks had right, if you have.

        -> how many of their joints are within a tenth of the box's longer side of
        yours, and how many of them you changed (moved, or took the label off).
        """
        pairs = zip(
            *self._given_people[self._shown], self.points, self.visibility, strict=True
        )
        given = [(a, b, now) for a, flag, b, now in pairs if flag]
        changed = sum(a != b or not now for a, b, now in given)
        if not any(self.visibility):
            return 0, changed
        reach = max(self._around()["bbox"][2:]) / 10
        return sum(bool(n) and dist(a, b) <= reach for a, b, n in given), changed

    def save(self, path: str | Path | None = None) -> Path:
        """Write everybody's joints as a COCO file; returns where.

        By default `folder` / NAME_poses.json. Raises `AnnotationError` if nobody has a
        labelled joint.
        """
        content = json.dumps(self.to_coco())
        if path is None:
            path = self.folder / f"{Path(self.file_name).stem}_poses.json"
        with replace_file(Path(path)) as draft:
            draft.write_text(content, encoding="utf-8")
        return Path(path)

    # --- people ----------------------------------------------------------------------

    def _found(self, image: Image.Image) -> list[Person]:
        """Everybody of whom the networks are sure, or one person without a joint."""
        with threads(1):
            poses = self._system(as_image(image))
        middle = [(image.width - 1) / 2, (image.height - 1) / 2]
        people = []
        for points, scores in zip(poses.keypoints, poses.scores, strict=True):
            inside = [
                (
                    min(max(x, 0.0), image.width - 1.0),
                    min(max(y, 0.0), image.height - 1.0),
                )
                for x, y in points.tolist()
            ]
            flags = [2 if score > _LABELLED else 0 for score in scores.tolist()]
            places = [
                [round(x, 1), round(y, 1)] if flag else list(middle)
                for (x, y), flag in zip(inside, flags, strict=True)
            ]
            people.append((places, flags))
        nobody = ([list(middle) for _ in COCO_17.joints], [0] * len(COCO_17))
        return people or [nobody]

    def _keep(self) -> None:
        """The joints that were moved are those of the person who is shown."""
        self.people[self._shown] = (self.points, self.visibility)

    def _switch(self, change: Mapping[str, Any]) -> None:
        """Another person: their joints come to canvas and sliders."""
        with self._hold():
            self._keep()
            self._shown = change["new"] - 1
            self.points, self.visibility = self.people[self._shown]
            self._tell()
            self._select(None)

    def _begin_again(self) -> None:
        self.people = copy.deepcopy(self._given_people)
        self.points, self.visibility = self.people[self._shown]
        self._tell()
        self._select(None)

    # --- controls and pictures -------------------------------------------------------

    def _make_controls(self) -> dict[str, Any]:
        most = max(2, len(self.people))
        person = slider("person", 1, most, 1, help="Whose joints are shown")
        person.observe(self._switch, "value")
        return {"person": person, **super()._make_controls()}

    def _paint(self, person: int, **joint: Any) -> tuple:  # type: ignore[override]
        picture, caption = super()._paint(**joint)
        if not any(any(flags) for _, flags in self.people):
            return picture, "Nobody was found. Place the joints yourself. " + caption
        caption = f"Person {person} of {len(self.people)}: {caption}"
        good, moved = self.agreement()
        if moved:
            caption += (
                f" Of the joints that the networks gave, {moved} were changed; {good} "
                "were within a tenth of the box of where you have them."
            )
        return picture, caption

    def _follow_picture(self) -> None:
        """Sliders and canvas take the size of a new picture."""
        for name, most in zip("xy", self.image.size, strict=True):
            control = self.controls[name]
            control.unobserve(self._store, "value")
            control.max = most - 1
            control.observe(self._store, "value")
        self.controls["person"].unobserve(self._switch, "value")
        self._bound("person")
        self.controls["person"].value = 1
        self.controls["person"].observe(self._switch, "value")
        if self.canvas:
            with self.canvas.hold_sync():
                self.canvas.size = [self.image.height, self.image.width]
                self.canvas.image = to_bytes(self._sharp())
        self._tell()
        self._select(None)

    def _sharp(self) -> Image.Image:
        """The picture for the canvas: as sharp as a screen, not as a camera."""
        image = self.image.copy()
        image.thumbnail((2 * self._width, 4 * self._width))
        return image

    # --- upload, camera, save --------------------------------------------------------

    def _bar(self) -> widgets.Widget:
        self.upload = widgets.FileUpload(
            accept="image/*", multiple=False, description="Your picture"
        )
        self.upload.observe(self._uploaded, "value")
        self.camera = Camera(self._shot) if Camera else None
        save = button("Save", "Write everybody's joints as a COCO file")
        save.on_click(lambda _: self._report(self._saved))
        parts = [self.upload, *([self.camera] if self.camera else []), save]
        return widgets.Box(parts, layout=widgets.Layout(flex_flow="row wrap"))

    def _uploaded(self, change: Mapping[str, Any]) -> None:
        for name, content in uploads(change["new"]):
            self._take(content, name)

    def _shot(self, content: bytes) -> None:
        self._take(content, "camera.jpg")

    def _take(self, content: bytes, name: str) -> None:
        """A picture has come: show it, or say why not."""
        self._message.value = paragraph("Looking for people ...")
        self._report(lambda: self._read(content, name))

    def _read(self, content: bytes, name: str) -> str:
        self.show(decode_image(content, name), name)
        found = sum(any(flags) for _, flags in self.people)
        return f"{name}: {found} found. {_STAYS}"

    def _saved(self) -> str:
        path = self.save()
        return f"Written: {path.resolve()}, with {len(self.records())} people."

    def _report(self, act: Any) -> None:
        """Do it, and say under the buttons what came of it."""
        try:
            text, style = act(), ""
        except (PoselabError, OSError) as problem:
            text, style = str(problem), "color:#B00020; font-weight:600"
        self._message.value = paragraph(text, style)


def uploads(value: Any) -> list[tuple[str, bytes]]:
    """(name, content) of a FileUpload's value, in ipywidgets 7 (a dict) and 8."""
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]


def _opened(image: Any) -> tuple[Image.Image, str]:
    """A picture as RGB, and what its file is called."""
    if image is None:
        return grace_hopper()[0], "grace_hopper.jpg"
    name = Path(image).name if isinstance(image, (str, Path)) else "image.jpg"
    return to_pil(as_image(image)), name


def _numbers(person: Person) -> dict[str, Any]:
    """The record that an annotator begins with."""
    rows = zip(*person, strict=True)
    return {"keypoints": [n for (x, y), v in rows for n in (x, y, v)]}
