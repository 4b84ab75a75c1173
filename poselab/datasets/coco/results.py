"""COCO results files (a list of detections) and our own answers in that form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from poselab.datasets.coco import mend
from poselab.datasets.coco.notes import Notes
from poselab.datasets.json_file import Record, load_json
from poselab.errors import AnnotationError
from poselab.records import Poses
from poselab.skeleton import Skeleton

COCO_PERSON = 1  # of detectors that were trained on COCO
SHARES = "have a box of at most one pixel (a share of the picture?)"
FAR = "have a box far over the border (two corners instead of x, y, width, height?)"


def read_results(
    file: str | Path,
    skeleton: Skeleton,
    image_ids: Iterable[int],
    min_score: float = 0.0,
    people: Collection[int] | None = None,
    sizes: Mapping[int, tuple[int, int]] | None = None,
) -> dict[int, Poses]:
    """A results file as `Poses` per image id, best first.

    Each detection needs image_id, score and bbox or keypoints; a box that the file
    lacks is drawn around the joints, joints that it lacks have score 0 at (0, 0).
    Scores below `min_score` are left out. So are boxes without an area, what has a
    "category_id" that is not among `people`, and images that are not among `image_ids`;
    one `AnnotationWarning` counts these, and with `sizes` (H, W) of the images also
    boxes outside of them. Raises `AnnotationError`, also where no detection is of a
    person or of these images, or all boxes are shares of the picture.
    """
    data, known = load_json(file), set(image_ids)
    if not isinstance(data, list):
        raise AnnotationError("must be a list of detections", where=file, value=data)
    records = [Record(str(file), f"detection [{n}]", e) for n, e in enumerate(data)]
    notes, found = Notes(str(file)), {}
    for record in _of_images(_of_people(records, people, notes), known, notes):
        score, box, points = _detection(record, skeleton)
        size = (sizes or {}).get(record.data["image_id"])
        if not bool((box[2:] > 0).all()):
            notes.add("have a box without an area and are left out", record, "bbox")
        elif size is not None and not _in_picture(box, size, record, notes):
            notes.add("have a box outside the picture and are left out", record, "bbox")
        elif score >= min_score:
            found.setdefault(record.data["image_id"], []).append((score, box, points))
    if notes.counts.get(SHARES, 0) == len(records) > 0:
        notes.refuse(SHARES, "Multiply them by the picture's width and height.")
    notes.tell()
    return {key: _poses(rows) for key, rows in found.items()}


def _in_picture(box: Tensor, size: tuple[int, int], record, notes: Notes) -> bool:
    """Whether a box [4] has a part in the picture (H, W); odd ones are noted."""
    (x, y, w, h), (height, width) = box.tolist(), size
    past = max(-x, -y, x + w - width, y + h - height)
    if max(w, h) <= 1:
        notes.add(SHARES, record, "bbox")
    elif past > mend.OVER * max(size):
        notes.add(FAR, record, "bbox")
    return x < width and y < height and x + w > 0 and y + h > 0


def _of_people(
    records: list[Record], people: Collection[int] | None, notes: Notes
) -> list[Record]:
    """The detections of people; an error if there are others only."""
    kept = []
    for record in records:
        if _other(record, people):
            category = {"id": record.data["category_id"], "name": "no person"}
            notes.left_out(category, record)
        else:
            kept.append(record)
    if records and not kept:
        fix = f"People have the category {sorted(people or ())}."
        if all(record.data["category_id"] == 0 for record in records):
            fix += " Some tools count from 0: write 1 for people."
        records[0].fail("category_id", "no detection is a person", fix)
    return kept


def _of_images(records: list[Record], known: set[int], notes: Notes) -> list[Record]:
    """The detections in images that are known; an error if none is.

    Detections are often those of a whole data set, and the images a part of it.
    """
    kept = []
    for record in records:
        if record.integer("image_id") in known:
            kept.append(record)
        else:
            notes.add("of images that the annotation file lacks left out", record)
    if records and not kept:
        records[0].fail(
            "image_id",
            f"the annotation file has no such image, nor that of any of the "
            f"{len(records)} detections of people",
            f"Its images are {sorted(known)[:3]}, ...: were they found in another set?",
        )
    return kept


def person_ids(person: int, categories: Collection[int]) -> set[int]:
    """The categories of detections that are people: the file's own, and COCO's 1 where
    the file has no other category of this id."""
    return {person} if COCO_PERSON in categories else {person, COCO_PERSON}


def _other(record: Record, people: Collection[int] | None) -> bool:
    """Whether a detection says that it is no person."""
    if people is None or "category_id" not in record.data:
        return False
    return record.integer("category_id") not in people


def _detection(record: Record, skeleton: Skeleton) -> tuple[float, Tensor, Tensor]:
    """Score, box [4] and joints with scores [J, 3] of one entry."""
    score = record.number("score", -1e9)
    joints = len(skeleton)
    points = torch.zeros(joints, 3)
    if "keypoints" in record.data:
        meaning = f"x, y, score of each of the {joints} joints of {skeleton.name}"
        values = record.numbers("keypoints", 3 * joints, meaning)
        points = torch.from_numpy(values.reshape(joints, 3)).float()
    if "bbox" in record.data or "keypoints" not in record.data:
        box = torch.from_numpy(record.numbers("bbox", 4, "x, y, width, height")).float()
    else:
        low, high = points[:, :2].amin(0), points[:, :2].amax(0)
        box = torch.cat([low, high - low + 1])
    return score, box, points


def _poses(rows: list[tuple[float, Tensor, Tensor]]) -> Poses:
    rows = sorted(rows, key=lambda row: -row[0])
    points = torch.stack([row[2] for row in rows])  # [N, J, 3]
    return Poses(
        keypoints=points[..., :2],
        scores=points[..., 2],
        boxes=torch.stack([row[1] for row in rows]),
        person_scores=torch.tensor([row[0] for row in rows]),
    )
