"""COCO's average precision of poses, as pycocotools computes it.

A PERSON (not a joint) counts as found at OKS >= t. Detections of all images are sorted
by their score together; precision over recall is made to fall monotonically and read
off at 101 recalls; AP is its mean there, averaged over t = 0.50, 0.55, ... 0.95. AR is
the largest recall, averaged in the same way (cocodataset.org/#keypoints-eval; the data
set: Lin et al. 2014, 1405.0312). `coco_ap_vectorised` derives the same numbers.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poselab.metrics.ap.inputs import NAMES, CocoNumbers, Columns, Inputs, read_inputs
from poselab.metrics.similarity import oks, sigmas
from poselab.skeleton import Skeleton

__all__ = ["NAMES", "CocoNumbers", "ap_by_area", "coco_ap", "coco_sigmas", "oks"]


def coco_ap(truth: Any, found: Any, skeleton: Skeleton | None = None) -> CocoNumbers:
    """COCO's ten keypoint numbers (`NAMES`), from pycocotools.

    `truth`: a COCO dictionary, a `Coco`, or samples (a list or stacked). `found`: the
    records of a results file, or one `Poses` per image (a list or stacked), or a
    dictionary image id -> `Poses`. Neither is changed.

    At most 20 people an image count. -1 means that there is nobody to find. Small
    people (area < 32^2) count in AP but not in APm or APl. A detection's area is that
    of the box around its joints; a "bbox" in its record is not looked at. People whose
    "num_keypoints" is 0 (what is labelled, if it is not given) and crowds are ignored:
    who finds them neither gains nor loses. Annotations are numbered anew, because
    pycocotools never finds the one whose id is 0. Raises `ArgumentError`.
    """
    inputs = read_inputs(truth, found, skeleton)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints a lot
        judge = make_judge(inputs)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return CocoNumbers(judge.stats)


def ap_by_area(
    truth: Any, found: Any, edges: Sequence[float], skeleton: Skeleton | None = None
) -> list[float]:
    """AP of people whose area is between two neighbouring `edges` (px^2, ascending).

    As COCO counts its medium and large people: somebody of another size neither gains
    nor loses, found or not; a detection that is nobody's counts by the area of its own
    box. -1 where there is nobody of the size. `truth`, `found` as for `coco_ap`. Raises
    `ArgumentError`.
    """
    inputs, pairs = read_inputs(truth, found, skeleton), list(pairwise(edges))
    with contextlib.redirect_stdout(io.StringIO()):
        judge = make_judge(inputs)
        judge.params.areaRng = [list(pair) for pair in pairs]
        judge.params.areaRngLbl = [str(pair) for pair in pairs]
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][:, :, 0, :, -1]  # [thresholds, recalls, sizes]
    return [
        float(each[each > -1].mean()) if (each > -1).any() else -1.0
        for each in np.moveaxis(precision, 2, 0)
    ]


def coco_sigmas(skeleton: Skeleton) -> np.ndarray:
    """The sigmas in pycocotools' rounding (.26 / 10 is not quite 0.026); [J]."""
    return np.array([round(10 * sigma, 9) for sigma in sigmas(skeleton)]) / 10


def make_judge(inputs: Inputs) -> COCOeval:
    """pycocotools' evaluation of these inputs, ready to `evaluate`.

    It is given what was checked and nothing else: records may have triples, tensors,
    nulls, or fields that make it take another way.
    """
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": key} for key in inputs.images],
        "categories": [{"id": key} for key in inputs.categories],
        "annotations": _numbered(inputs),
    }
    truth.createIndex()
    judge = COCOeval(truth, _detections(truth, _entries(inputs)), "keypoints")
    judge.params.kpt_oks_sigmas = coco_sigmas(inputs.skeleton)
    return judge


def _records(inputs: Inputs, rows: Columns) -> list[dict]:
    """Image, category and joints of each row, in plain Python; None where unknown."""
    keypoints = np.concatenate([rows.points, rows.flags[..., None]], -1)
    flat = [row.ravel().tolist() for row in keypoints]
    places = zip(rows.image.tolist(), rows.category.tolist(), flat, strict=True)
    return [
        {
            "image_id": inputs.images[image],
            "category_id": inputs.categories[kind] if kind >= 0 else None,
            "keypoints": joints,
        }
        for image, kind, joints in places
    ]


def _numbered(inputs: Inputs) -> list[dict]:
    """The annotations, numbered from 1."""
    rows = inputs.people
    more = zip(
        _records(inputs, rows),
        rows.areas.tolist(),
        rows.boxes.tolist(),
        rows.crowd.tolist(),
        rows.ignore.tolist(),
        strict=True,
    )
    return [
        {
            **record,
            "id": number,
            "area": area,
            "bbox": box,
            "iscrowd": int(crowd),
            "num_keypoints": int(not ignore),  # it only asks for 0
        }
        for number, (record, area, box, crowd, ignore) in enumerate(more, start=1)
    ]


def _entries(inputs: Inputs) -> list[dict]:
    """The detections of known categories as a results file has them.

    No boxes: pycocotools would take them for the area; COCO's keypoint task uses the
    joints.
    """
    rows = inputs.answers
    found = zip(_records(inputs, rows), rows.scores.tolist(), strict=True)
    known = ((r, score) for r, score in found if r["category_id"] is not None)
    return [{**record, "score": score} for record, score in known]


def _detections(truth: COCO, results: list[dict]) -> COCO:
    if results:
        return truth.loadRes(results)
    empty = COCO()  # loadRes cannot load nothing
    empty.dataset = {**truth.dataset, "annotations": []}
    empty.createIndex()
    return empty
