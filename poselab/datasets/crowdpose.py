"""CrowdPose (Li et al., "CrowdPose", CVPR 2019, 1812.00324): crowded scenes, 14 joints.

Its files are nearly COCO's: the category calls the head top "head", people have no
area, and boxes may reach a little over the border.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from poselab.datasets.coco.reader import Coco
from poselab.datasets.json_file import Record
from poselab.skeleton import CROWDPOSE_14

# CrowdPose's evaluation takes this share of the box for the person's area.
AREA_OF_BOX = 0.53


class CrowdPose(Coco):
    """The images of a CrowdPose file as `Sample`s with the skeleton `CROWDPOSE_14`.

    As `Coco`, which says what is checked and raised. `crowd_index(i)` is the share of
    other people's joints in the boxes of image i, in [0, 1].
    """

    def __init__(
        self,
        annotation_file: str | Path,
        image_dir: str | Path,
        check_images: bool = True,
    ) -> None:
        super().__init__(annotation_file, image_dir, CROWDPOSE_14, check_images)

    def crowd_index(self, index: int) -> float:
        """How crowded image `index` is, as the file says; NaN if it does not.

        Raises `AnnotationError` for what is not a number.
        """
        data = self.dataset["images"][index]
        if data.get("crowdIndex") is None:
            return float("nan")
        return Record(str(self.annotation_file), "images", data).number("crowdIndex", 0)

    def adapt(self, content: Any) -> Any:
        """A copy of the content with COCO's areas and boxes."""
        content = copy.deepcopy(content)
        if not isinstance(content, dict):
            return content
        sizes = {}
        for record in _objects(content, "images"):
            sizes[repr(record.get("id"))] = record.get("width"), record.get("height")
        for person in _objects(content, "annotations"):
            _complete(person, sizes.get(repr(person.get("image_id"))))
        return content


def _objects(content: dict, key: str) -> list[dict]:
    """The records under `key`; what is not one is left for the check."""
    records = content.get(key)
    records = records if isinstance(records, list) else []
    return [record for record in records if isinstance(record, dict)]


def _complete(person: dict, size) -> None:
    box = person.get("bbox")
    numbers = [*box, *(size or [None])] if isinstance(box, list) else [None]
    if len(numbers) != 6 or not all(type(n) in (int, float) for n in numbers):
        return
    x, y, w, h, width, height = numbers
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + w, width), min(y + h, height)
    if left <= right and top <= bottom:  # else it is not a box of this image at all
        person["bbox"] = [left, top, right - left, bottom - top]
    person.setdefault("area", AREA_OF_BOX * max(w, 0) * max(h, 0))
