"""Exercises of notebook 15 in the camera's frame: projecting back, and AP of roots."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import signed, uniform
from poselab.checks.mppe3d import chapter

# --- from a crop to the camera's frame -----------------------------------------------


def _back_cases() -> list[Case]:
    def drawn(name: str, seed: int, joints: int, k: float, gamma: float) -> Case:
        camera = torch.tensor([[1200.0, 0, 300], [0, 1000.0, 200], [0, 0, 1]])
        points = uniform(seed, joints, 2, high=500.0)
        return Case(name, points, 400 * signed(seed + 1, joints), k, gamma, camera)

    return [
        drawn("five joints, gamma 0.8", 1, 5, 5000.0, 0.8),
        drawn("a child", 5, 3, 9000.0, 0.55),
        drawn("gamma above 1", 7, 2, 3000.0, 1.3),
        drawn("no joint", 9, 0, 3000.0, 1.0),
    ]


def _ray(points: Tensor, camera: Tensor) -> Tensor:
    x = (points[:, 0] - camera[0, 2]) / camera[0, 0]
    y = (points[:, 1] - camera[1, 2]) / camera[1, 1]
    return torch.stack([x, y, torch.ones_like(x)], 1)


def _back(points, deep, k, gamma, camera) -> Tensor:
    return _ray(points, camera) * (deep + gamma * k)[:, None]


back = chapter.exercise(
    "back",
    cases=_back_cases,
    solution=_back,
    returns=("the joints in mm",),
    praise="Pixels say on which ray, RootNet and PoseNet how far along it.",
)


@back.wrong(
    "The principal point is forgotten: pixels are counted from the corner of the "
    "picture, rays from (cx, cy). Subtract it before you divide by f."
)
def no_centre(points, deep, k, gamma, camera):
    z = deep + gamma * k
    x, y = points[:, 0] / camera[0, 0] * z, points[:, 1] / camera[1, 1] * z
    return torch.stack([x, y, z], 1)


@back.wrong(
    "gamma is missing: k is what the box alone says. The root's depth is gamma k."
)
def no_gamma(points, deep, k, gamma, camera):
    return _back(points, deep, k, 1.0, camera)


@back.wrong(
    "The root's depth is missing: PoseNet's depth is relative to the root, a few "
    "hundred mm, and the person stands metres away."
)
def no_root(points, deep, k, gamma, camera):
    return _back(points, deep, 0.0, gamma, camera)


@back.wrong(
    "All joints are put at the root's depth: the person is as flat as paper. Add each "
    "joint's own depth."
)
def flat(points, deep, k, gamma, camera):
    return _back(points, 0 * deep, k, gamma, camera)


@back.wrong(
    "gamma multiplies the joints' own depth as well. It corrects k, so the root alone: "
    "gamma k + depth."
)
def gamma_on_all(points, deep, k, gamma, camera):
    return _ray(points, camera) * (gamma * (deep + k))[:, None]


@back.wrong(
    "x and y use the root's depth, z the joint's. A joint 400 mm nearer lies on its "
    "ray at *its* depth, with smaller x and y."
)
def xy_at_root(points, deep, k, gamma, camera):
    joints = _back(points, 0 * deep, k, gamma, camera)
    joints[:, 2] = deep + gamma * k
    return joints


@back.wrong(
    "You divide by the depth where the camera does. To go back, multiply the ray by it."
)
def divided(points, deep, k, gamma, camera):
    z = deep + gamma * k
    ray = _ray(points, camera)
    return torch.stack([ray[:, 0] / z, ray[:, 1] / z, z], 1)


@back.wrong("fx and fy are exchanged: x goes with fx, camera[0, 0], y with fy.")
def focal_exchanged(points, deep, k, gamma, camera):
    turned = camera.clone()
    turned[0, 0], turned[1, 1] = camera[1, 1], camera[0, 0]
    return _back(points, deep, k, gamma, turned)


# --- roots that are right ------------------------------------------------------------


def _match_cases() -> list[Case]:
    truth = torch.tensor([[0.0, 0, 4000], [300, 0, 4000], [2000, 0, 7000]])
    found = torch.tensor(
        [[150.0, 0, 4000], [20, 0, 4030], [2000, 100, 7600], [40, 10, 3990]]
    )
    return [
        Case(
            "two answers for one person",
            found,
            torch.tensor([0.9, 0.8, 0.7, 0.6]),
            truth,
        ),
        Case(
            "the best score comes last",
            found.flip(0),
            torch.tensor([0.2, 0.3, 0.5, 0.9]),
            truth,
        ),
        Case(
            "at 250 mm exactly",
            torch.tensor([[250.0, 0, 4000], [0, 200, 7150]]),
            torch.tensor([0.5, 0.6]),
            torch.tensor([[0.0, 0, 4000], [0, 0, 7000]]),
        ),
        Case("nobody is there", found[:2], torch.tensor([0.9, 0.1]), truth[:0]),
        Case("nothing is found", found[:0], torch.zeros(0), truth),
    ]


def _match(
    found: Tensor, scores: Tensor, truth: Tensor, limit=250.0, strict=False, order=True
) -> Tensor:
    right = torch.zeros(len(found), dtype=torch.bool)
    free = torch.ones(len(truth), dtype=torch.bool)
    ranks = scores.argsort(descending=True) if order else torch.arange(len(found))
    for i in ranks.tolist():
        far = (truth - found[i]).norm(dim=1)
        far = torch.where(free, far, torch.inf)
        if not len(far):
            continue
        j = int(far.argmin())
        if far[j] < limit or (far[j] == limit and not strict):
            right[i], free[j] = True, False
    return right


match = chapter.exercise(
    "match",
    cases=_match_cases,
    solution=_match,
    returns=("which are right",),
    whole=True,
    praise="Ranked by score these give AP of roots, as AP of boxes in notebook 07.",
)


@match.wrong(
    "One person is found twice in your answer. A true root that has been taken is no "
    "longer free: the second answer is a false alarm."
)
def taken_twice(found, scores, truth):
    if not len(truth):
        return torch.zeros(len(found), dtype=torch.bool)
    return torch.cdist(found, truth).amin(1) <= 250


@match.wrong(
    "You go through the answers in the order of the list. The one with the highest "
    "score chooses first."
)
def list_order(found, scores, truth):
    return _match(found, scores, truth, order=False)


@match.wrong(
    "You go from the lowest score to the highest. The most certain answer chooses "
    "first."
)
def lowest_first(found, scores, truth):
    return _match(found, -scores, truth)


@match.wrong("250 mm count as right: the limit itself belongs to it.")
def strictly(found, scores, truth):
    return _match(found, scores, truth, strict=True)


@match.wrong(
    "You compare depths alone. Two people side by side have the same depth: the "
    "distance in space counts."
)
def depth_alone(found, scores, truth):
    flat = torch.tensor([0.0, 0.0, 1.0])
    return _match(found * flat, scores, truth * flat)


@match.wrong(
    "You leave the depth out. In the picture nobody is wrong then, and the depth is "
    "what is asked."
)
def without_depth(found, scores, truth):
    flat = torch.tensor([1.0, 1.0, 0.0])
    return _match(found * flat, scores, truth * flat)


@match.wrong(
    "Your limit is 25 mm. AP of roots has 25 cm, 250 mm: nobody is found to a finger's "
    "breadth from one picture."
)
def in_centimetres(found, scores, truth):
    return _match(found, scores, truth, 25.0)


@match.wrong("The answer is turned around: True is for answers that are right.")
def inverted(found, scores, truth):
    return ~_match(found, scores, truth)
