"""What makes people hard to find, and what each one costs: every method, same scenes.

`python -m poselab.evaluate conditions` writes poselab/zoo/conditions.json. A network
for one person gets the true boxes; a system for whole pictures finds its people itself.
What is counted is the same for both: the labelled joints found within `NEAR` of the
longer side of their person's true box. A false alarm costs nothing here (AP, on the
scoreboard, charges for it).
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab import datasets, zoo
from poselab.datasets.box_errors import UniformErrors
from poselab.datasets.transforms import rotate
from poselab.evaluate.methods import Answer, Method, methods
from poselab.evaluate.predictions import predict
from poselab.evaluate.video import video_scores
from poselab.metrics import crowd_index
from poselab.records import Sample
from poselab.system.disk import replace_file

SCENES = 50  # whose people are looked at one by one
FEWER = 12  # that are also turned and darkened
NEAR = 0.1  # of the longer side of the true box: as in PCK@0.1
LEVELS = {
    "box": (0.0, 0.1, 0.2, 0.3),  # sides moved and scaled by up to this share
    "angle": (0.0, 20.0, 40.0, 60.0),  # degrees about the picture's centre
    "light": (1.0, 0.5, 0.25, 0.1),  # of the brightness
}
GROWN = 0.1  # of the joints' extent, on each side: boxes of turned people
WORST = 5
SEED = 18


# --- one scene -----------------------------------------------------------------------


def joints_found(found: Tensor, one: Sample, given: bool) -> Tensor:
    """How many labelled joints of each person are found, [P].

    found [Q, J, 2] px. Where boxes were `given`, answer i is for person i; else each
    person is paired with at most one answer, so that most joints are found.
    """
    far = (found[None] - one.keypoints[:, None]).norm(dim=-1)  # [P, Q, J]
    limit = NEAR * one.boxes[:, 2:].amax(-1)[:, None, None]
    near = ((far <= limit) & (one.visibility[:, None] > 0)).sum(-1)  # [P, Q]
    if given:
        return near.diagonal()
    who, answer = linear_sum_assignment(-near.numpy())
    counts = torch.zeros(len(near), dtype=near.dtype)
    counts[torch.as_tensor(who)] = near[who, answer]
    return counts


def _people(one: Sample) -> Sample:
    """The people of a scene of whom a joint is labelled."""
    keep = one.present & (one.visibility > 0).any(-1)
    changes = {
        name: getattr(one, name)[keep]
        for name in ("keypoints", "visibility", "boxes", "areas", "present")
    }
    return Sample(image=one.image, skeleton=one.skeleton, **changes)


@torch.no_grad()
def counted(method: Method, scenes: list[Sample]) -> tuple[list[int], list[float]]:
    """Joints found of everybody in all scenes, and milliseconds of each scene.

    Processor time: it does not grow while other programs run.
    """
    counts, spent = [], []
    for one in scenes:
        start = time.process_time()
        found = method.answer(one.image, one.boxes)
        spent.append(1000 * (time.process_time() - start))
        counts += joints_found(found, one, method.given).tolist()
    return counts, spent


def line(people: Tensor, spent: Tensor) -> tuple[float, float]:
    """Milliseconds of a picture, and of each person more: the best line, [N] each."""
    table = torch.stack([torch.ones_like(people), people], 1)
    base, each = torch.linalg.lstsq(table, spent[:, None]).solution[:, 0].tolist()
    return round(base, 1), round(each, 2)


# --- changed scenes ------------------------------------------------------------------


def _stable(scenes: Sample) -> Tensor:
    """Who keeps all labelled joints in the picture at every angle; [N, P]."""
    labelled = scenes.visibility > 0
    keep = scenes.present & (labelled.sum(-1) >= 8)
    for angle in LEVELS["angle"]:
        now = rotate(scenes, angle).visibility > 0
        keep &= (now | ~labelled).all(-1)
    return keep


def changed(scenes: Sample, what: str, level: float) -> list[Sample]:
    """The scenes turned by `level` degrees, or at `level` of their light.

    The same people at every level, in boxes around their joints.
    """
    now = rotate(scenes, level) if what == "angle" else scenes
    image = now.image * level if what == "light" else now.image
    return [_boxed(one) for one in now.replace(present=_stable(scenes), image=image)]


def _boxed(one: Sample) -> Sample:
    one = _people(one)
    hidden = (one.visibility == 0)[..., None]
    low = one.keypoints.masked_fill(hidden, torch.inf).amin(1)
    high = one.keypoints.masked_fill(hidden, -torch.inf).amax(1)
    side = high - low
    return one.replace(boxes=torch.cat([low - GROWN * side, (1 + 2 * GROWN) * side], 1))


def _moved(scenes: list[Sample], share: float, answer: Answer) -> float:
    """The share of joints that a network finds in boxes off by up to `share`."""
    draws = torch.Generator().manual_seed(SEED)
    right, total = 0, 0
    for one in scenes:
        boxes = UniformErrors(share).draw(one.boxes, draws)
        right += int(joints_found(answer(one.image, boxes), one, True).sum())
        total += int((one.visibility > 0).sum())
    return right / total


def at_levels(method: Method, scenes: Sample, plain: list[Sample]) -> dict[str, list]:
    """Shares of joints found at every level of what the method can be asked."""
    first = _share(method, changed(scenes, "angle", LEVELS["angle"][0]))
    rows = {
        what: [first]
        + [_share(method, changed(scenes, what, level)) for level in LEVELS[what][1:]]
        for what in ("angle", "light")
    }
    if method.given:
        rows["box"] = [_moved(plain, level, method.answer) for level in LEVELS["box"]]
    return {k: [round(share, 4) for share in v] for k, v in rows.items()}


def _share(method: Method, scenes: list[Sample]) -> float:
    """The share of labelled joints found."""
    total = sum(int((one.visibility > 0).sum()) for one in scenes)
    return sum(counted(method, scenes)[0]) / max(1, total)


# --- the worst pictures --------------------------------------------------------------


def worst_people(net: Any, people: Sample) -> list[tuple[int, float]]:
    """The framed people with the largest mean error, (index, px), the worst first."""
    truth, flags = people.keypoints[:, 0], people.visibility[:, 0] > 0
    gap = (predict(net, people.image)[-1] - truth).norm(dim=-1)
    error = (gap * flags).sum(1) / flags.sum(1).clamp(min=1)
    values, order = error.topk(WORST)
    return [(int(i), round(float(v), 1)) for i, v in zip(order, values, strict=True)]


def worst_scenes(shares: Tensor) -> list[tuple[int, float]]:
    """The scenes of whose joints the smallest share is found, (index, share)."""
    order = shares.argsort(stable=True)[:WORST]
    return [(int(i), round(float(shares[i]), 4)) for i in order]


# --- all of it -----------------------------------------------------------------------


def properties(scenes: list[Sample]) -> dict[str, list]:
    """Of everybody: their scene, height in px, joints, hidden ones, crowd index."""
    rows: dict[str, list] = {k: [] for k in ("scene", "height", "joints", "hidden")}
    rows["crowd"] = []
    for i, one in enumerate(scenes):
        crowding = crowd_index(one.keypoints, one.visibility, one.boxes)
        rows["scene"] += [i] * len(one.boxes)
        rows["height"] += [round(h) for h in one.boxes[:, 3].tolist()]
        rows["joints"] += (one.visibility > 0).sum(1).tolist()
        rows["hidden"] += (one.visibility == 1).sum(1).tolist()
        rows["crowd"] += [round(crowding, 3)] * len(one.boxes)
    return rows


def row_of(method: Method, scenes: Sample, framed: Any) -> dict[str, Any]:
    """All numbers of a method; `framed` gives framed people of a size."""
    plain = [_people(one) for one in scenes]
    counts, spent = counted(method, plain)
    people = torch.tensor([float(len(one.boxes)) for one in plain])
    base, each = line(people, torch.tensor(spent))
    joints = torch.tensor([int((one.visibility > 0).sum()) for one in plain])
    sizes = [len(one.boxes) for one in plain]
    right = torch.tensor([sum(part) for part in _split(counts, sizes)])
    worst = (
        worst_people(method.asked, framed(tuple(method.asked.codec.size)))
        if method.given
        else worst_scenes(right / joints)
    )
    return {
        "kind": method.kind,
        "macs": method.price,
        "ms": (base, each),
        "found": counts,
        "levels": at_levels(method, scenes[:FEWER], plain[:FEWER]),
        "worst": worst,
    }


def _split(values: list[int], sizes: list[int]) -> list[list[int]]:
    parts, start = [], 0
    for size in sizes:
        parts.append(values[start : start + size])
        start += size
    return parts


def write(only: list[str] | None = None, folder: Path = zoo.FOLDER) -> dict[str, Any]:
    """Measure the methods that have no row yet, or those named, and write the table."""
    path = folder / "conditions.json"
    known = json.loads(path.read_text("utf-8"))["methods"] if path.exists() else {}
    scenes = datasets.evaluation("crowd", SCENES)
    people = properties([_people(one) for one in scenes])
    for method in methods(folder):
        old = known.get(method.name, {"found": []})
        stale = len(old["found"]) != len(people["scene"])
        if method.name in only if only else stale:
            known[method.name] = row_of(
                method, scenes, lambda size: datasets.evaluation("single", size=size)
            )
            print(f"{method.name:28s} {sum(known[method.name]['found'])} joints")
        if not method.given and "video" not in known[method.name]:
            known[method.name]["video"] = video_scores(method.asked)
            print(f"{method.name:28s} {known[method.name]['video']}")
        _save(path, people, known)
    return known


def _save(path: Path, people: dict[str, list], rows: dict[str, Any]) -> None:
    content = {
        "written_by": "python -m poselab.evaluate conditions",
        "note": "ms: processor time on the machine that wrote the row",
        "levels": LEVELS,
        "people": people,
        "methods": rows,
    }
    with replace_file(path) as draft:
        draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
