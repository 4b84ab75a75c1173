"""PoseTrack18 (Andriluka et al., CVPR 2018, 1710.10000): people followed over videos.

The published files are one per video and lack what COCO's have; `merge` (which
data_scripts/prepare_posetrack.py runs) makes one COCO file of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poselab.datasets.coco.reader import Coco
from poselab.datasets.images import image_size
from poselab.datasets.json_file import Record, load_json
from poselab.records import Sample
from poselab.skeleton import POSETRACK_17
from poselab.system.disk import user_path

JOINTS = len(POSETRACK_17)
HEAD_BIAS = 0.6  # of the head box's diagonal, as in MPII's program


class PoseTrack(Coco):
    """The labelled frames of a file as `Sample`s with `track_ids`.

    The file is one of `merge`, a published one of a single video, or one of the merged
    files that circulate; sizes that it lacks are those of the images. The skeleton is
    `POSETRACK_17`. `videos` has the places of each video's frames in order,
    `clip(video)` the frames themselves; a track's id is the same in all frames of a
    video. Regions that nobody labelled are the mask `ignore`. Raises as `Coco`.
    """

    def __init__(
        self,
        annotation_file: str | Path,
        image_dir: str | Path,
        check_images: bool = True,
    ) -> None:
        self._published = user_path(annotation_file), user_path(image_dir)
        super().__init__(annotation_file, image_dir, POSETRACK_17, check_images)
        self.videos: dict[str, list[int]] = {}
        for place, record in enumerate(self.dataset["images"]):
            self.videos.setdefault(str(record.get("vid_id", "")), []).append(place)
        for places in self.videos.values():
            places.sort(key=self._time)

    def _time(self, place: int) -> tuple[int, str]:
        """When a frame is: by its number, or else by its name."""
        record = self.dataset["images"][place]
        number = record.get("frame_id", record["id"])
        return (number if type(number) is int else 0), record["file_name"]

    def adapt(self, content: Any) -> Any:
        """The file in COCO's form; as it is where it has that form already."""
        if not isinstance(content, dict) or not _is_published(content):
            return content
        file, image_dir = self._published
        merged = _merged([(file, content)], image_dir)
        return {**merged, "categories": content.get("categories")}

    def clip(self, video: str) -> list[Sample]:
        """The labelled frames of a video, in order."""
        return [self[place] for place in self.videos[video]]

    def head_sizes(self, index: int) -> torch.Tensor:
        """The length that PoseTrack's measures divide by, [P] px.

        0.6 of the head box's diagonal; NaN where the file has no head box.
        """
        image = self.annotations.images[index].id
        sizes = [
            a.get("head_size")
            for a in self.dataset["annotations"]
            if a["image_id"] == image and not a.get("iscrowd")
        ]
        return torch.tensor([math.nan if s is None else s for s in sizes])


def merge(
    files: Iterable[str | Path], image_dir: str | Path, notes: list[str] | None = None
) -> dict[str, Any]:
    """Published annotation files as one COCO dictionary; images give their sizes.

    Frames that are not labelled are left out. Joints with a mark are visible (2): the
    data set labels no hidden ones. A video without any image is left out if there are
    `notes` to say so. Raises `AnnotationError` or `ImageError`.
    """
    contents = ((Path(file), load_json(file)) for file in files)
    merged = _merged(contents, image_dir, notes)
    category = {"id": 1, "name": "person", "keypoints": list(POSETRACK_17.joints)}
    return {**merged, "categories": [category]}


def _is_published(content: dict) -> bool:
    """Whether frames or people lack what COCO's have, or some are not labelled."""
    frames, people = (_objects(content, key) for key in ("images", "annotations"))
    return any(
        "width" not in f or "is_labeled" in f or "ignore_regions_x" in f for f in frames
    ) or any("area" not in person for person in people)


def _objects(content: dict, key: str) -> list[dict]:
    records = content.get(key)
    records = records if isinstance(records, list) else []
    return [record for record in records if isinstance(record, dict)]


def _merged(contents, image_dir: str | Path, notes: list[str] | None = None) -> dict:
    """Images and annotations of (file, content) one after another."""
    images: list[dict] = []
    annotations: list[dict] = []
    for file, content in contents:
        top = Record(str(file), "the file", content)
        if notes is not None and _is_missing(top, image_dir):
            notes.append(f"skipped: {file.name} has no images")
            continue
        frames, regions = _frames(top, image_dir, file.stem)
        images += frames.values()
        annotations += regions
        for place, data in enumerate(top.items("annotations")):
            record = Record(str(file), f"annotations[{place}]", data)
            if record.integer("image_id") in frames:
                annotations += _person(record, frames[data["image_id"]])
    for number, annotation in enumerate(annotations):
        annotation["id"] = number + 1
    return {"images": images, "annotations": annotations}


