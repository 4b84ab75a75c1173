"""What is asked of a network, and the rows that its answers get on the scoreboard.

Networks for one person are scored on the framed people of `evaluation("single")`,
detectors and whole systems on `evaluation("crowd")`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselab import zoo
from poselab.codecs.regression import denormalise, normalise, single_person
from poselab.evaluate.cost import count_macs, milliseconds
from poselab.evaluate.predictions import predict
from poselab.geometry import box_of_image
from poselab.metrics import box_ap, coco_ap, pck
from poselab.models import RCNN, Cascade, CoarseToFine
from poselab.pipelines import TopDown
from poselab.records import Sample
from poselab.system import distributed

THRESHOLDS = (0.05, 0.1, 0.2)

# --- one person in each picture ------------------------------------------------------


def pck_scores(predicted: Tensor, sample: Sample) -> dict[str, float]:
    """PCK of [N, J, 2] px, one person per image, against the longer box side."""
    sample = single_person(sample)
    values = pck(
        predicted,
        sample.keypoints[:, 0],
        sample.visibility[:, 0],
        "box",
        THRESHOLDS,
        boxes=sample.boxes[:, 0],
    )
    return {
        f"PCK@{t:g}": round(float(v), 4)
        for t, v in zip(THRESHOLDS, values, strict=True)
    }


def mean_pose(sample: Sample) -> Tensor:
    """The mean of the normalised joints of a stacked sample; [J, 2]."""
    points, known = _normalised(sample)
    weight = known[..., None].to(points)
    total = torch.where(known[..., None], points, 0.0).sum(0)
    return total / weight.sum(0).clamp(min=1)


def _normalised(sample: Sample) -> tuple[Tensor, Tensor]:
    sample = single_person(sample)
    points = sample.keypoints[:, 0]
    box = box_of_image(sample.size).to(points)
    return normalise(points, box), sample.visibility[:, 0] > 0


def parts(net: nn.Module) -> list[nn.Module]:
    """The networks that get a row: one after each of its stages, others once.

    A staged network has `stages` and `truncated(n)`, itself cut after n of them.
    """
    if hasattr(net, "truncated"):
        return [net.truncated(n) for n in range(1, net.stages + 1)]
    if isinstance(net, CoarseToFine):
        return [net.coarse, net]
    if not isinstance(net, Cascade):
        return [net]
    stages = range(len(net.refiners) + 1)
    return [
        Cascade(net.first, list(net.refiners[:i]), net.sigma, net.skeleton)
        for i in stages
    ]


def rows(
    name: str, net: nn.Module, sample: Sample, codec: Any = None
) -> list[dict[str, Any]]:
    """One row of the scoreboard for each of `parts`; `codec` as for `predict`.

    In a team of processes only the leader gets them.
    """
    table = []
    image = sample.image[:1]
    found = predict(net, sample.image, codec=codec)
    if not distributed.team().leads:
        return table
    for i, (part, predicted) in enumerate(zip(parts(net), found, strict=True)):
        table.append(
            {
                "name": name,
                "stage": i + 1,
                "set": "single",
                "parameters": sum(p.numel() for p in part.parameters()),
                "macs": count_macs(part.eval(), image),
                "ms_per_image": round(milliseconds(part, image), 2),
                "scores": pck_scores(predicted, sample),
            }
        )
    return table


def baseline(seen: Sample, sample: Sample) -> dict[str, Any]:
    """The row of the mean pose of `seen`: the score of a method that never looks."""
    box = box_of_image(sample.size).to(seen.keypoints)
    answer = denormalise(mean_pose(seen), box)  # [J, 2] px
    predicted = answer.expand(len(sample), *answer.shape)
    return {
        "name": "mean_pose",
        "stage": 1,
        "set": "single",
        "parameters": answer.numel(),
        "macs": 0,
        "ms_per_image": 0.0,
        "scores": pck_scores(predicted, sample),
    }


# --- crowds --------------------------------------------------------------------------

TOP_DOWN = ("rcnn_tiny", "simple_baseline_tiny")  # the pair that has a row


def detector_rows(name: str, net: RCNN, crowd: Sample) -> list[dict[str, Any]]:
    """The row of a detector: AP of its boxes for people."""
    scores = box_ap(crowd, [net.detect(image) for image in crowd.image])
    image = crowd.image[:1]
    return [
        {
            "name": name,
            "stage": 1,
            "set": "crowd",
            "parameters": sum(p.numel() for p in net.parameters()),
            "macs": count_macs(net, image),
            "ms_per_image": round(milliseconds(net, image), 2),
            "scores": {f"box {k}": round(scores[k], 4) for k in ("AP", "AP50", "AP75")},
        }
    ]


def system_rows(folder: Path, crowd: Sample) -> list[dict[str, Any]]:
    """The row of the top-down pipeline of this folder's networks, if it has both."""
    if not set(TOP_DOWN) <= set(zoo.names(folder)):
        return []
    finder, net = (zoo.load(name, folder) for name in TOP_DOWN)
    system = TopDown(finder, net, zoo.codec(TOP_DOWN[1], folder), flip=True)
    start = time.perf_counter()
    found = [system(image) for image in crowd.image]
    spent = 1000 * (time.perf_counter() - start) / len(crowd)
    scores = coco_ap(crowd, found)
    people = crowd.count / len(crowd)
    crop = torch.zeros(1, 3, *system.single.codec.size)
    per_person = 2 * count_macs(net, crop)  # the mirror image too
    return [
        {
            "name": "top_down",
            "stage": 1,
            "set": "crowd",
            "parts": list(TOP_DOWN),
            "parameters": sum(p.numel() for n in (finder, net) for p in n.parameters()),
            "macs": count_macs(finder, crowd.image[:1]) + round(people * per_person),
            "ms_per_image": round(spent, 2),
            "scores": {k: round(scores[k], 4) for k in ("AP", "AP50", "AP75", "AR")},
        }
    ]
