"""One entry of "images" or "annotations", checked; raises `AnnotationError`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poselab.datasets.coco import masks, mend
from poselab.datasets.coco.mend import Fill
from poselab.datasets.coco.notes import Notes
from poselab.datasets.json_file import Record
from poselab.skeleton import Skeleton

VIDEO = {"vid_id", "is_labeled"}  # what the frames of PoseTrack have


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

    keypoints [J, 2] px and visibility [J]; zeros where nothing is labelled. `changes`
    are the raw fields that were mended.
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
    changes: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def points(self) -> np.ndarray:
        """x, y, flag of each joint, [J, 3]."""
        return np.concatenate([self.keypoints, self.visibility[:, None]], 1)


def image_record(record: Record) -> ImageRecord:
    """An image's id, name and size."""
    if "width" not in record.data and VIDEO & record.data.keys():
        record.get("width", "PoseTrack's own files: poselab.datasets.PoseTrack.")
    return ImageRecord(
        record.data["id"],
        record.text("file_name"),
        record.integer("width", 1),
        record.integer("height", 1),
    )


def person_record(
    record: Record, image: ImageRecord, skeleton: Skeleton, notes: Notes, fill: Fill
) -> PersonRecord:
    """A person or a crowd; what contradicts itself is mended and noted."""
    crowd = record.data.get("iscrowd", 0)
    if crowd not in (0, 1):
        record.fail("iscrowd", "must be 0 or 1")
    read = _crowd if crowd else _person
    points, box, area = read(record, image, skeleton, notes, fill)
    segmentation = _segmentation(record, image, box, notes)
    track = record.data.get("track_id")
    return PersonRecord(
        id=record.data["id"],
        image_id=image.id,
        box=box,
        area=area,
        keypoints=_with_unlabelled(record, points),
        visibility=points[:, 2].astype(np.int64),
        crowd=bool(crowd),
        segmentation=segmentation,
        track_id=None if track is None else record.integer("track_id"),
        changes=_changes(record, points, box, area, segmentation),
    )


def _person(record, image, skeleton, notes, fill):
    """Joints [J, 3], box [4] and area of one person."""
    if record.data.get("keypoints") in (None, []):
        notes.add(mend.NOTHING, record, "keypoints")
        points = np.zeros((len(skeleton), 3))
    else:
        points = _keypoints(record, image, skeleton)
        points = mend.joints(record, points, image.size, notes)
    mend.count(record, points, notes)
    box = mend.box(record, points, image.size, notes, fill)
    labelled = bool((points[:, 2] > 0).any())
    return points, box, mend.area(record, box, labelled, notes, fill)


def _crowd(record, image, skeleton, notes, fill):
    """The same of a crowd, which needs no joints."""
    points = np.zeros((len(skeleton), 3))
    if record.data.get("keypoints"):
        points = _keypoints(record, image, skeleton)
    if (points[:, 2] > 0).any():
        notes.add(mend.CROWD, record, "iscrowd")
    box = record.numbers("bbox", 4, "x, y, width, height")
    box = mend.into(record, mend.positive(record, box), image.size, notes)
    return points, box, mend.area(record, box, False, notes, fill)


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


def _segmentation(record: Record, image: ImageRecord, box, notes: Notes):
    """The mask as it is written; None where there is no pixel in it."""
    value = record.data.get("segmentation")
    if value is None or value == []:
        return None
    try:
        there = masks.has_pixels(value, image.size)
    except ValueError as problem:
        record.fail("segmentation", str(problem))
    if there:
        mend.mask(record, masks.extent(value, image.size), box, notes)
        return value
    notes.add(mend.EMPTY, record, "segmentation")
    return None


def _changes(record: Record, points, box, area: float, segmentation) -> dict[str, Any]:
    """The raw fields with other values than they were read as."""
    read = {
        "bbox": box.tolist(),
        "area": area,
        "keypoints": points.ravel().tolist(),
        "num_keypoints": int((points[:, 2] > 0).sum()),
        "segmentation": segmentation,
    }
    given = record.data
    return {k: v for k, v in read.items() if v != given.get(k)}
