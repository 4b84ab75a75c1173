"""Small annotation files with pictures, each field of which a test may change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from poselab.datasets import Coco
from poselab.records import Poses
from poselab.skeleton import COCO_17

JOINTS = list(COCO_17.joints)
SIZE = 120, 100  # (H, W) of every picture


def points(box=(20, 10, 60, 100), flag: int = 2, joints: int = 17) -> list[float]:
    """x, y, flag of joints at random places in a box xywh, the same in every call."""
    draw = np.random.default_rng(0).random((joints, 2))
    places = np.round(np.array(box[:2]) + draw * np.array(box[2:]), 1)
    return [n for x, y in places.tolist() for n in (x, y, flag)]


def person(id: int = 1, image: int = 1, category: int = 1, **changes) -> dict:
    """Somebody with 17 joints; a field that is changed to `...` is left out."""
    record = {
        "id": id,
        "image_id": image,
        "category_id": category,
        "iscrowd": 0,
        "area": 4000.0,
        "bbox": [20, 10, 60, 100],
        "keypoints": points(),
        "num_keypoints": 17,
    }
    return _without({**record, **changes})


def category(id: int = 1, name: str = "person", **changes) -> dict:
    """A category with COCO's joints."""
    record = {"id": id, "name": name, "keypoints": JOINTS, "skeleton": []}
    return _without({**record, **changes})


def _without(record: dict) -> dict:
    return {key: value for key, value in record.items() if value is not ...}


def content(people: list, categories: list | None = None, images: int = 1) -> dict:
    """The dictionary of a file whose pictures are called 1.png, 2.png, ..."""
    records = [
        {"id": i, "file_name": f"{i}.png", "width": SIZE[1], "height": SIZE[0]}
        for i in range(1, images + 1)
    ]
    return {
        "info": {},
        "images": records,
        "annotations": people,
        "categories": [category()] if categories is None else categories,
    }


def write(folder: Path, data: dict, file="annotations.json", images="images") -> Path:
    """The file and its pictures below a folder; the folder."""
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(1)
    for record in data["images"]:
        name = folder / images / record["file_name"]
        name.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 255, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(name)
    (folder / file).write_text(json.dumps(data))
    return folder


def read(folder: Path, people: list, categories=None, images: int = 1, **options):
    """`Coco` of a file with these people."""
    write(folder, content(people, categories, images))
    return Coco(folder / "annotations.json", folder / "images", **options)


def answer() -> Poses:
    """The exact answer to one `person()`."""
    triples = torch.tensor(points()).reshape(1, 17, 3)
    return Poses(triples[..., :2], torch.ones(1, 17))
