"""What is asked of a network, and the rows that its answers get on the scoreboard.

Each recipe names its task: "single" (one framed person, joints by PCK), "boxes" (people
in crowds, as boxes), "people" (everybody in crowds, joints by COCO's AP), "coco"
(people of a data set, joints by COCO's AP: that is asked by `poselab.evaluate.coco`).
Systems of two networks are asked for everybody in crowds.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from poselab import datasets
from poselab.codecs.regression import single_person
from poselab.codecs.space import root_joint
from poselab.errors import ArgumentError
from poselab.evaluate.cost import count_macs, milliseconds, parameters
from poselab.evaluate.crowded import (
    score_heads,
    score_heights,
    score_hidden,
    score_moved,
)
from poselab.evaluate.disorder import score_disorder
from poselab.evaluate.painting import evaluation_film, score_painting
from poselab.evaluate.placed import score_sides
from poselab.evaluate.predictions import predict
from poselab.evaluate.tubes import score_tubes
from poselab.metrics import box_ap, coco_ap, mpjpe, pa_mpjpe, pck, pck3d
from poselab.pipelines import BottomUp, TopDown
from poselab.records import Poses, Sample
from poselab.system import distributed
from poselab.train import mean_pose

THRESHOLDS = (0.05, 0.1, 0.2)

Row = dict[str, Any]


Scores = dict[str, float]


def scorer(task: str) -> Callable[[nn.Module, Any], Scores]:
    """The function (network, codec) -> scores of a task on its evaluation set.

    Raises `ArgumentError` for a task that needs more than a drawn set.
    """
    judge, given = judge_of(task), SETS.get(task, single_of)
    return lambda net, codec: judge(net, codec, given(codec))


def judge_of(task: str) -> Callable[[nn.Module, Any, Sample], Scores]:
    """The function (network, codec, stacked sample) -> scores; the first is the main.

    Raises `ArgumentError` for an unknown task.
    """
    if task not in JUDGES:
        raise ArgumentError(
            "is not scored on a drawn set",
            where="task",
            value=task,
            fix=f"Known: {', '.join(JUDGES)}.",
        )
    return JUDGES[task]


def single_of(codec: Any, name: str = "single") -> Sample:
    """Framed people, or the "crops" from crowds, at the size of the codec's input."""
    return datasets.evaluation(name, size=tuple(codec.size))


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


def score_joints(net: nn.Module, codec: Any, sample: Sample) -> dict[str, float]:
    """PCK of the last stage on a stacked sample, computed where the network is."""
    images = sample.image.to(next(net.parameters()).device)
    return pck_scores(predict(net, images, codec=codec)[-1].cpu().float(), sample)


def parts(net: nn.Module) -> list[nn.Module]:
    """The networks that get a row: one after each of its stages, others once.

    A staged network has `stages` and `truncated(n)`, itself cut after n of them.
    """
    if hasattr(net, "truncated"):
        return [net.truncated(n) for n in range(1, net.stages + 1)]
    return [net]


def rows(
    name: str,
    net: nn.Module,
    sample: Sample,
    codec: Any = None,
    crops: Sample | None = None,
) -> list[Row]:
    """One row of the scoreboard for each of `parts`; `codec` as for `predict`.

    `sample` is of framed people, `crops` of people cut out of crowds. In a team of
    processes only the leader gets the rows.
    """
    sets = {"scores": sample} | ({} if crops is None else {"crops": crops})
    found = {k: predict(net, truth.image, codec=codec) for k, truth in sets.items()}
    if not distributed.team().leads:
        return []
    return [
        {
            "name": name,
            "stage": i + 1,
            "set": "single",
            **costs(part.eval(), sample.image[:1]),
            **{k: pck_scores(found[k][i], truth) for k, truth in sets.items()},
        }
        for i, part in enumerate(parts(net))
    ]


def costs(net: nn.Module, image: Tensor) -> Row:
    """Parameters, multiply-accumulates and milliseconds for one image [1, 3, H, W]."""
    return {
        "parameters": parameters(net),
        "macs": count_macs(net, image),
        "ms_per_image": round(milliseconds(net, image), 2),
    }


