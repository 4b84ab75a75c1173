"""The exercises of notebook 18: the bug hunt, a front, and the price of a person."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from poselab.checks import compare
from poselab.checks.base import Case, Chapter, Exercise
from poselab.checks.cases import uniform
from poselab.checks.running import Outcome
from poselab.evaluate.choice import break_even, pareto

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
    return [
        Case(
            "three networks", torch.tensor([1.0, 2, 3]), torch.tensor([0.5, 0.4, 0.9])
        ),
        Case("equal in both, equal in one", *tied),
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


# --- 3. from how many people on ------------------------------------------------------


def _price_cases() -> list[Case]:
    return [
        Case("dear for each person", (180.0, 300.0), (530.0, 0.0)),
        Case("both grow", (180.0, 300.0), (533.0, 1.5)),
        Case("the second is cheaper from the start", (500.0, 10.0), (100.0, 5.0)),
        Case("the second grows faster", (100.0, 5.0), (500.0, 10.0)),
        Case("parallel lines", (100.0, 5.0), (500.0, 5.0)),
    ]


price = chapter.exercise(
    "price",
    cases=_price_cases,
    solution=break_even,
    returns=("the number of people",),
    praise="Below that number the first costs less, above it the second.",
)


@price.wrong(
    "You divide by the sum of both prices for a person. The lines meet where the "
    "difference in the beginning is used up by the difference for each person."
)
def by_the_sum(first, second):
    right = break_even(first, second)
    if not 0 < right < math.inf:
        return right
    return (second[0] - first[0]) / (first[1] + second[1])


@price.wrong(
    "You forget what the second costs for each person: it is small, and not 0. Take "
    "the difference of both."
)
def second_for_free(first, second):
    right = break_even(first, second)
    return (second[0] - first[0]) / first[1] if 0 < right < math.inf else right


@price.wrong(
    "A number of people below 0 means that the second is cheaper from the first person "
    "on: return 0."
)
def below_zero(first, second):
    if first[1] <= second[1]:
        return math.inf
    return (second[0] - first[0]) / (first[1] - second[1])


@price.wrong(
    "Lines that part, or run side by side, never meet again ahead: return inf, also "
    "where the formula gives a number below 0."
)
def never_is_zero(first, second):
    right = break_even(first, second)
    return 0.0 if math.isinf(right) else right


@price.wrong(
    "You exchanged the two: from that number on the *second* should cost less, and it "
    "is the one that grows slower."
)
def exchanged(first, second):
    return break_even(second, first)


@price.wrong(
    "You round up to whole people. Return where the lines meet; whoever plans can "
    "round then."
)
def rounded_up(first, second):
    right = break_even(first, second)
    return float(math.ceil(right)) if right < math.inf else right
