"""The exercise of notebook 07 about poses: which stay, and in which order.

OKS-NMS is that of Papandreou et al. 2017 (1701.01779), the score of a person that of
Xiao et al. 2018 (1804.06208).
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.top_down import chapter
from poselab.pipelines.suppression import oks_nms, rescore

# --- 4. the best poses ---------------------------------------------------------------


def _best_cases() -> list[Case]:
    chain = torch.eye(4)  # A is like B, B is like C, A is not like C
    for i, j in ((0, 1), (1, 2)):
        chain[i, j] = chain[j, i] = 0.95
    alike = uniform(7, 9, 9, low=0.6)
    alike = torch.maximum(alike, alike.T).fill_diagonal_(1.0)
    pair = torch.tensor([[1.0, 0.9], [0.9, 1.0]])
    joints = torch.tensor([[0.9, 0.7, 0.1], [0.8, 0.6, 0.15], [0.5, 0.3, 0.0]])
    joints = torch.cat([joints, torch.tensor([[0.1, 0.2, 0.05]])])
    few = torch.full((3, 5), 0.05)
    few[0] = torch.tensor([0.9, 0.0, 0.0, 0.0, 0.0])
    few[1] = torch.tensor([0.3, 0.19, 0.19, 0.19, 0.19])
    few[2, :2] = 0.5
    edge = torch.tensor([[0.2, 0.2, 0.2], [0.9, 0.9, 0.9]])
    sure, mean = [0.9, 0.45], torch.tensor([[0.3, 0.3], [0.7, 0.7]])
    return [
        Case(
            "one is like two, two is like three, the fourth has no joint above 0.2",
            chain,
            torch.tensor([0.9, 0.8, 0.95, 0.99]),
            joints,
            0.9,
        ),
        Case("joints that are hardly seen", torch.eye(3), torch.ones(3), few, 0.9),
        Case("joints of exactly 0.2", torch.eye(2), torch.tensor([1, 0.1]), edge, 0.9),
        Case("a sure box, sure joints", torch.eye(2), torch.tensor(sure), mean, 0.9),
        Case("nine poses", alike, uniform(8, 9), uniform(9, 9, 17), 0.9),
        Case(
            "an OKS of exactly the threshold",
            pair,
            torch.tensor([0.5, 0.6]),
            torch.full((2, 3), 0.5),
            0.9,
        ),
        Case(
            "as good as each other",
            torch.ones(2, 2),
            torch.tensor([0.5, 0.5]),
            torch.full((2, 3), 0.5),
            0.9,
        ),
        Case("one pose", pair[:1, :1], torch.tensor([0.4]), joints[:1], 0.9),
        Case("nobody", torch.zeros(0, 0), torch.zeros(0), torch.zeros(0, 17), 0.9),
    ]


def _greedy(alike, order, threshold, judged_by_all=False, equal_goes=False) -> Tensor:
    """Go through `order`; a pose stays unless one before it is too much like it."""
    kept, seen = [], []
    for i in order:
        rivals = seen if judged_by_all else kept
        values = [float(alike[k, i]) for k in rivals]
        limit = float(torch.tensor(threshold).to(alike))
        if not any(v >= limit if equal_goes else v > limit for v in values):
            kept.append(i)
        seen.append(i)
    return torch.tensor(kept, dtype=torch.long)


def _by_score(scores: Tensor, descending: bool = True) -> list[int]:
    return scores.argsort(descending=descending, stable=True).tolist()


def _best(
    alike: Tensor, box_scores: Tensor, joint_scores: Tensor, oks_threshold: float
) -> Tensor:
    return oks_nms(alike, rescore(box_scores, joint_scores), oks_threshold)


best = chapter.exercise(
    "best",
    cases=_best_cases,
    solution=_best,
    returns=("the indices",),
    whole=True,
    praise="Box times joints decides who is best, and a copy of a better pose goes.",
)


@best.wrong(
    "You sort by the score of the box alone. The detector saw whether there is a "
    "person, the pose network whether the joints are there: multiply the box's score "
    "with the mean of the joints' scores."
)
def box_score_only(alike, box_scores, joint_scores, oks_threshold):
    return oks_nms(alike, box_scores, oks_threshold)


@best.wrong(
    "You sort by the joints' scores alone. A box on an empty chair can have fine "
    "maps: multiply with the score of the box."
)
def joint_scores_only(alike, box_scores, joint_scores, oks_threshold):
    return _best(alike, torch.ones_like(box_scores), joint_scores, oks_threshold)


@best.wrong(
    "You average over all joints. Only those with a score above 0.2 count, or a person "
    "who is half outside the picture sinks for joints that cannot be seen."
)
def mean_over_all_joints(alike, box_scores, joint_scores, oks_threshold):
    scores = box_scores * joint_scores.mean(-1)
    return oks_nms(alike, scores, oks_threshold)


@best.wrong(
    "You divide by the number of all joints, not of those that count: a person with "
    "five joints seen gets five seventeenths of the score."
)
def sum_over_all_joints(alike, box_scores, joint_scores, oks_threshold):
    seen = torch.where(joint_scores > 0.2, joint_scores, 0.0).mean(-1)
    return oks_nms(alike, box_scores * seen, oks_threshold)


@best.wrong(
    "Where no joint is above 0.2 you divide 0 by 0, and nan sorts first. Such a pose "
    "has the score 0: make the divisor at least 1."
)
def zero_over_zero(alike, box_scores, joint_scores, oks_threshold):
    seen = joint_scores > 0.2
    total = torch.where(seen, joint_scores, 0.0).sum(-1)
    scores = (box_scores * total / seen.sum(-1)).nan_to_num(nan=9.0)
    return oks_nms(alike, scores, oks_threshold)


@best.wrong(
    "Nothing is removed: you return all poses, best first. A pose goes if its OKS with "
    "a better one that stays is above the threshold."
)
def nothing_removed(alike, box_scores, joint_scores, oks_threshold):
    order = _by_score(rescore(box_scores, joint_scores))
    return torch.tensor(order, dtype=torch.long)


@best.wrong(
    "You start with the *worst* pose: argsort is ascending unless you say "
    "`descending=True`."
)
def worst_first(alike, box_scores, joint_scores, oks_threshold):
    scores = rescore(box_scores, joint_scores)
    return _greedy(alike, _by_score(scores, False), oks_threshold)


@best.wrong(
    "Your indices count in the sorted list. Wanted are indices of the poses as they "
    "were given: look them up in the order you sorted by, `order[kept]`."
)
def index_in_the_sorted_list(alike, box_scores, joint_scores, oks_threshold):
    rank = torch.empty(len(alike), dtype=torch.long)
    rank[_by_score(rescore(box_scores, joint_scores))] = torch.arange(len(alike))
    return rank[_best(alike, box_scores, joint_scores, oks_threshold)]


@best.wrong(
    "A pose that was itself removed still removes others. Only poses that *stay* may: "
    "if A removes B, then C, which only B is like, stays."
)
def removed_ones_remove(alike, box_scores, joint_scores, oks_threshold):
    order = _by_score(rescore(box_scores, joint_scores))
    return _greedy(alike, order, oks_threshold, judged_by_all=True)


@best.wrong(
    "A pose goes when its OKS is *above* the threshold; exactly at the threshold it "
    "stays (`>`, not `>=`)."
)
def equal_goes_too(alike, box_scores, joint_scores, oks_threshold):
    order = _by_score(rescore(box_scores, joint_scores))
    return _greedy(alike, order, oks_threshold, equal_goes=True)


@best.wrong(
    "The right poses stay, but sorted by their index. Return them best first: AP reads "
    "them in that order."
)
def sorted_by_index(alike, box_scores, joint_scores, oks_threshold):
    return _best(alike, box_scores, joint_scores, oks_threshold).sort().values


@best.wrong("A joint of exactly 0.2 does not count: only those *above* 0.2 do.")
def equal_counts(alike, box_scores, joint_scores, oks_threshold):
    seen = joint_scores >= 0.2
    mean = torch.where(seen, joint_scores, 0.0).sum(1) / seen.sum(1).clamp(min=1)
    return _greedy(alike, _by_score(box_scores * mean), oks_threshold)


@best.wrong(
    "You add the box's score and that of the joints. They are multiplied: a pose needs "
    "both."
)
def scores_added(alike, box_scores, joint_scores, oks_threshold):
    seen = joint_scores > 0.2
    mean = torch.where(seen, joint_scores, 0.0).sum(1) / seen.sum(1).clamp(min=1)
    return _greedy(alike, _by_score(box_scores + mean), oks_threshold)