def baseline(seen: Sample, sample: Sample, crops: Sample) -> Row:
    """The row of the mean pose of `seen`: the score of a method that never looks."""
    answer = mean_pose(seen)  # [J, 2] px
    sets = {"scores": sample, "crops": crops}
    return {
        "name": "mean_pose",
        "stage": 1,
        "set": "single",
        "parameters": answer.numel(),
        "macs": 0,
        "ms_per_image": 0.0,
        **{
            name: pck_scores(answer.expand(len(truth), *answer.shape), truth)
            for name, truth in sets.items()
        },
    }


# --- crowds --------------------------------------------------------------------------


def score_boxes(net: nn.Module, crowd: Sample) -> dict[str, float]:
    """AP of a detector's boxes for people in stacked scenes."""
    scores = box_ap(crowd, [net.detect(image).to("cpu") for image in crowd.image])
    return {f"box {k}": round(scores[k], 4) for k in ("AP", "AP50", "AP75")}


def detector_rows(name: str, net: nn.Module, crowd: Sample) -> list[Row]:
    """The row of a detector."""
    return [
        {
            "name": name,
            "stage": 1,
            "set": "crowd",
            **costs(net, crowd.image[:1]),
            "scores": score_boxes(net, crowd),
        }
    ]


def crowd_of(codec: Any) -> Sample:
    """The crowds of the evaluation as a network for whole scenes sees them."""
    return datasets.evaluation("crowd", size=codec.size)


def score_people(net: nn.Module, codec: Any, crowd: Sample) -> dict[str, float]:
    """AP of everybody whom a network and its grouping codec find in stacked scenes."""
    return _ap(crowd, _found(BottomUp(net, codec), crowd))


def _found(system: BottomUp, crowd: Sample) -> list[Poses]:
    device = next(system.net.parameters()).device
    return [system(image.to(device)) for image in crowd.image]


def _ap(crowd: Sample, found: list[Poses]) -> dict[str, float]:
    scores = coco_ap(crowd, found)
    return {k: round(scores[k], 4) for k in ("AP", "AP50", "AP75", "AR")}


def people_rows(name: str, net: nn.Module, codec: Any) -> list[Row]:
    """The row of a network for whole scenes: grouping included in its milliseconds."""
    crowd, system = crowd_of(codec), BottomUp(net, codec)
    start = time.perf_counter()
    found = _found(system, crowd)
    spent = 1000 * (time.perf_counter() - start) / len(crowd)
    row = {"name": name, "stage": 1, "set": "crowd", **costs(net, crowd.image[:1])}
    return [{**row, "ms_per_image": round(spent, 2), "scores": _ap(crowd, found)}]


def system_row(name: str, system: TopDown, crowd: Sample) -> Row:
    """The row of a top-down system whose networks know their names."""
    finder, single = system.detector, system.single
    net = single.net
    start = time.perf_counter()
    found = [system(image) for image in crowd.image]
    spent = 1000 * (time.perf_counter() - start) / len(crowd)
    people = crowd.count / len(crowd)
    crop = torch.zeros(1, 3, *single.codec.size)
    per_person = 2 * count_macs(net, crop)  # the mirror image too
    seen, _ = finder.prepare(crowd.image[0])  # the scene as the detector gets it
    return {
        "name": name,
        "stage": 1,
        "set": "crowd",
        "parts": [finder.name, net.name],
        "parameters": parameters(finder, net),
        "macs": count_macs(finder, seen) + round(people * per_person),
        "ms_per_image": round(spent, 2),
        "scores": _ap(crowd, found),
    }


# --- three dimensions ----------------------------------------------------------------


