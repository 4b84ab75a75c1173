"""Records as COCO's dictionaries, so that any tool of the field can read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from poselab.errors import ArgumentError
from poselab.records.predictions import Poses
from poselab.records.sample import Sample
from poselab.skeleton import Skeleton

PERSON = 1


def to_coco(samples: Sample | Iterable[Sample]) -> dict[str, Any]:
    """Samples (a stacked one, or single ones of any sizes) as a COCO dictionary.

    pycocotools loads it and `Coco` reads it back equal: numbers keep all digits of
    their 32 bits, masks are compressed run lengths. As COCO wants it, a joint with
    visibility 0 has x = y = 0 in "keypoints"; where its place is known it stands in the
    extra field "keypoints_unlabelled". `ignore` becomes one crowd region. Absent people
    are left out. Images keep their `image_id` if all have one, else they are numbered
    from 1. Raises `ArgumentError`.
    """
    samples = sample_list(samples)
    ids = _image_ids(samples)
    skeleton = _one_skeleton(samples)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
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


def sample_list(samples: Sample | Iterable[Sample]) -> list[Sample]:
    """Unstacked samples: those of a stacked one, of a list, or one alone."""
    if isinstance(samples, Sample) and not samples.is_stacked:
        return [samples]
    return list(samples)


def _image_ids(samples: Sequence[Sample]) -> list[int]:
    given = [sample.image_id for sample in samples if sample.image_id is not None]
    if len(given) < len(samples):
        return list(range(1, len(samples) + 1))
    ids = [int(image_id) for image_id in given]
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
    for person in sample.present.nonzero()[:, 0].tolist():
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
        record["segmentation"] = encode_mask(sample.masks[person])
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
        "segmentation": encode_mask(ignore),
    }


def _shortest(values: Tensor):
    """Numbers as JSON, with as many digits as bring the same 32 bits back."""
    array = values.float().numpy()
    short = np.vectorize(lambda v: float(str(v)), otypes=[object])
    return short(array).tolist() if array.ndim else float(str(array[()]))


def encode_mask(mask: Tensor) -> dict[str, Any]:
    """A mask [H, W] bool as compressed run lengths that JSON can hold."""
    array = np.asfortranarray(mask.cpu().numpy().astype(np.uint8))
    code = coco_mask.encode(array)
    return {"size": list(mask.shape), "counts": code["counts"].decode("ascii")}


# --- predictions ---------------------------------------------------------------------


def to_results(poses: Poses, image_id: int, category_id: int = 1) -> list[dict]:
    """One image's poses as entries of a results file.

    `poses` [P, ...] are unstacked; absent people are left out. The score of a person
    is `person_scores`, else the mean of the joints' scores.
    """
    poses = poses.to("cpu")
    scores = poses.person_scores
    scores = poses.scores.mean(-1) if scores is None else scores
    return [
        _entry(poses, person, float(scores[person]), int(image_id), category_id)
        for person in poses.present.nonzero()[:, 0].tolist()
    ]


def _entry(poses: Poses, person: int, score: float, image_id: int, category_id: int):
    points = poses.keypoints[person].double()
    rows = torch.cat([points, poses.scores[person, :, None].double()], -1)
    entry: dict[str, Any] = {"image_id": image_id, "category_id": category_id}
    return entry | {"keypoints": rows.flatten().tolist(), "score": score}
