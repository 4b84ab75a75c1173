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
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poselab.metrics.ap.inputs import NAMES, CocoNumbers, Inputs, read_inputs
from poselab.metrics.similarity import oks, sigmas
from poselab.skeleton import Skeleton

__all__ = ["NAMES", "CocoNumbers", "coco_ap", "coco_sigmas", "oks"]


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


def coco_sigmas(skeleton: Skeleton) -> np.ndarray:
    """The sigmas in pycocotools' rounding (.26 / 10 is not quite 0.026); [J]."""
    return np.array([round(10 * sigma, 9) for sigma in sigmas(skeleton)]) / 10


def make_judge(inputs: Inputs) -> COCOeval:
    """pycocotools' evaluation of these inputs, ready to `evaluate`."""
    truth = COCO()
    truth.dataset = {**inputs.truth, "annotations": _numbered(inputs)}
    truth.createIndex()
    judge = COCOeval(truth, _detections(truth, inputs.found), "keypoints")
    judge.params.kpt_oks_sigmas = coco_sigmas(inputs.skeleton)
    return judge


def _numbered(inputs: Inputs) -> list[dict]:
    """Copies of the annotations, numbered from 1, with the fields that are read."""
    counts = inputs.people.flags.sum(1).tolist()
    given = zip(inputs.truth["annotations"], counts, strict=True)
    return [
        {"iscrowd": 0, "num_keypoints": count, **record, "id": number}
        for number, (record, count) in enumerate(given, start=1)
    ]


def _detections(truth: COCO, results: list[dict]) -> COCO:
    if results:
        # loadRes would take a box for the area; COCO's keypoint task uses the joints.
        return truth.loadRes(
            [{k: v for k, v in e.items() if k != "bbox"} for e in results]
        )
    empty = COCO()  # loadRes cannot load nothing
    empty.dataset = {**truth.dataset, "annotations": []}
    empty.createIndex()
    return empty
