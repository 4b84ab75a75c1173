"""The exercise checks, one module per notebook: ``check("welcome.neck", neck)``."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from poselab.checks.base import REGISTRY, Case, Chapter, Exercise
from poselab.checks.memory import Progress, remember
from poselab.checks.result import Result

__all__ = [
    "Case",
    "Chapter",
    "Exercise",
    "Progress",
    "Result",
    "all_exercises",
    "check",
    "progress",
]


def all_exercises() -> list[Exercise]:
    """Every exercise of the course, in the order of the notebooks."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(REGISTRY.values(), key=lambda exercise: exercise.notebook)


def check(name: str, attempt: Any) -> Result:
    """Judge ``attempt``, the learner's function, as exercise ``name``; never raises.

    The result shows itself when it is the last line of a cell. ``name`` is
    "module.exercise", for example "welcome.neck". A right answer is noted in the
    learner's cache folder (`progress`).
    """
    exercises = {exercise.name: exercise for exercise in all_exercises()}
    if isinstance(name, str) and name in exercises:
        result = exercises[name].check(attempt)
        if result:
            remember(name)
        return result
    known = ", ".join(exercises)
    message = f"There is no exercise {name!r}. Known: {known}."
    return Result(str(name), "wrong", message, "unknown exercise")


def progress() -> Progress:
    """Which exercises of the course are solved, notebook by notebook."""
    return Progress.of(all_exercises())
