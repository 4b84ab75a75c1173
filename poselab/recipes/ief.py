"""Iterative error feedback (Carreira et al. 2016, 1507.06550)."""

from __future__ import annotations

from dataclasses import replace

from poselab.recipes.base import Ablation, Recipe
from poselab.recipes.shared import MIXTURE, SIZE, budget, framed
from poselab.train import Schedule, Trainer, train_feedback
from poselab.train.feedback import (
    train_from_one_start,
    train_leaps_on_own_path,
    train_one_leap,
    train_whole_residuals,
)

CHAPTER = "05"

TINY = {
    "ief_tiny": Recipe(
        about="iterative error feedback, four steps, on single drawn people",
        model="ief",
        # Four steps of at most 7 px of 128; the paper has four of at most 20 px of 224.
        arguments={"size": SIZE, "stages": 4, "bound": 7.0, "sigma": 8.0},
        codec={"name": "points", "size": SIZE},
        data=MIXTURE,
        # One phase for each step of the path (fixed path consolidation), the last one,
        # which is used, the longest.
        stages=budget(2e-3, 4, 4, 6, 11),
        trainer=train_feedback,
    )
}


def _short(about: str, trainer: Trainer, *steps: int) -> Recipe:
    """A short training with so many steps for each phase, the same pictures in all."""
    recipe = TINY["ief_tiny"]
    return replace(
        recipe,
        about=about,
        arguments={**recipe.arguments, "stages": len(steps)},
        data=framed(2000),
        stages=tuple(Schedule(n, batch_size=16, lr=2e-3) for n in steps),
        trainer=trainer,
    )


PHASES = (40, 40, 60, 100)  # in about the shares of the bundled network

ABLATIONS = {
    "targets": Ablation(
        question="Bounded steps or leaps, from one start or from many?",
        arms={
            "bounded steps": _short("four bounded steps", train_feedback, *PHASES),
            "one start": _short("the paper's path", train_from_one_start, *PHASES),
            "whole residuals": _short(
                "four leaps, trained on the bounded path",
                train_whole_residuals,
                *PHASES,
            ),
            "own path": _short(
                "four leaps, trained on where they lead",
                train_leaps_on_own_path,
                *PHASES,
            ),
            "one leap": _short("one leap from one start", train_one_leap, sum(PHASES)),
        },
    )
}
