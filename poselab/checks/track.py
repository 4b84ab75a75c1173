"""Exercises of notebook 13 about tubes and costs; `track_time` has two more."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform

chapter = Chapter("track", "13_detect_and_track")

# --- 1. the overlap of tubes ---------------------------------------------------------


def _tubes(seed: int, count: int, frames: int) -> Tensor:
    """Tubes [count, frames, 4] xywh that drift; many overlap."""
    low = (
        uniform(seed, count, 1, 2, high=30.0) + uniform(seed + 1, count, frames, 2) * 6
    )
    return torch.cat([low, uniform(seed + 2, count, frames, 2, low=20.0, high=40.0)], 2)


def _tube_cases() -> list[Case]:
    away = _tubes(40, 2, 4)
    away[0, 1], away[1, 2:] = 0.0, 0.0
    apart = torch.tensor([[[0.0, 0, 10, 10], [20.0, 20, 10, 10]]])
    other = torch.tensor([[[2.0, 0, 10, 10], [40.0, 50, 10, 10]]])
    return [
        Case("tubes of three frames", _tubes(30, 2, 3), _tubes(33, 3, 3)),
        Case("one frame", _tubes(36, 2, 1), _tubes(38, 2, 1)),
        Case("together in one frame, apart in the other", apart, other),
        Case("frames in which somebody is away (w = h = 0)", away, away.clone()),
        Case("no tube to compare", _tubes(44, 2, 3), torch.zeros(0, 3, 4)),
    ]


def _parts(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersections and unions [A, B, T] of tubes [A, T, 4] and [B, T, 4] xywh."""
    a, b = a[:, None], b[None]
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    return shared, a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared


def _overlaps(a: Tensor, b: Tensor) -> Tensor:
    """IoU [A, B, T], 0 where nobody has an area."""
    shared, union = _parts(a, b)
    return shared / union.clamp(min=1e-9)


def _tube_overlap(tubes: Tensor, others: Tensor) -> Tensor:
    return _overlaps(tubes, others).mean(-1)


tube_overlap = chapter.exercise(
    "tube_overlap",
    cases=_tube_cases,
    solution=_tube_overlap,
    returns=("overlaps",),
    praise="The mean IoU of the frames, as in the released program.",
)


@tube_overlap.wrong(
    "You divide the whole shared volume by the whole joint volume, so a frame with "
    "large boxes counts for more. Every frame has its own IoU, and all count alike."
)
def volumes(tubes, others):
    shared, union = _parts(tubes, others)
    return shared.sum(-1) / union.sum(-1).clamp(min=1e-9)


@tube_overlap.wrong(
    "You keep the frame with the least overlap. A person who is met in two frames of "
    "three should count for two thirds: take the mean."
)
def worst_frame(tubes, others):
    return _overlaps(tubes, others).amin(-1)


@tube_overlap.wrong(
    "You look at the middle frame only. That is how the released program links the "
    "clips of its tubes; the overlap of two tubes is the mean of all frames."
)
def middle_frame(tubes, others):
    return _overlaps(tubes, others)[..., tubes.shape[1] // 2]


@tube_overlap.wrong(
    "You read x, y, w, h as two corners: the box ends at x + w and y + h, not at w and "
    "h."
)
def as_corners(tubes, others):
    a, b = tubes[:, None], others[None]
    low = torch.maximum(a[..., :2], b[..., :2])
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - low).clamp(min=0).prod(-1)
    areas = [(x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1) for x in (a, b)]
    return (shared / (areas[0] + areas[1] - shared).clamp(min=1e-9)).mean(-1)


@tube_overlap.wrong(
    "Boxes that are apart in x and in y get an overlap: two negative sides have a "
    "positive product. Clamp both sides at 0 before you multiply."
)
def no_clamp(tubes, others):
    a, b = tubes[:, None], others[None]
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = (high - low).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    return (shared / union.clamp(min=1e-9)).mean(-1)


@tube_overlap.wrong(
    "Your union is the sum of both areas, so what they share counts twice, and a tube "
    "has an overlap of one half with itself. Subtract the intersection once."
)
def union_counts_twice(tubes, others):
    shared, union = _parts(tubes, others)
    return (shared / (union + shared).clamp(min=1e-9)).mean(-1)


@tube_overlap.wrong(
    "You compare the boxes around the whole tubes. People who walk the same way one "
    "after the other would be one person; compare frame by frame."
)
def box_around(tubes, others):
    ends = []
    for tube in (tubes, others):
        low = tube[..., :2].amin(1, keepdim=True)
        high = (tube[..., :2] + tube[..., 2:]).amax(1, keepdim=True)
        ends.append(torch.cat([low, high - low], -1))
    return _tube_overlap(*ends)


# --- 2. the cost of poses ------------------------------------------------------------


