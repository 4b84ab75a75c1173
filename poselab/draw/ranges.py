"""Arms of an ablation side by side: every seed, the mean, and how far they reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from poselab.draw.figures import style, title
from poselab.draw.styles import SERIES
from poselab.errors import require_known


def arms(
    ax: Any, rows: Sequence[dict[str, Any]], score: str, text: str | None = None
) -> dict[str, tuple[float, float, float]]:
    """One line per arm: a dot for each seed, a bar from the lowest to the highest.

    `rows` are those of `poselab.evaluate.claims`: "arm", "seed" and "scores"; `score`
    names one of the scores. Returns arm -> (mean, lowest, highest), in the order in
    which the arms come, for the cell to print and to assert on. Raises `ArgumentError`
    for a score that no row has.
    """
    values = values_of(rows, score)
    summary = {arm: (np.mean(v), min(v), max(v)) for arm, v in values.items()}
    with style():
        for place, (arm, found) in enumerate(values.items()):
            colour = SERIES[place % len(SERIES)]
            _, low, high = summary[arm]
            ax.plot([low, high], [place, place], color=colour, linewidth=8, alpha=0.3)
            ax.plot(found, [place] * len(found), "o", color=colour, markersize=9)
            ax.plot(np.mean(found), place, "|", color="black", markersize=22)
        ax.set_yticks(range(len(values)), list(values))
        ax.set_ylim(max(len(values), 1) - 0.5, -0.5)  # the first arm on top
        ax.set_xlabel(score)
    if text:
        title(ax, text)
    return {arm: tuple(map(float, numbers)) for arm, numbers in summary.items()}


def values_of(rows: Sequence[dict[str, Any]], score: str) -> dict[str, list[float]]:
    """The score of every seed, for each arm."""
    values: dict[str, list[float]] = {}
    for row in rows:
        require_known("score", score, row["scores"])
        values.setdefault(row["arm"], []).append(row["scores"][score])
    return values
