"""Exercise of notebook 14 about VNect's filter: how late it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import signed
from poselab.checks.vnect import chapter

# --- how late a filter is ------------------------------------------------------------


def _lag_cases() -> list[Case]:
    time = torch.arange(40) / 30
    wave = 100 * torch.sin(2 * math.pi * 0.9 * time) + 40 * time

    def late(track: Tensor, frames: int) -> Tensor:
        return torch.cat([track[:1].expand(frames), track[: len(track) - frames]])

    walk = signed(31, 30).cumsum(0)
    spoilt = late(wave, 3)
    spoilt[4] += 200.0
    return [
        Case("a wave, 4 frames late", wave, late(wave, 4), 30.0, 12),
        Case("a random walk, 2 frames late", walk, late(walk, 2), 25.0, 10),
        Case("as late as is tried", wave, late(wave, 4), 30.0, 4),
        Case("one frame is far off", wave, spoilt, 30.0, 8),
        Case("not late at all", wave, wave + signed(32, 40), 60.0, 9),
        Case("nothing moves (the smallest shift counts)", 0 * wave, 0 * wave, 30.0, 5),
        Case(
            "two things that have nothing in common",
            signed(33, 12),
            3 * signed(35, 12),
            10.0,
            8,
        ),
        Case("noise", signed(37, 20), 2 * signed(39, 20), 50.0, 12),
    ]


def _gaps(truth: Tensor, track: Tensor, most: int, total=torch.mean) -> list[float]:
    size = len(truth)
    return [
        float(total((track[n:] - truth[: size - n]).square())) for n in range(most + 1)
    ]


def _lag(truth: Tensor, track: Tensor, fps: float, most: int) -> float:
    gaps = _gaps(truth, track, most)
    return 1000 * gaps.index(min(gaps)) / fps


lag = chapter.exercise(
    "lag",
    cases=_lag_cases,
    solution=_lag,
    returns=("the lag in ms",),
    praise="Now you can say what a filter costs, and not only what it gives.",
)


@lag.wrong(
    "That is a number of frames. A lag is a time: frames / fps, times 1000 for ms."
)
def in_frames(truth, track, fps, most):
    return _lag(truth, track, fps, most) * fps / 1000


@lag.wrong("That is in seconds. The lag is asked for in ms: times 1000.")
def in_seconds(truth, track, fps, most):
    return _lag(truth, track, fps, most) / 1000


@lag.wrong(
    "You shift in a circle (torch.roll), so the end of the track is compared with the "
    "beginning of the truth. Compare only where the two overlap."
)
def in_a_circle(truth, track, fps, most):
    gaps = [float((track - truth.roll(n)).square().mean()) for n in range(most + 1)]
    return 1000 * gaps.index(min(gaps)) / fps


@lag.wrong(
    "You shift the wrong one: your answer is how far the track is *ahead*. What is "
    "late agrees with the truth of n frames before: track[n:] against truth[:-n]."
)
def the_other_way(truth, track, fps, most):
    return _lag(track, truth, fps, most)


@lag.wrong(
    "You add the squares up. A large shift leaves fewer frames, and so a smaller sum: "
    "take the mean over the frames that overlap."
)
def sum_of_squares(truth, track, fps, most):
    gaps = _gaps(truth, track, most, torch.sum)
    return 1000 * gaps.index(min(gaps)) / fps


@lag.wrong(
    "You take the shift with the *largest* difference. The lag is the shift after "
    "which the two agree best."
)
def largest_gap(truth, track, fps, most):
    gaps = _gaps(truth, track, most)
    return 1000 * gaps.index(max(gaps)) / fps


@lag.wrong(
    "Of shifts that are equally good you take the last one. Then a thing that does not "
    "move would be late; take the smallest."
)
def last_of_ties(truth, track, fps, most):
    gaps = _gaps(truth, track, most)
    return 1000 * (most - gaps[::-1].index(min(gaps))) / fps


@lag.wrong(
    "You leave out the largest shift: `range(most)` ends at most - 1. Take "
    "`range(most + 1)`."
)
def largest_left_out(truth, track, fps, most):
    gaps = _gaps(truth, track, most)[:-1]
    return 1000 * gaps.index(min(gaps)) / fps


@lag.wrong(
    "You compare absolute differences. Asked is the mean *squared* difference, in "
    "which one frame that is far off counts more."
)
def absolute(truth, track, fps, most):
    size = len(truth)
    pairs = [(track[n:], truth[: size - n]) for n in range(most + 1)]
    gaps = [float((a - b).abs().mean()) for a, b in pairs]
    return 1000 * gaps.index(min(gaps)) / fps


@lag.wrong("You begin with a shift of 1. A track may be on time: 0 is tried, too.")
def at_least_one(truth, track, fps, most):
    gaps = _gaps(truth, track, most)
    return 1000 * gaps.index(min(gaps[1:]), 1) / fps


@lag.wrong(
    "You multiply by the frames per second. One frame takes 1 / fps seconds: divide."
)
def times_fps(truth, track, fps, most):
    gaps = _gaps(truth, track, most)
    return gaps.index(min(gaps)) * fps
