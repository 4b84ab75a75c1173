"""Exercises of notebook 10 about people: the best matching of a limb, and who is
dropped (Cao et al. 2017, 1611.08050, sections 2.3 and 2.4)."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.openpose import chapter

# --- 3. the matching with the largest sum --------------------------------------------


def _scores(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows)


def _best_cases() -> list[Case]:
    four = [[0.7, 0.6, 0.1, -0.2], [0.65, 0.2, 0.3, 0.0], [0.5, 0.55, 0.4, 0.35]]
    return [
        Case("the highest score spoils the rest", _scores([[0.9, 0.8], [0.7, 0.1]])),
        Case("a limb that nobody has to take", _scores([[0.9, 0.3], [0.4, -0.8]])),
        Case("three shoulders, four elbows", _scores(four)),
        Case(
            "three elbows, two shoulders", _scores([[0.3, 0.8], [0.2, 0.9], [0.1, 0.4]])
        ),
        Case("no pair is any good", _scores([[-0.1, -0.5], [-0.3, -0.2]])),
        Case("one and one", _scores([[0.6]])),
        Case("no shoulder", torch.zeros(0, 2)),
    ]


def _assigned(gain: Tensor, scores: Tensor) -> Tensor:
    """Columns of the matching with the largest sum of `gain`; -1 without a score."""
    found = torch.full((len(scores),), -1)
    for i, j in zip(*linear_sum_assignment(gain.numpy(), maximize=True), strict=True):
        if scores[i, j] > 0:
            found[i] = int(j)
    return found


def _best(scores: Tensor) -> Tensor:
    return _assigned(scores.clamp(min=0), scores)


best = chapter.exercise(
    "best",
    cases=_best_cases,
    solution=_best,
    returns=("the columns",),
    whole=True,
    praise="No other choice of limbs has a larger sum.",
)


def _in_order(scores: Tensor, order: list[tuple[int, int]]) -> Tensor:
    """Pairs taken in this order, if both ends are free and the score is good."""
    found, used = torch.full((len(scores),), -1), set()
    for i, j in order:
        if scores[i, j] > 0 and found[i] < 0 and j not in used:
            found[i] = j
            used.add(j)
    return found


def _pairs(scores: Tensor) -> list[tuple[int, int]]:
    rows, columns = scores.shape
    return [(i, j) for i in range(rows) for j in range(columns)]


@best.wrong(
    "You take the best pair first, then the best of what is left. That is the greedy "
    "rule of the released code; here the *sum* is to be the largest, and the best pair "
    "may have to be given up for it."
)
def greedy(scores):
    order = sorted(_pairs(scores), key=lambda pair: -float(scores[pair]))
    return _in_order(scores, order)


@best.wrong(
    "Each row takes its best column, whoever else has it: two shoulders would share an "
    "elbow. A column can be used once."
)
def column_twice(scores):
    if not len(scores):
        return torch.full((0,), -1)
    value, column = scores.max(1)
    return torch.where(value > 0, column, -1)


@best.wrong(
    "The rows choose one after another, the first one first. Then the sum hangs on the "
    "order of the peaks: compare all choices."
)
def row_by_row(scores):
    order = sorted(_pairs(scores), key=lambda pair: (pair[0], -float(scores[pair])))
    return _in_order(scores, order)


@best.wrong(
    "You look for the smallest sum. The scores are integrals, not distances: large is "
    "good (`maximize=True`)."
)
def smallest(scores):
    return _assigned(-scores.clamp(min=0), scores)


@best.wrong(
    "You let pairs with a score of 0 and less count in the sum, and leave them out "
    "afterwards. Nobody has to take a bad limb: it costs nothing to leave two joints "
    "alone, so set such scores to 0 before you match."
)
def bad_pairs_counted(scores):
    return _assigned(scores, scores)


@best.wrong(
    "You keep pairs with a score of 0 or less. A limb that the field denies is none: "
    "answer -1 there."
)
def bad_pairs_kept(scores):
    return _assigned(scores.clamp(min=0), torch.ones_like(scores))


@best.wrong(
    "You answer with the row of each column. Wanted is, for each row, its column."
)
def rows_for_columns(scores):
    found = torch.full((scores.shape[1],), -1)
    for i, j in enumerate(_best(scores).tolist()):
        if j >= 0:
            found[j] = i
    return found


@best.wrong(
    "All rows get a column, however bad the pair is. A pair with a score of 0 or less "
    "may not be taken: give -1, and let such pairs count 0 in the sum."
)
def all_paired(scores):
    found = torch.full((len(scores),), -1)
    rows, columns = linear_sum_assignment(scores.numpy(), maximize=True)
    found[torch.as_tensor(rows)] = torch.as_tensor(columns)
    return found


@best.wrong(
    "Each row takes its highest column: two shoulders may take the same elbow, and "
    "scores below 0 are taken, too."
)
def highest_of_the_row(scores):
    return scores.argmax(1)


# --- 4. who is dropped ---------------------------------------------------------------


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
