"""What COCO's evaluation is given, in whatever form, checked and as columns.

pycocotools takes what it gets: a detection that names an unknown image stops it with a
bare assertion, one whose category is unknown is passed over, a score that is not a
number is sorted anywhere, and an annotation with the id 0 can never be found. All of
these end as a number near 0 that looks like a bad network, so they are named here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from poselab.categories import person_category
from poselab.errors import ArgumentError, require
from poselab.metrics.ap.columns import (
    column_of,
    finite,
    index_column,
    keypoint_column,
    number_column,
    optional_column,
)
from poselab.records import Poses, Sample
from poselab.records.coco import to_coco, to_results
from poselab.skeleton import COCO_17, Skeleton

NAMES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")


class CocoNumbers(dict):
    """COCO's ten numbers by name, in pycocotools' order.

    Also by place, `numbers[0]`, and as an array, `np.asarray(numbers)` [10].
    """

    def __init__(self, values: Iterable[float]) -> None:
        super().__init__(zip(NAMES, map(float, values), strict=True))

    def __missing__(self, key: Any) -> float:
        if isinstance(key, int | np.integer):
            return list(self.values())[key]
        raise KeyError(key)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(list(self.values()), dtype=dtype or np.float64)


@dataclass
class Inputs:
    """Truth and answers as COCO has them, and the columns that the numbers need.

    `truth` is the dictionary, `found` the records of a results file. N annotations and
    M detections of J joints; `image` and `category` are places in the sorted `images`
    and `categories`, category -1 where a detection's is unknown.
    """

    truth: dict[str, Any]
    found: list[dict[str, Any]]
    skeleton: Skeleton
    images: list
    categories: list
    people: People
    answers: Answers


@dataclass
class Columns:
    """N records: image [N], category [N], points [N, J, 2] px, flags [N, J].

    areas [N] px^2: of people as annotated, of answers those of the joints' box.
    """

    image: np.ndarray
    category: np.ndarray
    points: np.ndarray
    flags: np.ndarray
    areas: np.ndarray


@dataclass
class People(Columns):
    """Annotations, with boxes [N, 4] xywh px, crowd [N] and ignore [N]."""

    boxes: np.ndarray
    crowd: np.ndarray
    ignore: np.ndarray


@dataclass
class Answers(Columns):
    """Detections, with scores [N]."""

    scores: np.ndarray


def read_inputs(truth: Any, found: Any, skeleton: Skeleton | None) -> Inputs:
    """The arguments of `coco_ap`, checked. Raises `ArgumentError`."""
    data, skeleton = _truth(truth, skeleton)
    for key in ("images", "annotations", "categories"):
        require(
            isinstance(data.get(key), list),
            "must be a list",
            where="coco_ap",
            field=f"truth, {key}",
            value=data.get(key),
        )
    if not _are_records(found):  # poses are people's: whoever else is there has no part
        data = _people_only(data, skeleton)
    images, categories = _ids(data, "images"), _ids(data, "categories")
    results = _results(found, data)
    people = _people(data["annotations"], images, categories, len(skeleton))
    answers = _answers(results, images, categories, len(skeleton))
    return Inputs(data, results, skeleton, images, categories, people, answers)


def _ids(data: dict, key: str) -> list:
    """The ids of images or categories, sorted as pycocotools sorts them."""
    where = f"truth, {key}"
    column = column_of(data[key], "id", where)
    try:
        return sorted(set(column))
    except TypeError:
        raise ArgumentError(
            "must be all whole numbers or all texts",
            where="coco_ap",
            field=f"{where}, id",
            value=sorted({type(v).__name__ for v in column}),
        ) from None


# --- the forms that are taken --------------------------------------------------------


def _truth(truth: Any, skeleton: Skeleton | None) -> tuple[dict, Skeleton]:
    if isinstance(truth, dict):
        return truth, skeleton or COCO_17
    if hasattr(truth, "dataset"):
        content = getattr(truth, "truth", truth.dataset)  # of a `Coco`: people alone
        own: Skeleton = getattr(truth, "skeleton", COCO_17)
        return content, skeleton or own
    samples = [truth] if isinstance(truth, Sample) and not truth.is_stacked else truth
    samples = list(samples) if isinstance(samples, Iterable) else []
    if not samples or not isinstance(samples[0], Sample):
        raise ArgumentError(
            "expected samples, a Coco or a COCO dictionary",
            where="coco_ap",
            field="truth",
            value=truth,
        )
    return to_coco(samples), skeleton or samples[0].skeleton


def _are_records(found: Any) -> bool:
    """Whether the answers are entries of a results file, which have categories."""
    listed = isinstance(found, list | tuple)
    return listed and all(isinstance(entry, dict) for entry in found)


def _people_only(data: dict, skeleton: Skeleton) -> dict:
    """The truth without what is no person."""
    _ids(data, "categories")  # each has an id
    person = data["categories"]
    if len(person) > 1:
        person = [person_category(data["categories"], skeleton, "coco_ap")]

    def is_other(record: Any) -> bool:
        known = isinstance(record, dict) and "category_id" in record
        return bool(person) and known and record["category_id"] != person[0]["id"]

    people = [record for record in data["annotations"] if not is_other(record)]
    others = len(data["annotations"]) - len(people)
    if others:
        text = f"coco_ap: {others} annotations of the truth are no people and left out"
        warnings.warn(text, stacklevel=4)
    return {**data, "categories": person, "annotations": people}


def _results(found: Any, data: dict) -> list[dict]:
    """Entries of a results file, whatever form they came in."""
    ids = [image["id"] for image in data["images"]]
    if isinstance(found, Poses) and not found.is_stacked:
        found = [found]
    if isinstance(found, dict):
        pairs: Iterable = found.items()
    else:
        require(
            isinstance(found, Iterable) and not isinstance(found, str),
            "expected COCO records, or one Poses for each image",
            where="coco_ap",
            field="found",
            value=found,
        )
        found = list(found)
        if all(isinstance(entry, dict) for entry in found):
            return found
        if len(found) != len(ids):
            raise ArgumentError(
                f"expected one Poses for each of the {len(ids)} images",
                where="coco_ap",
                field="found",
                value=len(found),
            )
        pairs = zip(ids, found, strict=True)
    pairs = list(pairs)
    odd = next((poses for _, poses in pairs if not isinstance(poses, Poses)), None)
    require(
        all(isinstance(poses, Poses) for _, poses in pairs),
        "expected Poses",
        where="coco_ap",
        field="found",
        value=odd,
    )
    person = data["categories"][0]["id"] if data["categories"] else 1
    return [e for key, poses in pairs for e in to_results(poses, key, person)]


# --- columns -------------------------------------------------------------------------


def _people(records: list[dict], images: list, categories: list, joints: int):
    where = "truth, annotations"
    keypoints = keypoint_column(records, joints, where)
    labelled = finite(keypoints[..., 2], where, "a joint's flag") > 0
    points = np.where(labelled[..., None], keypoints[..., :2], 0)  # others may be null
    finite(points, where, "a labelled joint's place")
    areas = number_column(records, "area", where)
    require(
        bool((areas >= 0).all()),
        "must not be negative",
        where="coco_ap",
        field=f"{where}, area",
        value=areas.min(initial=0.0),
    )
    known = optional_column(records, "num_keypoints", labelled.sum(1).tolist(), where)
    crowd = optional_column(records, "iscrowd", [0] * len(records), where) != 0
    return People(
        image=index_column(records, "image_id", images, where),
        category=index_column(records, "category_id", categories, where, strict=False),
        points=points,
        flags=labelled,
        areas=areas,
        crowd=crowd,
        boxes=number_column(records, "bbox", where, 4),
        ignore=crowd | (known == 0),
    )


def _answers(
    records: list[dict], images: list, categories: list, joints: int
) -> Answers:
    where = "found"
    keypoints = keypoint_column(records, joints, where)
    points = keypoints[..., :2]
    finite(points, where, "keypoints")
    category = index_column(records, "category_id", categories, where, strict=False)
    if len(records) and (category < 0).all():
        raise ArgumentError(
            "no detection has a category that the truth knows",
            where="coco_ap",
            field="found, category_id",
            value=records[0]["category_id"],
            fix=f"The truth has {categories[:5]}.",
        )
    size = np.ptp(points, axis=1) if len(points) else np.zeros((0, 2))
    return Answers(
        image=index_column(records, "image_id", images, where),
        category=category,
        points=points,
        flags=keypoints[..., 2],
        areas=size[:, 0] * size[:, 1],
        scores=number_column(records, "score", where),
    )
