"""Object keypoint similarity and COCO's average precision.

OKS compares two poses of one person: the mean over labelled joints of exp(-d_i^2 / (2
s^2 k_i^2)) with d_i in pixels, s^2 the person's segment area and k_i = 2 sigma_i
(cocodataset.org/#keypoints-eval). It is a similarity: 1 is perfect. AP is the area
under precision over recall, where a person counts as found at OKS >= t, averaged over t
= 0.50, 0.55, ... 0.95; pycocotools computes it.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor

from poselab.datasets.coco_export import to_coco
from poselab.datasets.coco_results import to_results
from poselab.errors import ArgumentError, require_shape
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton

NAMES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")


def oks(
    pred: Tensor,
    truth: Tensor,
    visibility: Tensor,
    areas: Tensor,
    skeleton: Skeleton = COCO_17,
    boxes: Tensor | None = None,
) -> Tensor:
    """OKS of every prediction with every person; [..., N, Q].

    pred [..., N, J, 2] px, truth [..., Q, J, 2] px, visibility [..., Q, J], areas
    [..., Q] px^2. Joints with visibility 0 do not count. A person without any labelled
    joint is compared by how far the joints are outside the doubled box, as pycocotools
    does, if `boxes` [..., Q, 4] are given, and has OKS 0 otherwise.
    """
    joints = len(skeleton)
    require_shape("pred", pred, "...", None, joints, 2)
    require_shape("truth", truth, "...", None, joints, 2)
    require_shape("visibility", visibility, "...", None, joints)
    require_shape("areas", areas, "...", truth.shape[-3])
    labelled = (visibility > 0)[..., None, :, :]  # [..., 1, Q, J]
    near = (pred[..., :, None, :, :] - truth[..., None, :, :, :]).square().sum(-1)
    score = _similarity(near, areas, skeleton) * labelled
    count = labelled.sum(-1)  # [..., 1, Q]
    value = score.sum(-1) / count.clamp(min=1)
    if boxes is None:
        return value
    far = _similarity(_outside(pred, boxes), areas, skeleton).mean(-1)
    return torch.where(count > 0, value, far)


def _similarity(squared: Tensor, areas: Tensor, skeleton: Skeleton) -> Tensor:
    """exp(-d^2 / (2 s^2 k^2)) of squared distances [..., N, Q, J]."""
    k = 2 * squared.new_tensor(_sigmas(skeleton))
    scale = areas.to(squared)[..., None, :, None] + torch.finfo(torch.float64).eps
    return torch.exp(-squared / (2 * scale * k.square()))


def _outside(pred: Tensor, boxes: Tensor) -> Tensor:
    """Squared distance of joints to boxes grown by their size on every side."""
    low = (boxes[..., :2] - boxes[..., 2:])[..., None, :, None, :]
    high = (boxes[..., :2] + 2 * boxes[..., 2:])[..., None, :, None, :]
    point = pred[..., :, None, :, :]
    gap = (low - point).clamp(min=0) + (point - high).clamp(min=0)
    return gap.square().sum(-1)


def coco_ap(
    truth: Any, found: Any, skeleton: Skeleton | None = None
) -> dict[str, float]:
    """COCO's ten keypoint numbers (`NAMES`), as pycocotools gives them.

    `truth`: a `Coco`, a COCO dictionary, or samples (a list or stacked). `found`: one
    `Poses` per image (a list or stacked), or a dictionary image id -> `Poses`, or the
    entries of a results file. At most 20 people an image count. -1 means that there is
    nobody to find. Small people (area < 32^2) count in AP but not in APm or APl. Raises
    `ArgumentError`.
    """
    data, skeleton = _truth(truth, skeleton)
    results = _results(found, data)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints a lot
        stats = _evaluate(data, results, skeleton)
    return dict(zip(NAMES, (float(s) for s in stats), strict=True))


def _truth(truth: Any, skeleton: Skeleton | None) -> tuple[dict, Skeleton]:
    if isinstance(truth, dict):
        return copy.deepcopy(truth), skeleton or COCO_17
    if hasattr(truth, "dataset"):
        return copy.deepcopy(truth.dataset), skeleton or truth.skeleton
    samples = [truth] if isinstance(truth, Sample) and not truth.is_stacked else truth
    samples = list(samples)
    if not samples or not isinstance(samples[0], Sample):
        raise ArgumentError(
            "expected samples, a Coco or a COCO dictionary", where="coco_ap",
            field="truth", value=truth,
        )  # fmt: skip
    return to_coco(samples), skeleton or samples[0].skeleton


def _results(found: Any, data: dict) -> list[dict]:
    """Entries of a results file, whatever form they came in."""
    category = next(
        (c["id"] for c in data["categories"] if c.get("name") == "person"), 1
    )
    ids = [image["id"] for image in data["images"]]
    if isinstance(found, Poses) and not found.is_stacked:
        found = [found]
    if isinstance(found, dict):
        pairs: Iterable = found.items()
    else:
        found = list(found)
        if all(isinstance(entry, dict) for entry in found):
            return _known([dict(entry) for entry in found], ids)
        if len(found) != len(ids):
            raise ArgumentError(
                f"expected one Poses for each of the {len(ids)} images",
                where="coco_ap", field="found", value=len(found),
            )  # fmt: skip
        pairs = zip(ids, found, strict=True)
    entries = [e for key, poses in pairs for e in to_results(poses, key, category)]
    return _known(entries, ids)


def _known(entries: list[dict], ids: list[int]) -> list[dict]:
    known = set(ids)
    strangers = [e.get("image_id") for e in entries if e.get("image_id") not in known]
    if strangers:
        raise ArgumentError(
            "the truth has no such image", where="coco_ap", field="found, image_id",
            value=strangers[0],
        )  # fmt: skip
    return entries


def _evaluate(data: dict, results: list[dict], skeleton: Skeleton) -> np.ndarray:
    truth = COCO()
    truth.dataset = _numbered(data)
    truth.createIndex()
    judge = COCOeval(truth, _detections(truth, results), "keypoints")
    judge.params.kpt_oks_sigmas = np.array(_sigmas(skeleton))
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return judge.stats


def _numbered(data: dict) -> dict:
    """Annotations numbered from 1: COCOeval takes a match with id 0 for no match.

    num_keypoints, which decides who counts, is what is labelled.
    """
    for number, record in enumerate(data["annotations"], start=1):
        flags = record.get("keypoints", [])[2::3]
        record |= {"id": number, "iscrowd": record.get("iscrowd", 0),
                   "num_keypoints": sum(v > 0 for v in flags)}  # fmt: skip
    return data


def _detections(truth: COCO, results: list[dict]) -> COCO:
    if results:
        # loadRes would take a box for the area; COCO's keypoint task uses the joints.
        return truth.loadRes([{k: v for k, v in e.items() if k != "bbox"}
                              for e in results])  # fmt: skip
    empty = COCO()  # loadRes cannot load nothing
    empty.dataset = {**truth.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _sigmas(skeleton: Skeleton) -> tuple[float, ...]:
    if skeleton.sigmas is None:
        raise ArgumentError(
            "this skeleton has no OKS sigmas", where="oks", field="skeleton",
            value=skeleton.name, fix="Use PCK, or a skeleton with sigmas.",
        )  # fmt: skip
    return skeleton.sigmas
