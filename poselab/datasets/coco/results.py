"""COCO results files (a list of detections) and our own answers in that form."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import torch
from torch import Tensor

from poselab.datasets.coco.notes import Notes
from poselab.datasets.json_file import Record, load_json
from poselab.errors import AnnotationError
from poselab.records import Poses
from poselab.skeleton import Skeleton

COCO_PERSON = 1  # of detectors that were trained on COCO


def read_results(
    file: str | Path,
    skeleton: Skeleton,
    image_ids: Iterable[int],
    min_score: float = 0.0,
    people: Collection[int] | None = None,
) -> dict[int, Poses]:
    """A results file as `Poses` per image id, best first.

    Each detection needs image_id, score and bbox or keypoints; a box that the file
    lacks is drawn around the joints, joints that it lacks have score 0 at (0, 0).
    Scores below `min_score` are left out. So are boxes without an area, what has a
    "category_id" that is not among `people`, and images that are not among `image_ids`;
    one `AnnotationWarning` counts these. Raises `AnnotationError`, also where no
    detection is of a person or of these images.
    """
    data, known = load_json(file), set(image_ids)
    if not isinstance(data, list):
        raise AnnotationError("must be a list of detections", where=file, value=data)
    records = [Record(str(file), f"detection [{n}]", e) for n, e in enumerate(data)]
    notes, found = Notes(str(file)), {}
    for record in _of_images(_of_people(records, people, notes), known, notes):
        score, box, points = _detection(record, skeleton)
        if not bool((box[2:] > 0).all()):
            notes.add("have a box without an area and are left out", record, "bbox")
        elif score >= min_score:
            found.setdefault(record.data["image_id"], []).append((score, box, points))
    notes.tell()
    return {key: _poses(rows) for key, rows in found.items()}


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