def _is_missing(top: Record, image_dir: str | Path) -> bool:
    """Whether the folder of a video's images is not there."""
    names = [frame.get("file_name") for frame in _objects(top.data, "images")]
    folders = {(Path(image_dir) / n).parent for n in names if isinstance(n, str)}
    return bool(folders) and not any(folder.is_dir() for folder in folders)


def _frames(top: Record, image_dir: str | Path, video: str):
    """The labelled frames by id, and their regions that nobody labelled."""
    frames: dict[int, dict] = {}
    regions: list[dict] = []
    for place, data in enumerate(top.items("images")):
        record = Record(top.file, f"images[{place}]", data)
        if data.get("is_labeled", True):
            image = _image(record, image_dir, video)
            frames[image["id"]] = image
            regions += _ignored(record, image)
    return frames, regions


def _image(record: Record, image_dir: str | Path, video: str) -> dict:
    name = record.text("file_name")
    if "width" in record.data and "height" in record.data:
        width, height = record.integer("width", 1), record.integer("height", 1)
    else:
        height, width = image_size(Path(image_dir) / name)
    return {
        "id": record.integer("id"),
        "file_name": name,
        "width": width,
        "height": height,
        "vid_id": str(record.data.get("vid_id", video)),
        "frame_id": record.data.get("frame_id", record.data["id"]),
    }


def _person(record: Record, image: dict) -> list[dict]:
    """The person in COCO's form; nothing without box and joints."""
    if record.data.get("iscrowd"):
        return [dict(record.data)]
    meaning = f"x, y, v of each of the {JOINTS} joints"
    points = np.zeros((JOINTS, 3))
    if record.data.get("keypoints") not in (None, []):
        points = record.numbers("keypoints", 3 * JOINTS, meaning).reshape(JOINTS, 3)
    labelled = points[:, 2] > 0
    box = _box(record, points[labelled, :2], image)
    if box is None:
        return []
    points = np.where(labelled[:, None], points, 0)
    points[:, 2] = 2 * labelled
    person = _annotation(image, box, points)
    person["category_id"] = record.data.get("category_id", 1)
    person |= {"track_id": record.integer("track_id"), "iscrowd": 0}
    return [person | _head(record)]


def _head(record: Record) -> dict[str, float]:
    """The length of the head, where the file has a box of it."""
    if not record.data.get("bbox_head"):
        return {}
    sides = record.numbers("bbox_head", 4, "x, y, width, height")[2:]
    return {"head_size": HEAD_BIAS * float(np.hypot(*sides))}


def _annotation(image: dict, box: np.ndarray, points: np.ndarray) -> dict:
    return {
        "image_id": image["id"],
        "category_id": 1,
        "bbox": box.tolist(),
        "area": float(box[2:].prod()),
        "keypoints": points.ravel().tolist(),
        "num_keypoints": int((points[:, 2] > 0).sum()),
    }


def _box(record: Record, places: np.ndarray, image: dict) -> np.ndarray | None:
    """The person's box, or the one around the joints where there is none."""
    if record.data.get("bbox"):
        x, y, w, h = record.numbers("bbox", 4, "x, y, width, height")
        if min(w, h) < 0:
            record.fail("bbox", "has a negative width or height")
        low, high = np.array([x, y]), np.array([x + w, y + h])
    elif len(places):
        low, high = places.min(0), places.max(0) + 1
    else:
        return None
    return _clip(low, high, image)


def _clip(low: np.ndarray, high: np.ndarray, image: dict) -> np.ndarray:
    size = image["width"], image["height"]
    low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    return np.concatenate([low, high - low])


def _ignored(record: Record, image: dict) -> list[dict]:
    """The frame's polygons that nobody labelled, as one crowd region."""
    columns, rows = (record.data.get(f"ignore_regions_{a}") or [] for a in "xy")
    try:
        shapes = [np.array(pair, float).T for pair in zip(columns, rows, strict=True)]
    except (TypeError, ValueError):
        shapes = [np.array(np.nan)]
    if not all(np.isfinite(shape).all() for shape in shapes):
        record.fail("ignore_regions_x", "must be lists of numbers, as many as of y")
    limit = image["width"], image["height"]
    polygons = [np.clip(s, 0, limit) for s in shapes if s.ndim == 2 and len(s) > 2]
    if not polygons:
        return []
    corners = np.concatenate(polygons)
    box = _clip(corners.min(0), corners.max(0), image)
    crowd = _annotation(image, box, np.zeros((JOINTS, 3)))
    shapes = [polygon.ravel().tolist() for polygon in polygons]
    return [crowd | {"segmentation": shapes, "iscrowd": 1}]
