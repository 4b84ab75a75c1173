"""An exercise of notebook 10: the best matching of a limb (Cao et al. 2017, 1611.08050,
section 2.4)."""

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
        Case("a pair of score 0", _scores([[0.6, 0.2], [0.3, 0.0]])),
        Case("the best two are denied", _scores([[0.5, -0.9], [-0.9, 0.4]])),
        Case("close sums", _scores([[0.9, 0.6], [0.5, 0.1]])),
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
    "You keep pairs with a score of exactly 0: ask for `> 0`. Where the field is empty "
    "the integral is 0, and there is no limb."
)
def zero_kept(scores):
    return _assigned(scores.clamp(min=0), (scores >= 0).float())


@best.wrong(
    "You take the size of the score without its sign. A score far below 0 says that "
    "the limb runs the other way: set it to 0 (`clamp(min=0)`)."
)
def sign_lost(scores):
    return _assigned(scores.abs(), scores)


@best.wrong(
    "You look for the largest sum of *squares*. Then one high score outweighs two good "
    "ones; add the scores themselves."
)
def sum_of_squares(scores):
    return _assigned(scores.clamp(min=0).square(), scores)


@best.wrong(
    "You take a pair only if each is the other's best. Who is second best for all "
    "stays alone then; the largest *sum* may need just such pairs."
)
def best_of_both(scores):
    found = torch.full((len(scores),), -1)
    for i, j in _pairs(scores):
        first = scores[i, j] == scores[i].max() and scores[i, j] == scores[:, j].max()
        if first and scores[i, j] > 0:
            found[i] = j
    return found


@best.wrong(
    "You take as many pairs as you can, whatever their scores are. It is the sum of "
    "the scores that counts."
)
def most_pairs(scores):
    return _assigned((scores > 0).float(), scores)


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
