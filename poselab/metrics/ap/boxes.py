"""Average precision of boxes: a person counts as found at an overlap of t or more.

AP50 is the area under precision over recall at t = 0.50, AP the mean over t = 0.50,
0.55, ... 0.95 (cocodataset.org/#detection-eval); pycocotools computes them.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterable

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poselab.errors import require
from poselab.records import Detections, Sample
from poselab.records.coco import sample_list, to_coco

BOX_NAMES = (
    "AP",
    "AP50",
    "AP75",
    "APs",
    "APm",
    "APl",
    "AR1",
    "AR10",
    "AR",
    "ARs",
    "ARm",
    "ARl",
)

PERSON = 1  # the label of people, as in `Detections`


def box_ap(
    truth: Sample | Iterable[Sample], found: Detections | Iterable[Detections]
) -> dict[str, float]:
    """COCO's twelve box numbers (`BOX_NAMES`) for people.

    `truth` is a list of samples or a stacked one, `found` the detections of each image
    (a list or stacked), of which those with label 1 are people; the others are left
    out, counted in a warning. At most 100 boxes an image count. -1 means that there is
    nobody of that size. Raises `ArgumentError`.
    """
    truth, found = sample_list(truth), list(found)
    require(
        len(truth) == len(found),
        f"expected one answer for each of {len(truth)} images",
        where="box_ap",
        field="found",
        value=len(found),
    )
    data = to_coco(truth)
    for number, record in enumerate(data["annotations"], start=1):
        record["id"] = number  # COCOeval takes a match with id 0 for no match
        record.setdefault("iscrowd", 0)
    entries = [
        {
            "image_id": image["id"],
            "category_id": data["categories"][0]["id"],
            "bbox": box,
            "score": score,
        }
        for image, answer in zip(data["images"], found, strict=True)
        for box, score in _people(answer)
    ]
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints a lot
        return _evaluate(data, entries)


def _people(answer: Detections) -> Iterable[tuple[list[float], float]]:
    """(box, score) of the people who are present."""
    answer = answer.people(answer.present)
    people = answer.people(answer.labels == PERSON)
    others = answer.count - people.count
    if others:
        text = f"box_ap: {others} boxes that are no people (label not 1) are left out"
        warnings.warn(text, stacklevel=3)
    return zip(people.boxes.tolist(), people.scores.tolist(), strict=True)


def _evaluate(data: dict, entries: list[dict]) -> dict[str, float]:
    truth = COCO()
    truth.dataset = data
    truth.createIndex()
    if entries:
        answer = truth.loadRes(entries)
    else:  # loadRes cannot load nothing
        answer = COCO()
        answer.dataset = {**data, "annotations": []}
        answer.createIndex()
    judge = COCOeval(truth, answer, "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return dict(zip(BOX_NAMES, (float(s) for s in judge.stats), strict=True))
