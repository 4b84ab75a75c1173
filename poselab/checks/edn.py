"""The exercise of notebook 17 about Everybody Dance Now: pairs of frames."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed

chapter = Chapter("edn", "17_smpl_dance")


def _pair_cases() -> list[Case]:
    def film(seed: int, frames: int, h: int = 2, w: int = 3) -> tuple[Tensor, Tensor]:
        return signed(seed, frames, 3, h, w), signed(seed + 1, frames, 3, h, w)

    return [
        Case("five frames", *film(1, 5)),
        Case("two frames, one pair", *film(3, 2, 4, 1)),
        Case("one frame, no pair", *film(5, 1)),
    ]


def _pairs(poses: Tensor, frames: Tensor) -> Tensor:
    return torch.cat([poses[:-1], poses[1:], frames[:-1], frames[1:]], 1)


pairs = chapter.exercise(
    "pairs",
    cases=_pair_cases,
    solution=_pairs,
    returns=("the inputs",),
    praise="Two poses and two frames at once: now flicker can be seen.",
)


@pairs.wrong(
    "You join pose and frame of the same time first: pose t, frame t, pose t+1, frame "
    "t+1. The order asked for is both poses, then both frames."
)
def by_time(poses, frames):
    return torch.cat([poses[:-1], frames[:-1], poses[1:], frames[1:]], 1)


@pairs.wrong("The frames stand before the poses. The poses come first.")
def frames_first(poses, frames):
    return torch.cat([frames[:-1], frames[1:], poses[:-1], poses[1:]], 1)


@pairs.wrong(
    "The later time stands first in each half. The order is t, then t+1: `x[:-1]` "
    "before `x[1:]`."
)
def later_first(poses, frames):
    return torch.cat([poses[1:], poses[:-1], frames[1:], frames[:-1]], 1)


@pairs.wrong(
    "Pairs do not overlap in your answer (0 and 1, then 2 and 3). Every frame but the "
    "last has a next one: T - 1 pairs."
)
def apart(poses, frames):
    end = len(poses) // 2 * 2
    one, two = slice(0, end, 2), slice(1, end, 2)
    return torch.cat([poses[one], poses[two], frames[one], frames[two]], 1)


@pairs.wrong(
    "The last frame has the first one as its next: `roll` joins the ends of a film. "
    "The last frame has no next one, so there are T - 1 pairs."
)
def rolled(poses, frames):
    after = [x.roll(-1, 0) for x in (poses, frames)]
    return torch.cat([poses, after[0], frames, after[1]], 1)


@pairs.wrong(
    "The same time stands twice: two copies of t. The second of each is to be t+1, or "
    "there is no motion in the input at all."
)
def same_time(poses, frames):
    return torch.cat([poses[:-1], poses[:-1], frames[:-1], frames[:-1]], 1)


@pairs.wrong(
    "You leave out the poses of t+1. Without them a motion that the pose asks for "
    "looks the same as a flicker."
)
def one_pose(poses, frames):
    return torch.cat([poses[:-1], frames[:-1], frames[1:]], 1)


@pairs.wrong(
    "You give the difference of the two frames instead of the second frame. The frames "
    "themselves are asked for: a convolution can take the difference."
)
def difference(poses, frames):
    step = frames[1:] - frames[:-1]
    return torch.cat([poses[:-1], poses[1:], frames[:-1], step], 1)
