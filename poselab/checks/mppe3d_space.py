"""Exercise of notebook 15 in the camera's frame: who comes near whom."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import signed, uniform
from poselab.checks.mppe3d import chapter


def _near_cases() -> list[Case]:
    def drawn(name: str, seed: int, people: int, joints: int, high: float) -> Case:
        camera = torch.tensor([[1200.0, 0, 300], [0, 1000.0, 200], [0, 0, 1]])
        points = uniform(seed, people, joints, 2, high=500.0)
        deep = 400 * signed(seed + 1, people, joints)
        k = 3000 + 3000 * uniform(seed + 2, people)
        gamma = 0.5 + high * uniform(seed + 3, people)
        return Case(name, points, deep, k, gamma, camera)

    return [
        drawn("three people, five joints", 1, 3, 5, 0.5),
        drawn("two people, gamma up to 1.3", 5, 2, 3, 0.8),
        drawn("four people, one joint each", 9, 4, 1, 0.6),
        drawn("one person", 13, 1, 4, 0.5),
        drawn("nobody", 17, 0, 4, 0.5),
    ]


def _ray(points: Tensor, camera: Tensor) -> Tensor:
    x = (points[..., 0] - camera[0, 2]) / camera[0, 0]
    y = (points[..., 1] - camera[1, 2]) / camera[1, 1]
    return torch.stack([x, y, torch.ones_like(x)], -1)


def _back(points, deep, k, gamma, camera) -> Tensor:
    depth = deep + (gamma * k)[:, None]  # [P, J]
    return _ray(points, camera) * depth[..., None]


def _gaps(joints: Tensor) -> Tensor:
    """Distances of all joints of one from all of another, [P, P, J, J] mm."""
    return (joints[:, None, :, None] - joints[None, :, None]).norm(dim=-1)


def _nearest(joints: Tensor) -> Tensor:
    return _gaps(joints).amin((2, 3))


def _near(points, deep, k, gamma, camera) -> Tensor:
    return _nearest(_back(points, deep, k, gamma, camera))


near = chapter.exercise(
    "near",
    cases=_near_cases,
    solution=_near,
    returns=("the distances in mm",),
    praise="Rays, depths, and then people have distances from each other.",
)


@near.wrong(
    "The principal point is forgotten: pixels are counted from the corner of the "
    "picture, rays from (cx, cy). Subtract it before you divide by f."
)
def no_centre(points, deep, k, gamma, camera):
    plain = camera.clone()
    plain[:2, 2] = 0
    return _near(points, deep, k, gamma, plain)


@near.wrong(
    "gamma is missing: k is what the box alone says. The root's depth is gamma k."
)
def no_gamma(points, deep, k, gamma, camera):
    return _near(points, deep, k, torch.ones_like(gamma), camera)


@near.wrong(
    "The roots' depths are missing: PoseNet's depths are relative to the root, a few "
    "hundred mm, and people stand metres away, each at their own distance."
)
def no_root(points, deep, k, gamma, camera):
    return _near(points, deep, 0 * k, gamma, camera)


@near.wrong(
    "All joints are put at their root's depth: people are as flat as paper. Add each "
    "joint's own depth; a hand that is held out comes nearer."
)
def flat(points, deep, k, gamma, camera):
    return _near(points, 0 * deep, k, gamma, camera)


@near.wrong(
    "gamma multiplies the joints' own depth as well. It corrects k, so the root alone: "
    "gamma k + depth."
)
def gamma_on_all(points, deep, k, gamma, camera):
    return _near(points, gamma[:, None] * deep, k, gamma, camera)


@near.wrong(
    "x and y use the root's depth, z the joint's. A joint 400 mm nearer lies on its "
    "ray at *its* depth, with smaller x and y."
)
def xy_at_root(points, deep, k, gamma, camera):
    joints = _back(points, 0 * deep, k, gamma, camera)
    joints[..., 2] += deep
    return _nearest(joints)


@near.wrong("fx and fy are exchanged: x goes with fx, camera[0, 0], y with fy.")
def focal_exchanged(points, deep, k, gamma, camera):
    turned = camera.clone()
    turned[0, 0], turned[1, 1] = camera[1, 1], camera[0, 0]
    return _near(points, deep, k, gamma, turned)


@near.wrong(
    "You compare each joint with the *same* joint of the other. A left hand may touch "
    "a right shoulder: all joints of one against all of the other."
)
def same_joint(points, deep, k, gamma, camera):
    joints = _back(points, deep, k, gamma, camera)
    return (joints[:, None] - joints).norm(dim=-1).amin(-1)


@near.wrong(
    "That is how far the middles of their joints are apart. Asked for is the smallest "
    "distance between any two joints."
)
def of_the_middles(points, deep, k, gamma, camera):
    middle = _back(points, deep, k, gamma, camera).mean(1)
    return (middle[:, None] - middle).norm(dim=-1)


@near.wrong(
    "You leave the depth out at the end: who stands behind somebody would touch them. "
    "Distances are taken in space, over x, y and z."
)
def in_the_picture(points, deep, k, gamma, camera):
    joints = _back(points, deep, k, gamma, camera)
    return _nearest(joints * torch.tensor([1.0, 1.0, 0.0]))


@near.wrong("Those are squared distances. Take the root, for mm.")
def squared(points, deep, k, gamma, camera):
    return _near(points, deep, k, gamma, camera).square()


@near.wrong(
    "x and y are not multiplied by the depth: at 8 m a pixel is twice as wide as at "
    "4 m."
)
def not_times_depth(points, deep, k, gamma, camera):
    joints = _ray(points, camera)
    joints[..., 2] = deep + (gamma * k)[:, None]
    return _nearest(joints)


@near.wrong(
    "z is still relative to the root. In the camera's frame it is the root's depth, "
    "gamma * k, plus that."
)
def z_left_relative(points, deep, k, gamma, camera):
    joints = _back(points, deep, k, gamma, camera)
    joints[..., 2] = deep
    return _nearest(joints)


@near.wrong("y is divided by fx. The camera has a second focal length: camera[1, 1].")
def fx_for_y(points, deep, k, gamma, camera):
    camera = camera.clone()
    camera[1, 1] = camera[0, 0]
    return _near(points, deep, k, gamma, camera)


@near.wrong(
    "You take the relative depth off. A joint with a positive one is *behind* the "
    "root: gamma * k + deep."
)
def taken_off(points, deep, k, gamma, camera):
    return _near(points, -deep, k, gamma, camera)
