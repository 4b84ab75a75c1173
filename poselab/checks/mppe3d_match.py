"""Exercise of notebook 15: which answers of roots are right (the half of an AP)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.mppe3d import chapter


def _match_cases() -> list[Case]:
    truth = torch.tensor([[0.0, 0, 4000], [300, 0, 4000], [2000, 0, 7000]])
    found = torch.tensor(
        [[150.0, 0, 4000], [20, 0, 4030], [2000, 100, 7600], [40, 10, 3990]]
    )
    return [
        Case(
            "two answers for one person",
            found,
            torch.tensor([0.9, 0.8, 0.7, 0.6]),
            truth,
        ),
        Case(
            "the best score comes last",
            found.flip(0),
            torch.tensor([0.2, 0.3, 0.5, 0.9]),
            truth,
        ),
        Case(
            "at 250 mm exactly",
            torch.tensor([[250.0, 0, 4000], [0, 200, 7150]]),
            torch.tensor([0.5, 0.6]),
            torch.tensor([[0.0, 0, 4000], [0, 0, 7000]]),
        ),
        Case(
            "the nearest is taken, the next is near enough",
            torch.tensor([[10.0, 0, 4000], [30, 0, 4000]]),
            torch.tensor([0.9, 0.8]),
            torch.tensor([[0.0, 0, 4000], [200, 0, 4000]]),
        ),
        Case(
            "a wrong answer, then a right one",
            torch.tensor([[200.0, 200, 4000], [20, 0, 4010]]),
            torch.tensor([0.9, 0.8]),
            torch.tensor([[0.0, 0, 4000]]),
        ),
        Case(
            "two roots are near enough, the second is nearer",
            torch.tensor([[200.0, 0, 4000], [-100, 0, 4000]]),
            torch.tensor([0.9, 0.8]),
            torch.tensor([[0.0, 0, 4000], [210, 0, 4000]]),
        ),
        Case("nobody is there", found[:2], torch.tensor([0.9, 0.1]), truth[:0]),
        Case("nothing is found", found[:0], torch.zeros(0), truth),
    ]


def _match(
    found: Tensor, scores: Tensor, truth: Tensor, limit=250.0, strict=False, order=True
) -> Tensor:
    right = torch.zeros(len(found), dtype=torch.bool)
    free = torch.ones(len(truth), dtype=torch.bool)
    ranks = scores.argsort(descending=True) if order else torch.arange(len(found))
    for i in ranks.tolist():
        far = (truth - found[i]).norm(dim=1)
        far = torch.where(free, far, torch.inf)
        if not len(far):
            continue
        j = int(far.argmin())
        if far[j] < limit or (far[j] == limit and not strict):
            right[i], free[j] = True, False
    return right


match = chapter.exercise(
    "match",
    cases=_match_cases,
    solution=_match,
    returns=("which are right",),
    whole=True,
    praise="Ranked by score these give AP of roots, as AP of boxes in notebook 07.",
)


@match.wrong(
    "One person is found twice in your answer. A true root that has been taken is no "
    "longer free: the second answer is a false alarm."
)
def taken_twice(found, scores, truth):
    if not len(truth):
        return torch.zeros(len(found), dtype=torch.bool)
    return torch.cdist(found, truth).amin(1) <= 250


@match.wrong(
    "You go through the answers in the order of the list. The one with the highest "
    "score chooses first."
)
def list_order(found, scores, truth):
    return _match(found, scores, truth, order=False)


@match.wrong(
    "You go from the lowest score to the highest. The most certain answer chooses "
    "first."
)
def lowest_first(found, scores, truth):
    return _match(found, -scores, truth)


@match.wrong("250 mm count as right: the limit itself belongs to it.")
def strictly(found, scores, truth):
    return _match(found, scores, truth, strict=True)


@match.wrong(
    "You compare depths alone. Two people side by side have the same depth: the "
    "distance in space counts."
)
def depth_alone(found, scores, truth):
    flat = torch.tensor([0.0, 0.0, 1.0])
    return _match(found * flat, scores, truth * flat)


@match.wrong(
    "You leave the depth out. In the picture nobody is wrong then, and the depth is "
    "what is asked."
)
def without_depth(found, scores, truth):
    flat = torch.tensor([1.0, 1.0, 0.0])
    return _match(found * flat, scores, truth * flat)


@match.wrong(
    "Your limit is 25 mm. AP of roots has 25 cm, 250 mm: nobody is found to a finger's "
    "breadth from one picture."
)
def in_centimetres(found, scores, truth):
    return _match(found, scores, truth, 25.0)


@match.wrong("The answer is turned around: True is for answers that are right.")
def inverted(found, scores, truth):
    return ~_match(found, scores, truth)


@match.wrong(
    "You look at the nearest true root, taken or not. An answer takes the nearest one "
    "that is still *free*."
)
def gives_up(found, scores, truth):
    right = torch.zeros(len(found), dtype=torch.bool)
    free = torch.ones(len(truth), dtype=torch.bool)
    for i in scores.argsort(descending=True).tolist() if len(truth) else ():
        far = (truth - found[i]).norm(dim=1)
        j = int(far.argmin())
        if far[j] <= 250 and free[j]:
            right[i], free[j] = True, False
    return right


@match.wrong(
    "An answer that is wrong takes its nearest root away from the others. It takes "
    "nothing."
)
def wrong_ones_take(found, scores, truth):
    right = torch.zeros(len(found), dtype=torch.bool)
    free = torch.ones(len(truth), dtype=torch.bool)
    for i in scores.argsort(descending=True).tolist() if len(truth) else ():
        far = torch.where(free, (truth - found[i]).norm(dim=1), torch.inf)
        j = int(far.argmin())
        right[i] = bool(far[j] <= 250)
        free[j] = False
    return right


@match.wrong(
    "You compare x, y and z one by one with 250 mm. The distance is that of all three "
    "together, `norm`."
)
def axis_by_axis(found, scores, truth):
    right = torch.zeros(len(found), dtype=torch.bool)
    free = torch.ones(len(truth), dtype=torch.bool)
    for i in scores.argsort(descending=True).tolist() if len(truth) else ():
        far = torch.where(free, (truth - found[i]).abs().amax(1), torch.inf)
        j = int(far.argmin())
        if far[j] <= 250:
            right[i], free[j] = True, False
    return right


@match.wrong(
    "You take the first free root within 250 mm, in the order of the list. Of several "
    "that are near enough an answer takes the *nearest*."
)
def first_near_enough(found, scores, truth):
    right = torch.zeros(len(found), dtype=torch.bool)
    free = list(range(len(truth)))
    for i in scores.argsort(descending=True).tolist():
        near = [j for j in free if (truth[j] - found[i]).norm() <= 250]
        right[i] = bool(near)
        free = [j for j in free if j not in near[:1]]
    return right