def predict_3d(net: nn.Module, codec: Any, sample: Sample, batch_size: int = 64):
    """The last stage's outputs for a stacked sample, in parts with their samples.

    Inputs are those of the codec, so that networks with more than an image are asked
    as they learned.
    """
    device = next(net.parameters()).device
    for start in range(0, len(sample), batch_size):
        part = sample[start : start + batch_size].to(device)
        inputs, _ = codec.encode(part)
        with torch.no_grad():
            output = codec.stages(net(*inputs))[-1]
        yield part, output


def score_space(net: nn.Module, codec: Any, sample: Sample) -> Scores:
    """3DPCK at 150 mm, MPJPE and PA-MPJPE in mm, pelvis on pelvis, of all joints.

    Joints outside the picture count too: of drawn people they are known.
    """
    found, truth = [], []
    for part, output in predict_3d(net, codec, sample):
        found.append(codec.decode(output).joints_3d[:, 0].cpu())
        truth.append(part.joints_3d[:, 0].cpu())
    pair = torch.cat(found), torch.cat(truth)
    return {
        "3DPCK": round(float(pck3d(*pair, skeleton=sample.skeleton)), 4),
        "MPJPE": round(float(mpjpe(*pair, skeleton=sample.skeleton)), 1),
        "PA-MPJPE": round(float(pa_mpjpe(*pair)), 1),
    }


def score_root(net: nn.Module, codec: Any, sample: Sample) -> Scores:
    """Roots within 250 mm, MRPE and the mean error of the depth in mm."""
    gaps = []
    for part, output in predict_3d(net, codec, sample):
        roots = codec.decode(output, part.intrinsics).roots
        joints = part.joints_3d[:, 0]
        gaps.append((roots[:, 0] - root_joint(joints, part.skeleton)[:, 0]).cpu())
    gap = torch.cat(gaps).double()  # [N, 3] mm
    far = gap.norm(dim=-1)
    return {
        "roots@250": round(float((far <= 250).double().mean()), 4),
        "MRPE": round(float(far.mean()), 1),
        "depth": round(float(gap[:, 2].abs().mean()), 1),
    }


def row_of(name: str, task: str, net: nn.Module, kind: str = "space") -> Row:
    """The row of a network that answers in 3D, or paints (`kind` "painted")."""
    sample = SETS.get(task, single_of)(net.codec)
    inputs, _ = net.codec.encode(sample[:1])
    return {
        "name": name,
        "stage": 1,
        "set": kind,
        "parameters": parameters(net),
        "macs": count_macs(net, *inputs),
        "ms_per_image": round(milliseconds(net, *inputs), 2),
        "scores": JUDGES[task](net, net.codec, sample),
    }


JUDGES: dict[str, Callable[[nn.Module, Any, Sample], Scores]] = {
    "single": score_joints,
    "people": score_people,
    "boxes": lambda net, codec, crowd: score_boxes(net, crowd),
    "space": score_space,
    "root": score_root,
    "moved": score_moved,
    "hidden": score_hidden,
    "heads": score_heads,
    "heights": lambda net, codec, crowd: score_heights(BottomUp(net, codec), crowd),
    "disorder": lambda net, codec, nothing: score_disorder(net),
    "tubes": lambda net, codec, clips: score_tubes(net, codec),
    "sides": lambda net, codec, people: score_sides(net, codec),
    "painting": score_painting,
}


@functools.cache
def _scenes() -> Sample:
    """Crowds that an ablation's arms are all scored on, drawn once."""
    return datasets.evaluation("crowd", 30)


# On which evaluation set; all others on framed people.
SETS: dict[str, Callable[[Any], Sample]] = {
    "people": crowd_of,
    "boxes": lambda codec: datasets.evaluation("crowd", size=(192, 256)),
    "moved": lambda codec: _scenes(),
    "hidden": lambda codec: datasets.evaluation("crops", size=tuple(codec.size)),
    "heads": lambda codec: datasets.evaluation("crops", size=tuple(codec.size)),
    "heights": crowd_of,
    "disorder": lambda codec: None,
    "tubes": lambda codec: None,
    "sides": lambda codec: None,
    "painting": lambda codec: evaluation_film(tuple(codec.size), codec.who),
}
