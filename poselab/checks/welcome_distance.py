"""An exercise of notebook 00: the pinhole formula turned round."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.welcome import chapter


def _distance_cases() -> list[Case]:
    sizes = uniform(11, 6, low=1000, high=1900)
    none = torch.zeros(0)
    return [
        Case("six people", sizes, uniform(12, 6, low=40, high=300), 480.0),
        Case("one person, a longer lens", sizes[:1], torch.tensor([200.0]), 960.0),
        Case(
            "two points on the same pixel",
            torch.tensor([1700.0, 1700.0]),
            torch.tensor([0.0, 170.0]),
            500.0,
        ),
        Case("nobody", none, none, 480.0),
    ]


def _distance(size: Tensor, pixels: Tensor, focal_length: float) -> Tensor:
    return torch.where(pixels > 0, focal_length * size / pixels, torch.inf)


distance = chapter.exercise(
    "distance",
    cases=_distance_cases,
    solution=_distance,
    returns=("the distance",),
    praise="Size and focal length known, one division gives the distance.",
)


@distance.wrong(
    "Your fraction stands on its head: the further away, the fewer pixels, so the "
    "pixels belong below the line (Z = f size / pixels)."
)
def upside_down(size, pixels, focal_length):
    return pixels / (focal_length * size)


@distance.wrong(
    "You multiply by the pixels. A person who is larger in the picture is nearer: "
    "divide by them."
)
def multiplied(size, pixels, focal_length):
    return focal_length * size * pixels


@distance.wrong(
    "The focal length is missing: a longer lens makes the same person larger in the "
    "picture, so with the same pixels the person is further away."
)
def focal_length_missing(size, pixels, focal_length):
    return torch.where(pixels > 0, size / pixels, torch.inf)


@distance.wrong(
    "You divide by the focal length. Solve v = f Y / Z for Z: it comes above the line."
)
def focal_length_below(size, pixels, focal_length):
    return torch.where(pixels > 0, size / (pixels * focal_length), torch.inf)


@distance.wrong("Your answer is in metres. The sizes are in millimetres, and so is Z.")
def in_metres(size, pixels, focal_length):
    return _distance(size, pixels, focal_length) / 1000


@distance.wrong(
    "Where both points fall on one pixel you give a finite distance. Such a person "
    "may be at any distance beyond: answer infinity (`torch.where`)."
)
def at_least_one_pixel(size, pixels, focal_length):
    return focal_length * size / pixels.clamp(min=1)


@distance.wrong(
    "Two points on the same pixel get the distance 0, as if that person stood in the "
    "camera. It is the other way round: infinitely far."
)
def zero_for_infinity(size, pixels, focal_length):
    return torch.where(pixels > 0, focal_length * size / pixels, 0.0)


@distance.wrong(
    "A very large number is not infinity, and one day it is averaged with the others. "
    "Answer `torch.inf` where `pixels` is 0, with `torch.where`."
)
def a_large_number(size, pixels, focal_length):
    return focal_length * size / pixels.clamp(min=1e-9)
