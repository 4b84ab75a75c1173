"""Exercises of the toy chapter."""

from __future__ import annotations

from poselab.checks.base import Case, Chapter

chapter = Chapter("toy", "19_toy")


def _cases() -> list[Case]:
    return [Case("an ordinary number", 3.0), Case("zero", 0.0), Case("negative", -2.0)]


double1, double2, double3 = (
    chapter.exercise(f"double{n}", cases=_cases, solution=lambda x: x + x)
    for n in (1, 2, 3)
)

for exercise in (double1, double2, double3):

    @exercise.wrong("You squared the number: twice 3 is 6, not 9.")
    def squared(x):
        return x * x

    @exercise.wrong("You return the number as it is.")
    def unchanged(x):
        return x

    @exercise.wrong("You added 2 instead of doubling.")
    def plus_two(x):
        return x + 2
