"""Exercise of notebook 13: the cost of two poses of which joints are hidden."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.track import chapter


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


@pose_cost.wrong(
    "A pair without a common joint costs nothing in your answer, so it is linked "
    "first. Nothing speaks for it: it costs 1."
)
def nothing_speaks_against(before, now, heads, seen_before, seen_now):
    near, both = _pckh(before, now, heads, seen_before, seen_now)
    return (both - near) / both.clamp(min=1)


@pose_cost.wrong(
    "You divide by the joints that were seen before. Those that are hidden now cannot "
    "match and are no mistake: divide by the joints that are seen in *both*."
)
def share_of_before(before, now, heads, seen_before, seen_now):
    near, _ = _pckh(before, now, heads, seen_before, seen_now)
    return 1 - near / seen_before.sum(-1)[:, None].clamp(min=1)


@pose_cost.wrong(
    "Joints seen in one of the two frames count, and they cannot match. A joint counts "
    "if it is seen in both: `&`, not `|`."
)
def seen_in_either(before, now, heads, seen_before, seen_now):
    distance = (before[:, None] - now[None]).norm(dim=-1)
    either = seen_before[:, None] | seen_now[None]
    near = (distance <= 0.5 * heads[:, None, None]) & either
    return 1 - near.sum(-1) / either.sum(-1).clamp(min=1)