def _pose_cases() -> list[Case]:
    def pair(seed: int, a: int, b: int) -> tuple[Tensor, ...]:
        before = uniform(seed, a, 8, 2, high=40.0)
        now = torch.cat([before, before.flip(0)])[:b] + uniform(seed + 1, b, 8, 2) * 9
        heads = uniform(seed + 2, a, low=6.0, high=14.0)
        seen = uniform(seed + 3, a, 8) > 0.3, uniform(seed + 4, b, 8) > 0.3
        return before, now, heads, *seen

    line = torch.tensor([[[0.0, 0], [10, 0], [20, 0], [30, 0]]])
    moved = line + torch.tensor([[[5.0, 0], [4, 4], [3, 4], [5.1, 0]]])
    all_seen = torch.ones(1, 4, dtype=torch.bool)
    half = torch.tensor([[True, True, False, False]])
    before, now, heads, seen_before, seen_now = pair(70, 2, 2)
    return [
        Case("three people and four", *pair(60, 3, 4)),
        Case("two and one", *pair(66, 2, 1)),
        Case(
            "exactly half a head", line, moved, torch.tensor([10.0]), all_seen, all_seen
        ),
        Case("no joint in common", line, moved, torch.tensor([10.0]), half, ~half),
        Case("nobody now", before, now[:0], heads, seen_before, seen_now[:0]),
    ]


def _pckh(
    before, now, heads, seen_before, seen_now, *, limit=0.5, of_now=False, strict=False
) -> tuple[Tensor, Tensor]:
    """How many joints match, and how many are in common; [A, B] each."""
    distance = (before[:, None] - now[None]).norm(dim=-1)  # [A, B, J]
    own = heads[None, :, None] if of_now else heads[:, None, None]
    near = distance < limit * own if strict else distance <= limit * own
    both = seen_before[:, None] & seen_now[None]
    return (near & both).sum(-1), both.sum(-1)


def _pose_cost(before, now, heads, seen_before, seen_now) -> Tensor:
    near, both = _pckh(before, now, heads, seen_before, seen_now)
    return 1 - near / both.clamp(min=1)


pose_cost = chapter.exercise(
    "pose_cost",
    cases=_pose_cases,
    solution=_pose_cost,
    returns=("costs",),
    praise="The share of the common joints that moved more than half a head.",
)


@pose_cost.wrong(
    "Hidden joints are compared, too. Nobody knows where they are: count a joint only "
    "if it is seen in both frames. (The released program compares them all.)"
)
def hidden_too(before, now, heads, seen_before, seen_now):
    every = torch.ones_like(seen_before), torch.ones_like(seen_now)
    return _pose_cost(before, now, heads, *every)


@pose_cost.wrong(
    "You divide by the number of all joints, so a person of whom half is hidden never "
    "costs less than one half. Divide by the joints that are seen in both frames."
)
def divided_by_all(before, now, heads, seen_before, seen_now):
    return 1 - _pckh(before, now, heads, seen_before, seen_now)[0] / before.shape[1]


@pose_cost.wrong(
    "You ask only whether the joint was seen in the frame before. It has to be seen "
    "now as well."
)
def seen_before_only(before, now, heads, seen_before, seen_now):
    return _pose_cost(before, now, heads, seen_before, torch.ones_like(seen_now))


@pose_cost.wrong(
    "That is the share of joints that match: a likeness. A cost is low for the same "
    "person, so subtract it from 1."
)
def likeness(before, now, heads, seen_before, seen_now):
    return 1 - _pose_cost(before, now, heads, seen_before, seen_now)


@pose_cost.wrong(
    "A joint may move by half a head; you allow a whole one. (MPII's PCKh@0.5 and "
    "PoseTrack's evaluator take the half.)"
)
def whole_head(before, now, heads, seen_before, seen_now):
    near, both = _pckh(before, now, heads, seen_before, seen_now, limit=1.0)
    return 1 - near / both.clamp(min=1)


@pose_cost.wrong("Exactly half a head is near enough: compare with <=, not with <.")
def strictly_less(before, now, heads, seen_before, seen_now):
    near, both = _pckh(before, now, heads, seen_before, seen_now, strict=True)
    return 1 - near / both.clamp(min=1)


@pose_cost.wrong(
    "Without a joint in common you divide 0 by 0. Nothing speaks for such a pair: let "
    "it cost 1, for example with `.clamp(min=1)` under the fraction."
)
def nothing_in_common(before, now, heads, seen_before, seen_now):
    near, both = _pckh(before, now, heads, seen_before, seen_now)
    return 1 - near / both


@pose_cost.wrong(
    "You count a joint as near if x and y are both within half a head. That is a "
    "square; the distance is sqrt(dx^2 + dy^2)."
)
def a_square(before, now, heads, seen_before, seen_now):
    gap = (before[:, None] - now[None]).abs().amax(-1)
    both = seen_before[:, None] & seen_now[None]
    near = (gap <= 0.5 * heads[:, None, None]) & both
    return 1 - near.sum(-1) / both.sum(-1).clamp(min=1)
