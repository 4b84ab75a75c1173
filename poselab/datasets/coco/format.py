"""The rules of COCO's keypoint files, each checked with one clear error.

`read` turns a file into typed records or raises an `AnnotationError` that names the
file, the record, the field and the value. The format: cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from poselab.categories import file_skeleton, person_category
from poselab.datasets.coco import masks
from poselab.datasets.coco.notes import Notes
from poselab.datasets.json_file import Record, load_json
from poselab.skeleton import Skeleton

BOX_TOLERANCE = 1.0  # px; published boxes are rounded


@dataclass(frozen=True)
class ImageRecord:
    """One entry of "images"."""

    id: int
    file_name: str
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width


@dataclass(frozen=True)
class PersonRecord:
    """One entry of "annotations" that is a person or a crowd of people.

    keypoints [J, 2] px and visibility [J]; zeros where nothing is labelled.
    """

    id: int
    image_id: int
    box: np.ndarray
    area: float
    keypoints: np.ndarray
    visibility: np.ndarray
    crowd: bool
    segmentation: list | dict | None
    track_id: int | None


@dataclass
class Annotations:
    """What a file holds: its images in order and the people of each."""

    images: list[ImageRecord]
    people: dict[int, list[PersonRecord]]
    category_id: int
    skeleton: Skeleton
    raw: dict = field(repr=False)

    def people_only(self) -> dict:
        """The raw content with people's annotations and category alone."""
        return {
            **self.raw,
            "categories": [
                c for c in self.raw["categories"] if c["id"] == self.category_id
            ],
            "annotations": [
                a
                for a in self.raw["annotations"]
                if a["category_id"] == self.category_id
            ],
        }


def read(
    file: str | Path,
    skeleton: Skeleton | None,
    each_image: Callable[[ImageRecord], None] | None = None,
    adapt: Callable[[Any], Any] | None = None,
    person: str | int | None = None,
) -> Annotations:
    """Read and check a COCO keypoint file; raises `AnnotationError`.

    `each_image` may check an image further (its file, say) before the people in it are
    judged by what the record says of its size. `adapt` brings the content of a file
    that differs a little into COCO's form before it is checked. Without a skeleton it
    is the file's own. `person` names the people's category where the file leaves it
    open. What is left out is counted in one `AnnotationWarning`.
    """
    content = load_json(file)
    top = Record(str(file), "the file", adapt(content) if adapt else content)
    images = _unique(top, "images", _image)
    for image in images.values() if each_image else ():
        each_image(image)
    categories = _unique(top, "categories", _category)
    records = _checked(top, images, categories)
    skeleton = skeleton or file_skeleton(list(categories.values()), top.file, person)
    chosen = person_category(
        list(categories.values()),
        skeleton,
        top.file,
        _jointed(records, len(skeleton)),
        person,
    )
    notes = Notes(top.file)
    people: dict[int, list[PersonRecord]] = {key: [] for key in images}
    for record in records:
        image = images[record.data["image_id"]]
        if record.data["category_id"] == chosen["id"]:
            people[image.id].append(_person(record, image, skeleton))
        else:
            notes.left_out(categories[record.data["category_id"]], record)
    notes.tell()
    everything = list(images.values()), people, chosen["id"], skeleton, top.data
    return Annotations(*everything)


def _checked(top: Record, images: dict, categories: dict) -> list[Record]:
    """The records of "annotations", each with an id, an image and a category."""
    seen: set[int] = set()
    records = list(_records(top, "annotations"))
    for record in records:
        _new_id(record, seen)
        if record.integer("image_id") not in images:
            record.fail("image_id", "no image has this id")
        if record.integer("category_id") not in categories:
            record.fail("category_id", "no category has this id")
    return records


def _jointed(records: list[Record], joints: int) -> set[int]:
    """The categories of annotations with so many joints."""
    found = set()
    for record in records:
        points = record.data.get("keypoints")
        if isinstance(points, list) and len(points) == 3 * joints:
            found.add(record.data["category_id"])
    return found


def _records(top: Record, key: str):
    for place, data in enumerate(top.items(key)):
        yield Record(top.file, f"{key}[{place}]", data)


