"""What there is to choose from for a question, with prices and the reasons to refuse.

Rows of the scoreboard and the table of conditions (`python -m poselab.evaluate
conditions`) in one form: a list of `Option`s for each of `QUESTIONS`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poselab import zoo
from poselab.errors import ArgumentError, require

QUESTIONS = {
    "framed": "one person, framed",
    "crops": "one person, cut out of a crowd",
    "crowd": "everybody in a picture",
    "space": "one person in mm",
    "video": "everybody in a clip",
}
MEASURES = {
    "framed": ("PCK@0.05", "PCK@0.1", "PCK@0.2"),
    "crops": ("PCK@0.05", "PCK@0.1", "PCK@0.2"),
    "crowd": ("AP", "AP50", "joints found"),
    "space": ("3DPCK",) * 3,
    "video": ("MOTA",) * 3,
}
HEIGHTS = {"all": (0, 1e9), "under 130 px": (0, 130), "over 200 px": (200, 1e9)}
HIDDEN = {"all": (0, 1), "under 20 %": (0, 0.2), "over 40 %": (0.4, 1)}

Table = dict[str, Any]
Row = dict[str, Any]


@dataclass
class Option:
    """A method: what a picture costs (`macs`, `ms`) as it was asked for, and scores."""

    name: str
    macs: float
    ms: float
    parameters: int
    training_gmacs: float
    scores: dict[str, float] = field(default_factory=dict)


def conditions(folder: Path = zoo.FOLDER) -> Table:
    """The table that `python -m poselab.evaluate conditions` wrote.

    Raises `ArgumentError` where there is none.
    """
    path = folder / "conditions.json"
    require(
        path.exists(),
        "is not there",
        where=path,
        fix="Run: python -m poselab.evaluate conditions",
    )
    return json.loads(path.read_text(encoding="utf-8"))


def among(
    table: Table, height: str = "all", hidden: str = "all", crowd: Sequence[float] = ()
) -> Tensor:
    """Which people are so tall, so hidden, in scenes so crowded; a mask [N].

    `height` and `hidden` are keys of `HEIGHTS` and `HIDDEN`, `crowd` two crowd indices,
    from and below. Raises `ArgumentError` for other keys.
    """
    people = {k: torch.tensor(v).double() for k, v in table["people"].items()}
    share = people["hidden"] / people["joints"]
    mask = torch.ones(len(share), dtype=torch.bool)
    for name, key, limits, value in (
        ("height", height, HEIGHTS, people["height"]),
        ("hidden", hidden, HIDDEN, share),
    ):
        if key not in limits:
            raise ArgumentError(
                "unknown", where="among", field=name, value=key, fix=f"{[*limits]}"
            )
        low, high = limits[key]
        mask &= (value >= low) & (value <= high)
    if len(crowd):
        mask &= (people["crowd"] >= crowd[0]) & (people["crowd"] < crowd[1])
    return mask


def found_share(table: Table, name: str, mask: Tensor) -> float:
    """The share of labelled joints that a method finds of the people in a mask [N]."""
    found = torch.tensor(table["methods"][name]["found"]).double()
    joints = torch.tensor(table["people"]["joints"]).double()
    return float(found[mask].sum() / joints[mask].sum())


def options(
    question: str,
    rows: Sequence[Row],
    table: Table,
    people: int = 1,
    mask: Tensor | None = None,
) -> list[Option]:
    """All methods that answer a question (a key of `QUESTIONS`).

    Costs are those of a picture with so many `people`; `mask` chooses the people whose
    joints are counted in "joints found" (everybody).
    """
    require(
        question in QUESTIONS,
        "unknown",
        where="options",
        field="question",
        value=question,
        fix=f"Known: {', '.join(QUESTIONS)}.",
    )
    board = {(row["name"], row["set"]): row for row in rows}  # the last stage wins
    if question in ("framed", "crops", "space"):
        kind = "space" if question == "space" else "single"
        own = [row for (_, k), row in board.items() if k == kind and row["macs"]]
        return [_alone(row, question, people) for row in own if _fits(row, question)]
    mask = among(table) if mask is None else mask
    return [
        _together(board[name, "crowd"], table, question, people, mask, rows)
        for name, row in table["methods"].items()
        if row["kind"] != "boxes given"
        and (name, "crowd") in board
        and (question == "crowd" or "video" in row)
    ]


def _fits(row: Row, question: str) -> bool:
    scores = row.get("crops", {}) if question == "crops" else row["scores"]
    return any(name in scores for name in MEASURES[question])


def _alone(row: Row, question: str, people: int) -> Option:
    """A network that is asked once for each person; finding them is not counted."""
    return Option(
        row["name"],
        people * row["macs"],
        people * row["ms_per_image"],
        row["parameters"],
        row.get("training_gmacs", 0),
        row["crops"] if question == "crops" else row["scores"],
    )


def _together(row: Row, table: Table, question: str, people, mask, rows) -> Option:
    """A system for whole pictures."""
    own = table["methods"][row["name"]]
    (base, each), (start, step) = own["macs"], own["ms"]
    joints = {"joints found": found_share(table, row["name"], mask)}
    parts = [r for r in rows if r["name"] in row.get("parts", [row["name"]])]
    spent = {r["name"]: r.get("training_gmacs", 0) for r in parts}
    return Option(
        row["name"],
        base + people * each,
        start + people * max(0.0, step),
        row["parameters"],
        sum(spent.values()),
        own["video"] if question == "video" else row["scores"] | joints,
    )


def refused(
    found: Sequence[Option], measure: str, least: float, most_macs: float
) -> dict[str, str]:
    """Why options do not remain: the first limit that each breaks."""
    why = {}
    for one in found:
        if not one.scores.get(measure, -1.0) >= least:
            why[one.name] = f"{measure} below {least:g}"
        elif one.macs > most_macs:
            why[one.name] = f"more than {most_macs / 1e6:.0f} MMAC"
    return why


EDGES = {
    "height": ("height, px", (0, 130, 170, 220, 1e9)),
    "hidden": ("hidden joints, %", (0, 20, 40, 60, 101)),
    "crowd": ("crowd index", (0, 0.3, 0.6, 1.0, 1e9)),
}
CHANGES = {
    "box": "box off by, share",
    "angle": "turned by, degrees",
    "light": "light, share",
}


def difficulties(table: Table, name: str) -> dict[str, tuple[list[str], list[float]]]:
    """What makes it hard for a method: axis -> (ticks, shares of joints found).

    Over height, hidden joints and crowd index: of the people in each range. Over box
    errors, angle and light: of the same people at every level.
    """
    people = {k: torch.tensor(v).double() for k, v in table["people"].items()}
    people["hidden"] = 100 * people["hidden"] / people["joints"]
    rows = {}
    for key, (text, edges) in EDGES.items():
        group = torch.bucketize(people[key], torch.tensor(edges).double(), right=True)
        shares = [found_share(table, name, group == g) for g in range(1, len(edges))]
        ticks = [f"to {edge:g}" for edge in edges[1:-1]] + [f"over {edges[-2]:g}"]
        rows[text] = ticks, shares
    for key, text in CHANGES.items():
        levels = table["methods"][name]["levels"]
        if key in levels:
            rows[text] = [f"{level:g}" for level in table["levels"][key]], levels[key]
    return rows
