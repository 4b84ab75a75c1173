"""Exercise of notebook 13: the places of a joint that was hidden for a while."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.track import chapter


def _fill_cases() -> list[Case]:
    def walk(
        seed: int, frames: int, joints: int, share: float
    ) -> tuple[Tensor, Tensor]:
        return (
            uniform(seed, frames, joints, 2, high=50.0),
            uniform(seed + 1, frames, joints) < share,
        )

    line = torch.arange(6.0)[:, None, None] * torch.tensor([10.0, 2.0])
    gap = torch.tensor([True, False, False, False, True, True])[:, None]
    ends = torch.tensor([False, True, False, True, False, False])[:, None]
    points, seen = walk(90, 7, 4, 0.6)
    seen[0], seen[-1], seen[:, 3] = True, True, False
    return [
        Case("four joints, the last one never seen", points, seen),
        Case("a gap of three frames", line + 5 * (~gap)[..., None], gap),
        Case(
            "hidden at the beginning and at the end",
            line + 5 * (~ends)[..., None],
            ends,
        ),
        Case("one frame", *walk(94, 1, 3, 0.5)),
        Case("all are seen", points, torch.ones_like(seen)),
    ]


def _filled(points: Tensor, seen: Tensor, between, ends: str = "hold") -> Tensor:
    """`between(p, q, share)` makes a point of the two seen ones around it."""
    out = points.clone()
    for j in range(points.shape[1]):
        known = seen[:, j].nonzero()[:, 0].tolist()
        for t in range(len(points)) if known else ():
            if seen[t, j]:
                continue
            before = [k for k in known if k < t]
            after = [k for k in known if k > t]
            if before and after:
                a, b = before[-1], after[0]
                share = (t - a) / (b - a)
                out[t, j] = between(points[a, j], points[b, j], share)
            elif ends == "hold":
                out[t, j] = points[(before[-1:] or after)[0], j]
            elif ends == "zero":
                out[t, j] = 0.0
    return out


def _line(p: Tensor, q: Tensor, share: float) -> Tensor:
    return p + share * (q - p)


def _fill(points: Tensor, seen: Tensor) -> Tensor:
    return _filled(points, seen, _line)


fill = chapter.exercise(
    "fill",
    cases=_fill_cases,
    solution=_fill,
    returns=("points",),
    praise="Straight lines between what was seen, and no guesses beyond the ends.",
)


@fill.wrong(
    "You keep the last place that was seen. The joint moves on: after the gap it is "
    "somewhere else, and the way there is known."
)
def hold(points, seen):
    return _filled(points, seen, lambda p, q, share: p)


@fill.wrong(
    "You take the mean of the two ends for the whole gap. Near its beginning the joint "
    "is near the first end: weight them by the number of frames to each."
)
def middle(points, seen):
    return _filled(points, seen, lambda p, q, share: (p + q) / 2)


@fill.wrong(
    "The weights are exchanged: just after it was seen, the joint jumps to the other "
    "end of the gap and walks back."
)
def backwards(points, seen):
    return _filled(points, seen, lambda p, q, share: _line(q, p, share))


@fill.wrong(
    "You take the nearer end, so the joint stands still and then jumps. Draw a "
    "straight line between both."
)
def nearest(points, seen):
    return _filled(points, seen, lambda p, q, share: p if share <= 0.5 else q)


@fill.wrong(
    "Before the first and after the last frame in which a joint was seen you leave "
    "what was given. Hold the nearest place that was seen."
)
def ends_as_given(points, seen):
    return _filled(points, seen, _line, ends="keep")


@fill.wrong(
    "Beyond the first and the last frame in which it was seen, a joint goes to (0, 0): "
    "a corner of the picture. Hold the nearest place that was seen."
)
def ends_at_zero(points, seen):
    return _filled(points, seen, _line, ends="zero")


@fill.wrong(
    "If one joint is hidden, you throw the whole pose of that frame away. The other "
    "joints were seen: fill each joint by itself."
)
def whole_poses(points, seen):
    every = seen.all(1, keepdim=True).expand_as(seen)
    return _filled(points, every, _line)


@fill.wrong(
    "The joints that *were* seen change, too. Fill in only where `seen` is False."
)
def smoothed(points, seen):
    full = _fill(points, seen)
    wide = torch.cat([full[:1], full, full[-1:]])
    return (wide[:-2] + wide[1:-1] + wide[2:]) / 3


@fill.wrong(
    "Before the first and after the last sight you go on in a straight line. Nobody "
    "has seen that: hold the nearest place."
)
def carried_on(points, seen):
    out = _fill(points, seen)
    for j in range(points.shape[1]):
        known = seen[:, j].nonzero()[:, 0].tolist()
        if len(known) < 2:
            continue
        for (a, b), times in (
            (known[:2], range(known[0])),
            (known[-2:], range(known[-1] + 1, len(points))),
        ):
            step = (points[b, j] - points[a, j]) / (b - a)
            for t in times:
                out[t, j] = points[a, j] + (t - a) * step
    return out


@fill.wrong(
    "A joint that was never seen stays as it is; you set it to 0, the corner of the "
    "picture."
)
def never_seen_at_zero(points, seen):
    return torch.where(seen.any(0)[:, None], _fill(points, seen), 0.0)