def _unique(top: Record, key: str, build) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for record in _records(top, key):
        _new_id(record, found)
        found[record.data["id"]] = build(record)
    return found


def _new_id(record: Record, seen: set[int] | dict[int, Any]) -> None:
    if record.integer("id") in seen:
        record.fail("id", "is used twice", "Give every record an id of its own.")
    if isinstance(seen, set):
        seen.add(record.data["id"])


def _image(record: Record) -> ImageRecord:
    return ImageRecord(
        record.data["id"],
        record.text("file_name"),
        record.integer("width", 1),
        record.integer("height", 1),
    )


def _category(record: Record) -> dict:
    record.text("name")
    names = record.data.get("keypoints") or []
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        record.fail("keypoints", "must be a list of the joints' names")
    return record.data


def _person(record: Record, image: ImageRecord, skeleton: Skeleton) -> PersonRecord:
    crowd = record.data.get("iscrowd", 0)
    if crowd not in (0, 1):
        record.fail("iscrowd", "must be 0 or 1")
    if crowd and "keypoints" not in record.data:
        points = np.zeros((len(skeleton), 3))
    else:
        points = _keypoints(record, image, skeleton)
    track = record.data.get("track_id")
    return PersonRecord(
        id=record.data["id"],
        image_id=image.id,
        box=_box(record, image),
        area=record.number("area", 0),
        keypoints=_with_unlabelled(record, points),
        visibility=points[:, 2].astype(np.int64),
        crowd=bool(crowd),
        segmentation=_segmentation(record, image),
        track_id=None if track is None else record.integer("track_id"),
    )


def _keypoints(record: Record, image: ImageRecord, skeleton: Skeleton) -> np.ndarray:
    """x, y, v of each joint, [J, 3]."""
    joints = len(skeleton)
    meaning = f"x, y, v of each of the {joints} joints of {skeleton.name}"
    points = record.numbers("keypoints", 3 * joints, meaning).reshape(joints, 3)
    for joint, (x, y, v) in zip(skeleton.joints, points, strict=True):
        if v not in (0, 1, 2):
            record.fail(
                "keypoints",
                f"{joint} has visibility {v:g} instead of 0, 1 or 2",
                "0: not labelled, 1: labelled but hidden, 2: visible.",
            )
        reach = max(image.size)
        if v and not (-reach <= x <= 2 * reach and -reach <= y <= 2 * reach):
            record.fail(
                "keypoints",
                f"{joint} at ({x:g}, {y:g}) is far outside the image of "
                f"{image.width} x {image.height}",
            )
    return points


def _with_unlabelled(record: Record, points: np.ndarray) -> np.ndarray:
    """The joints' places [J, 2]; of unlabelled ones (0, 0) unless we exported them."""
    labelled = points[:, 2:] > 0
    if "keypoints_unlabelled" not in record.data:
        return points[:, :2] * labelled
    meaning = "x, y of each joint (an extension of poselab)"
    places = record.numbers("keypoints_unlabelled", 2 * len(points), meaning)
    return np.where(labelled, points[:, :2], places.reshape(-1, 2))


def _box(record: Record, image: ImageRecord) -> np.ndarray:
    box = record.numbers("bbox", 4, "x, y, width, height")
    x, y, w, h = box
    if w < 0 or h < 0:
        record.fail(
            "bbox",
            "has a negative width or height",
            "COCO boxes are x, y, width, height, not two corners.",
        )
    past = max(-x, -y, x + w - image.width, y + h - image.height)
    if past > BOX_TOLERANCE:
        record.fail(
            "bbox",
            f"reaches {past:.1f} px outside the image of "
            f"{image.width} x {image.height}",
            "COCO boxes are x, y, width, height, not two corners.",
        )
    return box


def _segmentation(record: Record, image: ImageRecord) -> list | dict | None:
    value = record.data.get("segmentation")
    if value is None or value == []:
        return None
    try:
        if isinstance(value, dict):
            masks.run_lengths(value, image.size)
        else:
            masks.polygons(value, image.size)
    except ValueError as problem:
        record.fail("segmentation", str(problem))
    return value
