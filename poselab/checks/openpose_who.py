"""An exercise of notebook 10: who is dropped (Cao et al. 2017, 1611.08050, section 2.4,
and its released code)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.openpose import chapter


def _kept_cases() -> list[Case]:
    members = torch.tensor(
        [[0, 1, 2, 3, 4], [5, -1, 6, -1, -1], [-1, 7, 8, 9, -1], [10, 11, 12, 13, -1]]
    )
    joints = torch.tensor([8, 8, 8, 8, 8, 8, 8, 2, 2, 2, 4, 2, 2, 4, 8]) / 8
    limbs = torch.tensor([3.5, 0.875, 1.0, 0.5])
    few = torch.tensor([[0, 1, 2, -1, -1], [3, 4, -1, -1, -1]])
    return [
        Case("four people", members, joints, limbs, 4, 0.4),
        Case(
            "exactly enough parts, exactly the score", few, joints, limbs[:2], 3, 1.25
        ),
        Case("nobody", members[:0], joints, limbs[:0], 4, 0.4),
        Case("a low bar", members, joints, limbs, 2, 0.25),
        Case("a high bar", members, joints, limbs, 2, 1.0),
        Case("half a high bar", members, joints, limbs, 2, 0.5),
        Case("a bar that nobody reaches", few, joints, limbs[:2], 2, 2.5),
    ]


def _sums(members: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of each person's joint scores, and how many joints that is."""
    there = members >= 0
    return (joints[members.clamp(min=0)] * there).sum(1), there.sum(1)


def _kept(members, joints, limbs, least_parts, least_score) -> Tensor:
    total, count = _sums(members, joints)
    mean = (total + limbs) / count.clamp(min=1)
    return (count >= least_parts) & (mean >= least_score)


kept = chapter.exercise(
    "kept",
    cases=_kept_cases,
    solution=_kept,
    returns=("the mask",),
    whole=True,
    praise="Who has too few parts, or too weak ones, is nobody.",
)


@kept.wrong(
    "A member of -1 means that the joint is missing, but as an index it is the *last* "
    "peak, whose score you add. Mask it: `joints[members.clamp(min=0)] * there`, with "
    "`there = members >= 0`."
)
def last_peak_added(members, joints, limbs, least_parts, least_score):
    count = (members >= 0).sum(1)
    mean = (joints[members].sum(1) + limbs) / count.clamp(min=1)
    return (count >= least_parts) & (mean >= least_score)


@kept.wrong(
    "You divide by all joints of the skeleton. Somebody who is half outside of the "
    "picture would be dropped for that: divide by the joints that were found."
)
def divided_by_all(members, joints, limbs, least_parts, least_score):
    total, count = _sums(members, joints)
    mean = (total + limbs) / members.shape[1]
    return (count >= least_parts) & (mean >= least_score)


@kept.wrong(
    "You leave the limbs' scores out. Peaks that nothing connects well would count as "
    "much as an arm with a clear field in it."
)
def joints_only(members, joints, limbs, least_parts, least_score):
    total, count = _sums(members, joints)
    return (count >= least_parts) & (total / count.clamp(min=1) >= least_score)


@kept.wrong(
    "You keep who passes one of the two tests. Both are needed: many weak parts are a "
    "shadow, two strong ones a lamp post."
)
def one_is_enough(members, joints, limbs, least_parts, least_score):
    total, count = _sums(members, joints)
    mean = (total + limbs) / count.clamp(min=1)
    return (count >= least_parts) | (mean >= least_score)


@kept.wrong(
    "You ask for *more* than the least number of parts, or more than the least score. "
    "Who has exactly as much is kept."
)
def more_than_least(members, joints, limbs, least_parts, least_score):
    total, count = _sums(members, joints)
    mean = (total + limbs) / count.clamp(min=1)
    return (count > least_parts) & (mean > least_score)


@kept.wrong(
    "You compare the sum, not the mean, with the least score. Then whoever has enough "
    "parts passes, however weak they are."
)
def sum_for_mean(members, joints, limbs, least_parts, least_score):
    total, count = _sums(members, joints)
    return (count >= least_parts) & (total + limbs >= least_score)


@kept.wrong(
    "You look at the score alone. Two joints and the limb between them can be very "
    "sure and still not be a person."
)
def score_only(members, joints, limbs, least_parts, least_score):
    total, count = _sums(members, joints)
    return (total + limbs) / count.clamp(min=1) >= least_score


@kept.wrong(
    "You take a mean of the joints and another of the limbs. Here it is one mean: "
    "joints and limbs added up, over the number of *parts*."
)
def two_means(members, joints, limbs, least_parts, least_score):
    total, count = _sums(members, joints)
    mean = total / count.clamp(min=1) + limbs / (count - 1).clamp(min=1)
    return (count >= least_parts) & (mean >= least_score)


@kept.wrong(
    "Peak 0 is a peak: `members > 0` takes it for missing. Missing is -1, so ask for "
    "`members >= 0`."
)
def peak_zero_missing(members, joints, limbs, least_parts, least_score):
    there = members > 0
    total = (joints[members.clamp(min=0)] * there).sum(1) + limbs
    mean = total / there.sum(1).clamp(min=1)
    return (there.sum(1) >= least_parts) & (mean >= least_score)
