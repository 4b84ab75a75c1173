"""Samples as a COCO keypoint file, so that any tool of the field can read them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poselab.datasets.coco import masks
from poselab.datasets.images import to_pil
from poselab.errors import ArgumentError, PoselabError
from poselab.records import Sample
from poselab.skeleton import Skeleton
from poselab.system.disk import replace_file

PERSON = 1


def to_coco(samples: Sample | Iterable[Sample]) -> dict[str, Any]:
    """Samples (a stacked one, or single ones of any sizes) as a COCO dictionary.

    pycocotools loads it and `Coco` reads it back equal: numbers keep all digits of
    their 32 bits, masks are compressed run lengths. As COCO wants it, a joint with
    visibility 0 has x = y = 0 in "keypoints"; where its place is known it stands in the
    extra field "keypoints_unlabelled". `ignore` becomes one crowd region. People
    without a box and without a labelled joint (padding) are left out. Images keep their
    `image_id` if all have one, else they are numbered from 1. Raises `ArgumentError`.
    """
    samples = list(samples) if not _single(samples) else [samples]
    ids = _image_ids(samples)
    skeleton = _one_skeleton(samples)
    images, annotations = [], []
    for sample, image_id in zip(samples, ids, strict=True):
        height, width = sample.size
        images.append(
            {
                "id": image_id,
                "file_name": f"{image_id:012d}.png",
                "width": width,
                "height": height,
            }
        )
        for record in _annotations(sample):
            record = {"id": len(annotations) + 1, "image_id": image_id, **record}
            annotations.append(record)
    return {
        "info": {"description": "exported by poselab", "version": "1"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [_category(skeleton)],
    }


def save_coco(
    samples: Sample | Iterable[Sample],
    annotation_file: str | Path,
    image_dir: str | Path,
) -> dict[str, Any]:
    """Write samples as a COCO file and PNG images; returns the dictionary.

    Every file appears complete or not at all, the annotations last. Images have 8 bits
    a channel. Raises `PoselabError` where the disk says no.
    """
    samples = list(samples) if not _single(samples) else [samples]
    data = to_coco(samples)
    target, folder = Path(annotation_file), Path(image_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        for sample, record in zip(samples, data["images"], strict=True):
            with replace_file(folder / record["file_name"]) as temporary:
                to_pil(sample.image).save(temporary, format="PNG")
        with replace_file(target) as temporary:
            temporary.write_text(json.dumps(data), encoding="utf-8")
    except OSError as problem:
        raise PoselabError(
            f"cannot be written ({problem.strerror or problem})",
            where=problem.filename or target,
            fix="Choose another directory.",
        ) from problem
    return data


def _single(samples) -> bool:
    return isinstance(samples, Sample) and not samples.is_stacked


def _image_ids(samples: Sequence[Sample]) -> list[int]:
    if any(sample.image_id is None for sample in samples):
        return list(range(1, len(samples) + 1))
    ids = [int(sample.image_id) for sample in samples]
    twice = [i for i, count in Counter(ids).items() if count > 1]
    if twice:
        raise ArgumentError(
            "two samples have the same id",
            where="to_coco",
            field="image_id",
            value=twice[0],
            fix="Set image_id=None in one to have all numbered.",
        )
    return ids


def _one_skeleton(samples: Sequence[Sample]) -> Skeleton:
    kinds = {sample.skeleton.name: sample.skeleton for sample in samples}
    if len(kinds) != 1:
        raise ArgumentError(
            "needs at least one sample, all of one skeleton",
            where="to_coco",
            field="samples",
            value=sorted(kinds),
        )
    return next(iter(kinds.values()))


def _category(skeleton: Skeleton) -> dict[str, Any]:
    limbs = [[a + 1, b + 1] for a, b in skeleton.limbs]  # COCO counts joints from 1
    return {
        "id": PERSON,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": limbs,
    }


def _annotations(sample: Sample):
    sample = sample.to("cpu")
    for person in range(len(sample.keypoints)):
        box = sample.boxes[person]
        if bool((box[2:] > 0).any() or (sample.visibility[person] > 0).any()):
            yield _person(sample, person)
    if sample.ignore is not None and bool(sample.ignore.any()):
        yield _crowd(sample.ignore, len(sample.skeleton))


def _person(sample: Sample, person: int) -> dict[str, Any]:
    points, flags = sample.keypoints[person], sample.visibility[person]
    labelled = flags > 0
    _check_finite(sample, person, labelled)
    points = points.nan_to_num(0.0, 0.0, 0.0)  # unlabelled ones may be nowhere
    record = {
        "category_id": PERSON,
        "iscrowd": 0,
        "num_keypoints": int(labelled.sum()),
        "keypoints": _triples(points, flags),
        "bbox": _shortest(sample.boxes[person]),
        "area": _shortest(sample.areas[person]),
    }
    if bool((points[~labelled] != 0).any()):
        record["keypoints_unlabelled"] = _shortest(points.flatten())
    if sample.masks is not None:
        record["segmentation"] = masks.encode(sample.masks[person])
    if sample.track_ids is not None:
        record["track_id"] = int(sample.track_ids[person])
    return record


def _triples(points: Tensor, flags: Tensor) -> list[float]:
    """x, y, v of each joint in turn; 0, 0, 0 where it is not labelled."""
    numbers: list[float] = []
    for place, flag in zip(_shortest(points), flags.tolist(), strict=True):
        numbers += [*place, flag] if flag > 0 else [0, 0, 0]
    return numbers


def _check_finite(sample: Sample, person: int, labelled: Tensor) -> None:
    values = {
        "keypoints": sample.keypoints[person][labelled],
        "boxes": sample.boxes[person],
        "areas": sample.areas[person],
    }
    for name, value in values.items():
        if not bool(torch.isfinite(value).all()):
            raise ArgumentError(
                "must be finite",
                where="to_coco",
                field=f"{name} of person {person}",
                value=value.tolist(),
            )


def _crowd(ignore: Tensor, joints: int) -> dict[str, Any]:
    rows, columns = torch.nonzero(ignore, as_tuple=True)
    x, y = int(columns.min()), int(rows.min())
    return {
        "category_id": PERSON,
        "iscrowd": 1,
        "num_keypoints": 0,
        "keypoints": [0] * (3 * joints),
        "bbox": [x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1],
        "area": int(ignore.sum()),
        "segmentation": masks.encode(ignore),
    }


def _shortest(values: Tensor):
    """Numbers as JSON, with as many digits as bring the same 32 bits back."""
    array = values.float().numpy()
    short = np.vectorize(lambda v: float(str(v)), otypes=[object])
    return short(array).tolist() if array.ndim else float(str(array[()]))
