"""Which method when: what is left when a limit is set, and what a budget decides.

Everything here reads rows of the scoreboard (`poselab.zoo.scoreboard`) and the learning
curves on the cards of the bundled networks.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from poselab import zoo
from poselab.errors import require

__all__ = ["break_even", "curves", "last_stages", "pareto", "ranking", "score_at"]

Row = dict[str, Any]
Curve = list[tuple[int, float]]


def pareto(costs: Tensor, scores: Tensor) -> Tensor:
    """Who is beaten by nobody: costs [N] (less is better), scores [N] -> mask [N].

    One beats another if it is no dearer and no worse, and in one of the two truly
    better. Two that are equal in both do not beat each other.
    """
    cheaper = costs[:, None] <= costs  # [N, N]: row no dearer than column
    better = scores[:, None] >= scores
    truly = (costs[:, None] < costs) | (scores[:, None] > scores)
    return ~(cheaper & better & truly).any(0)


def break_even(first: tuple[float, float], second: tuple[float, float]) -> float:
    """From how many people on the second costs less; inf if it never does.

    Both are (cost of a picture, cost of each person more). 0 if the second is cheaper
    from the first person on and stays so.
    """
    (base, each), (other_base, other_each) = first, second
    if each <= other_each:
        return 0.0 if other_base < base and each == other_each else math.inf
    return max(0.0, (other_base - base) / (each - other_each))


def last_stages(rows: list[Row], kind: str = "single") -> list[Row]:
    """The last stage of every network in one set of the scoreboard."""
    found = {row["name"]: row for row in rows if row["set"] == kind}
    return list(found.values())  # later stages of the same name replace earlier ones


def curves(score: str = "PCK@0.05") -> dict[str, Curve]:
    """The learning curves of the bundled networks that learned on one budget.

    For one person, from the same drawn pictures with the same variation (those of
    `heatmap_tiny`), and as many of them. (pictures seen, score on the evaluation set),
    the first after about 8,000 pictures.
    """
    shared = zoo.card("heatmap_tiny")
    found = {}
    for name in zoo.names():
        card = zoo.card(name)
        alike = card["recipe"]["data"] == shared["recipe"]["data"]
        enough = card.get("pictures", 0) >= shared["pictures"]
        points = [(p["pictures"], p[score]) for p in card["curve"] if score in p]
        if points and alike and enough and card["recipe"]["task"] == "single":
            found[name] = points
    return found


def score_at(curve: Curve, pictures: float) -> float:
    """A learning curve between its points: straight over the logarithm of pictures.

    Raises `ArgumentError` outside the curve: nobody knows what would be there.
    """
    require(
        curve[0][0] <= pictures <= curve[-1][0],
        f"must lie between {curve[0][0]} and {curve[-1][0]}, where the curve is known",
        where="score_at",
        field="pictures",
        value=pictures,
    )
    for (a, low), (b, high) in zip(curve, curve[1:], strict=False):
        if pictures <= b:
            share = math.log(pictures / a) / math.log(b / a)
            return low + share * (high - low)
    return curve[-1][1]


def ranking(known: dict[str, Curve], pictures: float) -> Tensor:
    """The score of every curve at a number of pictures; [N] in their order."""
    return torch.tensor([score_at(curve, pictures) for curve in known.values()])
