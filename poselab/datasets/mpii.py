"""MPII Human Pose (Andriluka et al., CVPR 2014) from its .mat or the common JSON.

Both count pixels from 1, as MATLAB does; samples count from 0. A joint with
coordinates that is marked as not visible is labelled but hidden (1). A person's box is
the square of side 200 * scale, clipped to the image, around a point 15 * scale below
the centre: the centres of the files lie so high that feet would be cut off, and the
field's readers (since Newell et al. 2016) move them down by as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poselab.datasets.images import read_image
from poselab.datasets.json_file import Record, load_json
from poselab.datasets.mpii_mat import load_mat
from poselab.errors import AnnotationError
from poselab.records import Sample
from poselab.skeleton import MPII_16
from poselab.system.disk import user_path

PERSON = 200.0  # px: "scale" is the person's height divided by this
DOWN = 15.0  # px at scale 1
FIRST = 1.0  # the first pixel in the files
JOINTS = len(MPII_16)


@dataclass(frozen=True)
class Person:
    """Somebody in an image: joints [16, 2] px, visibility [16], centre, scale, head.

    `head` are the two corners [2, 2] px of the head's box; None in the common JSON.
    """

    joints: np.ndarray
    visibility: np.ndarray
    centre: np.ndarray
    scale: float
    head: np.ndarray | None = None

    def box(self, size: tuple[int, int]) -> list[float]:
        """x, y, w, h of the square around the person inside the image (H, W)."""
        half = self.scale * PERSON / 2
        middle = self.centre + 0.5 + [0, DOWN * self.scale]
        low = np.clip(middle - half, 0, size[::-1])
        high = np.clip(middle + half, 0, size[::-1])
        return [*low.tolist(), *(high - low).tolist()]

    @property
    def area(self) -> float:
        """px^2 of the tight box around the labelled joints, for want of a mask."""
        places = self.joints[self.visibility > 0]
        return float(np.ptp(places, axis=0).prod()) if len(places) else 0.0


class Mpii:
    """The images of an MPII file, each a `Sample` with all its people.

    `annotation_file` is the published .mat (its training images, which are those with
    labels) or a JSON list of people with "image", "joints", "joints_vis", "center" and
    "scale". `mpii[i]`, `len(mpii)`, iteration; `head_sizes(i)` for PCKh. Raises
    `AnnotationError` or `ImageError`, which name the file, the record and the field.
    """

    skeleton = MPII_16

    def __init__(self, annotation_file: str | Path, image_dir: str | Path) -> None:
        self.annotation_file = user_path(annotation_file)
        self.image_dir = user_path(image_dir)
        self.people: dict[str, list[Person]] = {}
        read = load_mat if self.annotation_file.suffix == ".mat" else _load_json
        for record in read(self.annotation_file):
            name, people = _person(record)
            self.people.setdefault(name, []).extend(people)
        self.file_names = list(self.people)

    def __len__(self) -> int:
        return len(self.file_names)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        name = self.file_names[index]
        image = read_image(self.image_dir / name)
        people, size = self.people[name], tuple(image.shape[1:])
        return Sample(
            image=image,
            keypoints=_stack([p.joints for p in people], JOINTS, 2).float(),
            visibility=_stack([p.visibility for p in people], JOINTS).long(),
            boxes=_stack([p.box(size) for p in people], 4).float(),
            areas=_stack([p.area for p in people]).float(),
            skeleton=MPII_16,
            image_id=index % len(self),
        )

    def head_sizes(self, index: int) -> torch.Tensor:
        """The length that PCKh divides by, [P] px: 0.6 of the head box's diagonal.

        NaN where the file has no head box (the common JSON has none).
        """
        heads = [p.head for p in self.people[self.file_names[index]]]
        return torch.tensor(
            [
                float("nan") if h is None else 0.6 * float(np.linalg.norm(h[1] - h[0]))
                for h in heads
            ]
        )


def _stack(rows: list, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.array(rows, np.float64).reshape(len(rows), *shape))


def _load_json(file: Path) -> Iterator[Record]:
    content = load_json(file)
    if not isinstance(content, list):
        raise AnnotationError(
            "must be a JSON list of people", where=file, value=content
        )
    for place, data in enumerate(content):
        yield Record(str(file), f"[{place}]", data)


def _person(record: Record) -> tuple[str, list[Person]]:
    """The image's name, and the person, if there is one in the record."""
    name = record.text("image")
    if "joints" not in record.data:
        return name, []
    joints = _pairs(record, "joints", JOINTS)
    seen = record.numbers("joints_vis", JOINTS, "0 or 1 for each joint")
    if not np.isin(seen, (0, 1)).all():
        record.fail("joints_vis", "must be 0 or 1 for each joint")
    placed = (joints > 0).all(1)  # a missing joint is at (-1, -1) or (0, 0)
    return name, [
        Person(
            joints=(joints - FIRST) * placed[:, None],
            visibility=placed * (1 + seen),
            centre=record.numbers("center", 2, "x, y") - FIRST,
            scale=record.number("scale", 0),
            head=_pairs(record, "head", 2) if "head" in record.data else None,
        )
    ]


def _pairs(record: Record, key: str, count: int) -> np.ndarray:
    value: Any = record.items(key)
    if any(not isinstance(pair, list) or len(pair) != 2 for pair in value):
        record.fail(key, "must be pairs [x, y]")
    flat = Record(record.file, record.name, {key: [n for pair in value for n in pair]})
    meaning = f"x, y of each of the {count}"
    return flat.numbers(key, 2 * count, meaning).reshape(count, 2)
