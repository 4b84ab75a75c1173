"""Exercise of notebook 18: from how many people on another system costs less."""

from __future__ import annotations

import math

from poselab.checks.base import Case
from poselab.checks.which import chapter
from poselab.evaluate.choice import break_even


def _price_cases() -> list[Case]:
    return [
        Case("dear for each person", (180.0, 300.0), (530.0, 0.0)),
        Case("both grow", (180.0, 300.0), (533.0, 1.5)),
        Case("the second is cheaper from the start", (500.0, 10.0), (100.0, 5.0)),
        Case("the second grows faster", (100.0, 5.0), (500.0, 10.0)),
        Case("parallel lines", (100.0, 5.0), (500.0, 5.0)),
        Case("parallel lines, the second below", (500.0, 5.0), (100.0, 5.0)),
        Case("the same twice", (100.0, 5.0), (100.0, 5.0)),
        Case("cheaper at first, but it grows faster", (100.0, 5.0), (50.0, 8.0)),
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


@price.wrong(
    "Cheaper for a picture without people is not cheaper always: the second grows "
    "faster here, so after some people it costs more, and it never comes back."
)
def cheap_beginning(first, second):
    return 0.0 if second[0] < first[0] else break_even(first, second)


@price.wrong(
    "Side by side, and the second lies below: it costs less from the start, so 0. Only "
    "if it lies above, or on the first, is it never."
)
def parallel_is_never(first, second):
    return math.inf if first[1] == second[1] else break_even(first, second)


@price.wrong("Two that cost the same: the second never costs *less*, so inf.")
def equal_is_less(first, second):
    return 0.0 if first == second else break_even(first, second)


@price.wrong(
    "A negative number of people is not made positive: the lines met before the first "
    "person, so the answer is 0."
)
def sign_dropped(first, second):
    if first[1] <= second[1]:
        return break_even(first, second)
    return abs(second[0] - first[0]) / (first[1] - second[1])


@price.wrong(
    "You do not ask which line grows faster. If it is the second, the formula gives "
    "where it begins to cost *more*; then the answer is inf."
)
def slopes_not_compared(first, second):
    if first[1] == second[1]:
        return break_even(first, second)
    return max(0.0, (second[0] - first[0]) / (first[1] - second[1]))
