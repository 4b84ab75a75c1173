"""Two exercises of notebook 18: the bug hunt, and a front."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from poselab.checks import compare
from poselab.checks.base import Case, Chapter, Exercise, is_stub
from poselab.checks.cases import uniform
from poselab.checks.result import Result
from poselab.checks.running import Outcome
from poselab.evaluate.choice import pareto

chapter = Chapter("which", "18_which_method_when")

# --- 1. the bug hunt -----------------------------------------------------------------

# Which number of `poselab.explore.hunt.BUGS` stands behind each letter.
CULPRITS = (3, 7, 1, 8, 5, 2, 6, 4)
LETTERS = "ABCDEFGH"
# Bugs that leave traces of one kind.
FAMILIES = {
    "where things lie": {1, 4, 8},
    "what the network sees": {2, 5},
    "left and right": {3},
    "how it is measured": {6, 7},
}


@dataclass
class Hunt(Exercise):
    """An exercise whose answer is a list of suspects; says how close each is."""

    def check(self, attempt: Any) -> Result:
        """As any check; (3, 7, ...) is as good as [3, 7, ...]."""

        def listed() -> Any:
            named = attempt()
            return list(named) if isinstance(named, tuple) else named

        plain = not callable(attempt) or is_stub(attempt)
        return super().check(attempt if plain else listed)

    def _first_difference(self, found: Outcome, truth: Outcome, cases, wrong: int):
        raw = found.raw[0]
        named = compare.parts(raw)[0]
        whole = isinstance(named, Tensor) and named.shape == (len(CULPRITS),)
        if not whole:
            text = f"Return a list of {len(CULPRITS)} numbers, for A to H in this order"
            return "wrong", f"{text}; yours is {raw!r}."[:300], "structure"
        return "wrong", _how_close([int(v) for v in named.tolist()]), "values"


def _how_close(named: list[int]) -> str:
    """What a hunter is told: who is caught, and who is in the right family."""
    pairs = list(zip(LETTERS, named, CULPRITS, strict=True))
    caught = [letter for letter, mine, true in pairs if mine == true]
    near = [
        letter for letter, mine, true in pairs if mine != true and _akin(mine, true)
    ]
    far = [letter for letter, mine, _ in pairs if letter not in (*caught, *near)]
    words = [f"{len(caught)} of {len(CULPRITS)} are caught"]
    words += [f"at {', '.join(near)} the kind is right and the bug is not"] * bool(near)
    words += [f"at {', '.join(far)} look for another kind of trace"] * bool(far)
    return "; ".join(words) + "."


def _akin(a: int, b: int) -> bool:
    return any({a, b} <= family for family in FAMILIES.values())


def _hunt() -> list[int]:
    return list(CULPRITS)


suspects = Hunt(
    "which.suspects",
    chapter.notebook,
    cases=lambda: [Case("the eight pipelines")],
    solution=_hunt,
    returns=("the list of suspects",),
    praise="All eight are caught.",
)


def _exchanged(a: int, b: int) -> list[int]:
    other = {a: b, b: a}
    return [other.get(bug, bug) for bug in CULPRITS]


@suspects.wrong(
    "You take the forgotten half cell and the forgotten stride for each other. A "
    "constant push of 1 to 2 px is half a cell; joints that crowd into a corner of the "
    "crop are cells that were taken for pixels."
)
def half_for_stride() -> list[int]:
    return _exchanged(1, 4)


@suspects.wrong(
    "You take exchanged colours and the second division for each other. The mean "
    "brightness of what the network saw tells them apart: colours do not change it."
)
def colour_for_brightness() -> list[int]:
    return _exchanged(2, 5)


@suspects.wrong(
    "You take the missing mask and the overlap of training and test for each other. "
    "People drawn anew show the overlap: only there the score falls."
)
def mask_for_overlap() -> list[int]:
    return _exchanged(6, 7)


@suspects.wrong(
    "You take the unexchanged mirror and the exchanged colours for each other. A "
    "mirrored answer hurts only joints that come in pairs; look at the nose."
)
def mirror_for_colour() -> list[int]:
    return _exchanged(3, 2)


@suspects.wrong(
    "You take wrong boxes and the second division for each other. Look at the crop: "
    "one is black, the other shows the wrong part of the picture."
)
def boxes_for_darkness() -> list[int]:
    return _exchanged(8, 5)


@suspects.wrong(
    "These are the numbers of the list in its own order. The letters were shuffled: "
    "look at the traces."
)
def in_order() -> list[int]:
    return list(range(1, 1 + len(CULPRITS)))


# --- 2. the front --------------------------------------------------------------------


def _front_cases() -> list[Case]:
    tied = torch.tensor([1.0, 1.0, 2.0, 2.0, 3.0]), torch.tensor([5.0, 5, 5, 7, 6])
    half = torch.tensor([1.0, 1.0, 2.0, 3.0]), torch.tensor([4.0, 3.0, 6.0, 6.0])
    return [
        Case(
            "three networks", torch.tensor([1.0, 2, 3]), torch.tensor([0.5, 0.4, 0.9])
        ),
        Case("equal in both, equal in one", *tied),
        Case("dearer for the same score, worse for the same cost", *half),
        Case("twenty networks", uniform(1, 20), uniform(2, 20)),
        Case("one network", torch.tensor([4.0]), torch.tensor([0.1])),
        Case("no network", torch.zeros(0), torch.zeros(0)),
    ]


front = chapter.exercise(
    "front",
    cases=_front_cases,
    solution=pareto,
    returns=("the mask",),
    praise="Nobody on your front is beaten, and nobody off it is not.",
    whole=True,
)


def _beaten(costs: Tensor, scores: Tensor, rule: Callable) -> Tensor:
    table = rule(costs[:, None], costs, scores[:, None], scores)
    return ~table.any(0)


@front.wrong(
    "You remove everybody who is not the best of all. Somebody cheaper and a little "
    "worse is not beaten."
)
def only_the_best(costs, scores):
    best = scores.max() if len(scores) else scores
    return scores == best


@front.wrong(
    "You ask for truly cheaper and truly better. Who costs the same and is worse is "
    "beaten, too."
)
def strict_in_both(costs, scores):
    return _beaten(costs, scores, lambda a, b, p, q: (a < b) & (p > q))


@front.wrong(
    "Everybody beats himself: you allow equal cost and equal score together, so "
    "nobody is left. One of the two has to be truly better."
)
def beats_itself(costs, scores):
    return _beaten(costs, scores, lambda a, b, p, q: (a <= b) & (p >= q))


@front.wrong(
    "You keep whoever is dearer and worse: the order of costs is turned round. Less "
    "cost is better."
)
def costs_turned(costs, scores):
    return pareto(-costs, scores)


@front.wrong("You return who is beaten; asked is who is not. Turn the mask round.")
def the_beaten(costs, scores):
    return ~pareto(costs, scores)


@front.wrong(
    "You keep whoever is better than the one before when sorted by cost, and of equal "
    "networks only the first. Two that are equal in both do not beat each other."
)
def one_of_equals(costs, scores):
    keep = torch.zeros(len(costs), dtype=torch.bool)
    best = -math.inf
    key = sorted(range(len(costs)), key=lambda i: (float(costs[i]), -float(scores[i])))
    for i in key:
        if float(scores[i]) > best:
            keep[i], best = True, float(scores[i])
    return keep


@front.wrong(
    "You ask for truly cheaper. Who costs the same and is worse is beaten, too."
)
def truly_cheaper(costs, scores):
    return _beaten(costs, scores, lambda a, b, p, q: (a < b) & (p >= q))


@front.wrong(
    "You ask for truly better. Who has the same score and costs more is beaten, too."
)
def truly_better(costs, scores):
    return _beaten(costs, scores, lambda a, b, p, q: (a <= b) & (p > q))


@front.wrong(
    "Two networks that are equal in both beat each other in your answer, so neither is "
    "left. One of the two has to be truly better."
)
def equals_leave(costs, scores):
    others = ~torch.eye(len(costs), dtype=torch.bool)
    rule = _beaten(costs, scores, lambda a, b, p, q: (a <= b) & (p >= q) & others)
    return rule


@front.wrong(
    "You look along the other axis: `any(1)` says who beats somebody, `any(0)` who is "
    "beaten."
)
def who_beats_nobody(costs, scores):
    return ~(
        (costs[:, None] <= costs)
        & (scores[:, None] >= scores)
        & ((costs[:, None] < costs) | (scores[:, None] > scores))
    ).any(1)


@front.wrong("A higher score is better: you keep who scores low at the same cost.")
def scores_turned(costs, scores):
    return pareto(costs, -scores)


@front.wrong(
    "Cheaper *or* better beats nobody: it takes both, at most the cost and at least "
    "the score."
)
def one_is_enough(costs, scores):
    return _beaten(costs, scores, lambda a, b, p, q: (a < b) | (p > q))
