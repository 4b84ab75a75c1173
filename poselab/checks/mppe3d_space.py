"""Exercise of notebook 15: joints of a crop in the camera's frame."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import signed, uniform
from poselab.checks.mppe3d import chapter


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


@back.wrong(
    "x and y are not multiplied by the depth: at 8 m a pixel is twice as wide as at "
    "4 m."
)
def not_times_depth(points, deep, k, gamma, camera):
    joints = _ray(points, camera)
    joints[:, 2] = deep + gamma * k
    return joints


@back.wrong(
    "z is still relative to the root. In the camera's frame it is the root's depth, "
    "gamma * k, plus that."
)
def z_left_relative(points, deep, k, gamma, camera):
    joints = _back(points, deep, k, gamma, camera)
    joints[:, 2] = deep
    return joints


@back.wrong("y is divided by fx. The camera has a second focal length: camera[1, 1].")
def fx_for_y(points, deep, k, gamma, camera):
    camera = camera.clone()
    camera[1, 1] = camera[0, 0]
    return _back(points, deep, k, gamma, camera)


@back.wrong(
    "You take the relative depth off. A joint with a positive one is *behind* the "
    "root: gamma * k + deep."
)
def taken_off(points, deep, k, gamma, camera):
    return _back(points, -deep, k, gamma, camera)
