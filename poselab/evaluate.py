"""The scoreboard: every bundled network on the fixed evaluation sets.

`python -m poselab.evaluate` writes poselab/zoo/scoreboard.json and the scores on each
card; nobody types a score.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselab import datasets, zoo
from poselab.codecs.regression import denormalise, normalise, single_person
from poselab.geometry import box_of_image
from poselab.metrics import box_ap, coco_ap, pck
from poselab.models import RCNN, Cascade, CoarseToFine
from poselab.pipelines import TopDown
from poselab.records import Sample
from poselab.system import distributed
from poselab.zoo.recipes import predict

THRESHOLDS = (0.05, 0.1, 0.2)
BASELINE = 1000  # drawn people whose mean pose is the baseline


# --- one network ---------------------------------------------------------------------


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


@torch.no_grad()
def count_macs(net: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of the convolutions and linear layers of one call."""
    total = 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        # A transposed convolution spreads each input value, the others gather.
        spreads = isinstance(layer, nn.ConvTranspose2d)
        values = given[0] if spreads else output
        total += values.numel() * layer.weight[0].numel()

    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    hooks = [
        m.register_forward_hook(count) for m in net.modules() if isinstance(m, kinds)
    ]
    try:
        net(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total


@torch.no_grad()
def milliseconds(net: nn.Module, *inputs: Tensor, repeats: int = 25) -> float:
    """The fastest of `repeats` calls: whatever else runs only makes them slower."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        net(*inputs)
        if inputs[0].is_cuda:
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


# --- where regression fails ----------------------------------------------------------


def mean_pose(sample: Sample) -> Tensor:
    """The mean of the normalised joints of a stacked sample; [J, 2]."""
    points, known = _normalised(sample)
    weight = known[..., None].to(points)
    total = torch.where(known[..., None], points, 0.0).sum(0)
    return total / weight.sum(0).clamp(min=1)


def distance_from_mean(sample: Sample, mean: Tensor | None = None) -> Tensor:
    """How unusual each pose is: RMS distance of its labelled joints from `mean`; [N].

    In the coordinates that the regressor learns, fractions of the input.
    """
    points, known = _normalised(sample)
    mean = mean_pose(sample) if mean is None else mean.to(points)
    square = (points - mean).square().sum(-1)
    square = torch.where(known, square, 0.0).sum(-1)
    return (square / known.sum(-1).clamp(min=1)).sqrt()


def error_by_distance(
    predicted: Tensor, sample: Sample, mean: Tensor | None = None, bins: int = 4
) -> tuple[Tensor, Tensor]:
    """Does the error grow with the distance from the mean pose?

    predicted [N, J, 2] px. The images are sorted by `distance_from_mean` and cut into
    `bins` groups of equal size; returns each group's mean distance [bins] and mean
    error [bins], the latter as a fraction of the longer side of the person's box.
    """
    sample = single_person(sample)
    known = sample.visibility[:, 0] > 0
    error = (predicted - sample.keypoints[:, 0]).norm(dim=-1)
    error = error / sample.boxes[:, 0, 2:].amax(-1, keepdim=True)  # [N, J]
    distance = distance_from_mean(sample, mean)
    groups = distance.argsort().tensor_split(bins)
    far = torch.stack([distance[group].mean() for group in groups])
    wrong = torch.stack([error[group][known[group]].mean() for group in groups])
    return far, wrong


def _normalised(sample: Sample) -> tuple[Tensor, Tensor]:
    sample = single_person(sample)
    points = sample.keypoints[:, 0]
    box = box_of_image(sample.size).to(points)
    return normalise(points, box), sample.visibility[:, 0] > 0


# --- the table -----------------------------------------------------------------------


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
    people = (crowd.boxes[..., 2:] > 0).all(-1).sum().item() / len(crowd)
    crop = torch.zeros(1, 3, *system.codec.size)
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


def evaluate(folder: Path = zoo.FOLDER) -> list[dict[str, Any]]:
    """Score every network in `folder`; write its card's scores and the scoreboard.

    A team of processes shares the images; the leader writes and returns the rows.
    """
    leads = distributed.team().leads
    sample, crowd = datasets.evaluation("single"), datasets.evaluation("crowd")
    seen = datasets.SyntheticPeople(size=sample.size, seed=0).batch(BASELINE)
    table = [baseline(seen, sample)] if leads else []
    for name in zoo.names(folder):
        found = _rows_of(name, folder, sample, crowd)
        table += found
        if leads:
            scores = [row["scores"] for row in found]
            card = {**zoo.card(name, folder), "scores": scores}
            _write(folder / f"{name}.json", card)
    if not leads:
        return table
    table += system_rows(folder, crowd)
    note = "ms_per_image: one image at a time on the machine that ran the evaluation"
    _write(
        folder / "scoreboard.json",
        {"written_by": "python -m poselab.evaluate", "note": note, "rows": table},
    )
    return table


def _rows_of(name: str, folder: Path, sample: Sample, crowd: Sample) -> list:
    """A detector is scored in crowds (by the leader), the others on single people."""
    net, codec = zoo.load(name, folder), zoo.codec(name, folder)
    if not isinstance(net, RCNN):
        return rows(name, net, sample, codec)
    return detector_rows(name, net, crowd) if distributed.team().leads else []


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """`python -m poselab.evaluate`: score the bundled networks."""
    parser = argparse.ArgumentParser(
        prog="python -m poselab.evaluate", description=main.__doc__
    )
    parser.add_argument("--folder", type=Path, default=zoo.FOLDER)
    options = parser.parse_args(arguments)
    with distributed.joined("cpu"):
        table = evaluate(options.folder)
    for row in table:
        scores = "  ".join(f"{k} {v:.3f}" for k, v in row["scores"].items())
        print(
            f"{row['name']:16} stage {row['stage']}  {row['parameters']:>9,} par  "
            f"{row['macs'] / 1e6:7.1f} MMAC  {row['ms_per_image']:6.1f} ms  "
            f"{scores}"
        )


if __name__ == "__main__":
    main()
