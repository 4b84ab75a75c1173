"""Exercise of notebook 14 about lifting: the two depths of a bone."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed, uniform

chapter = Chapter("lifting", "14_lifting_vnect")


def _cases() -> list[Case]:
    def drawn(name: str, seed: int, n: int, low: float, high: float) -> Case:
        parent = torch.cat(
            [
                900 * signed(seed, n, 2),
                uniform(seed + 1, n, 1, low=2000.0, high=5000.0),
            ],
            1,
        )
        bone = signed(seed + 2, n, 3)
        bone = bone / bone.norm(dim=1, keepdim=True)
        length = uniform(seed + 3, n, low=150.0, high=450.0)
        child = parent + bone * length[:, None]
        ray = child / child[:, 2:]
        return Case(
            name, parent, ray, length * uniform(seed + 4, n, low=low, high=high)
        )

    straight = torch.tensor([[0.0, 0.0, 3000.0]])
    return [
        drawn("six bones", 1, 6, 1.0, 1.0),
        Case(
            "a bone that points at the camera, or away",
            straight,
            torch.tensor([[0.0, 0.0, 1.0]]),
            torch.tensor([300.0]),
        ),
        drawn("bones too short for their pixels", 11, 5, 0.02, 0.1),
        drawn("no bone", 21, 0, 1.0, 1.0),
    ]


def _parts(parent: Tensor, ray: Tensor, length: Tensor) -> tuple[Tensor, ...]:
    """|ray|^2, the depth where the ray comes nearest, and L^2 minus the gap there."""
    square = ray.square().sum(1)
    middle = (ray * parent).sum(1) / square
    gap = (middle[:, None] * ray - parent).square().sum(1)
    return square, middle, length.square() - gap


def _two(parent: Tensor, ray: Tensor, length: Tensor) -> Tensor:
    square, middle, rest = _parts(parent, ray, length)
    half = (rest.clamp(min=0) / square).sqrt()
    return torch.stack([middle - half, middle + half], 1)


two_depths = chapter.exercise(
    "two_depths",
    cases=_cases,
    solution=_two,
    returns=("the depths",),
    praise="Two answers for every bone: with 8 limbs that is 256 poses of one picture.",
)


@two_depths.wrong(
    "You compare x and y at the parent's depth, z = z_p ± sqrt(L² - dx² - dy²). That "
    "is a camera without perspective: on its way to another depth a point of the ray "
    "also moves in x and y. Solve |z ray - parent| = L."
)
def orthographic(parent, ray, length):
    aside = (ray * parent[:, 2:] - parent)[:, :2].square().sum(1)
    half = (length.square() - aside).clamp(min=0).sqrt()
    return torch.stack([parent[:, 2] - half, parent[:, 2] + half], 1)


@two_depths.wrong(
    "Both columns hold the farther depth. A square root has two signs: one bone comes "
    "towards the camera, the other goes away."
)
def farther_only(parent, ray, length):
    return _two(parent, ray, length)[:, [1, 1]]


@two_depths.wrong(
    "Both columns hold the nearer depth. A square root has two signs: one bone comes "
    "towards the camera, the other goes away."
)
def nearer_only(parent, ray, length):
    return _two(parent, ray, length)[:, [0, 0]]


@two_depths.wrong("The order is turned around: the nearer depth, the smaller z, first.")
def far_first(parent, ray, length):
    return _two(parent, ray, length).flip(1)


@two_depths.wrong(
    "Where the bone is too short to reach the ray you take the root of a negative "
    "number, which is nan. Pixels are never exact: clamp at 0, then both depths are "
    "the one where the ray comes nearest."
)
def no_clamp(parent, ray, length):
    square, middle, rest = _parts(parent, ray, length)
    half = (rest / square).sqrt()
    return torch.stack([middle - half, middle + half], 1)


@two_depths.wrong(
    "That is the distance along the ray, from the camera to the joint. The depth is "
    "its z alone: the ray has z = 1, so do not make it a unit vector, or divide by its "
    "length at the end."
)
def along_the_ray(parent, ray, length):
    return _two(parent, ray, length) * ray.norm(dim=1)[:, None]


@two_depths.wrong(
    "You give depths relative to the parent joint. The depth in the camera's frame is "
    "asked for."
)
def from_the_parent(parent, ray, length):
    return _two(parent, ray, length) - parent[:, 2:]


@two_depths.wrong(
    "You treat the ray as if its length were 1: |z ray|² is z² |ray|², so the factor "
    "of z² in the equation is |ray|² and not 1."
)
def ray_of_length_one(parent, ray, length):
    middle = (ray * parent).sum(1)
    gap = (middle[:, None] * ray - parent).square().sum(1)
    half = (length.square() - gap).clamp(min=0).sqrt()
    return torch.stack([middle - half, middle + half], 1)


@two_depths.wrong(
    "z of the parent, plus and minus the whole bone: that is so only for a bone that "
    "points at the camera. Find where the ray meets the ball around the parent."
)
def along_the_axis(parent, ray, length):
    return torch.stack([parent[:, 2] - length, parent[:, 2] + length], 1)


@two_depths.wrong(
    "A bone that is too short gets the depth of its parent. The ray comes nearest at "
    "another one: at the foot of the perpendicular, `(ray * parent).sum() / |ray|^2`."
)
def depth_of_the_parent(parent, ray, length):
    short = _parts(parent, ray, length)[2] < 0
    return torch.where(short[:, None], parent[:, 2:], _two(parent, ray, length))


@two_depths.wrong(
    "`ray` has z = 1, not length 1: the equation of second degree in z begins with "
    "|ray|^2 z^2. You leave out |ray|^2."
)
def square_forgotten(parent, ray, length):
    middle = (ray * parent).sum(1)
    rest = middle.square() - (parent.square().sum(1) - length.square())
    half = rest.clamp(min=0).sqrt()
    return torch.stack([middle - half, middle + half], 1)
