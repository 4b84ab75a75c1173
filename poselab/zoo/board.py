"""The scoreboard of the course, written by `python -m poselab.evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from poselab import recipes
from poselab.zoo.cards import FOLDER

# At most 100 letters a line: so much fits on a laptop beside the list of files.
HEAD = " " * 27 + "{:18s} {:17s}"
PCK = "@0.05  @0.1  @0.2"
NAMES = (
    f"{'method':20s} stage {PCK}  {PCK} {'parameters':>10s} {'MMAC':>6s} "
    f"{'pictures':>8s} {'TMAC':>4s}"
)
OTHERS = (
    f"{{:25s}} {'parameters':>10s} {'MMAC':>6s} {'pictures':>8s} {'TMAC':>4s} scores"
)


def scoreboard(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The rows of the scoreboard; none before the first evaluation."""
    path = folder / "scoreboard.json"
    if not path.exists():
        return []
    return json.loads(path.read_text(encoding="utf-8"))["rows"]


def table(met: str | None = None, folder: Path = FOLDER) -> str:
    """The scoreboard as text, one line per network and stage, the best last.

    PCK of framed people and of people cut out of crowds, then of whole crowds and of
    joints in 3D the scores that they are judged by. "pictures" and "TMAC" (10^12
    multiplications, the backward pass counted twice) are what the training took.
    `met` = "07": only what a reader has met up to notebook 07.
    """
    every = scoreboard(folder)
    rows = [row for row in every if met is None or _chapter(row) <= met]
    lines = [HEAD.format("framed", "cut out of crowds"), NAMES, *_singles(rows)]
    for kind, text in (("crowd", "in crowds"), ("space", "in space")):
        own = [_other(row, every) for row in rows if row["set"] == kind]
        lines += ["", OTHERS.format(text), *own] if own else []
    return "\n".join(lines)


def _singles(rows: list[dict[str, Any]]) -> list[str]:
    """The lines of networks for one person, stages of one together."""
    single = [row for row in rows if row["set"] == "single"]
    last = {row["name"]: row["scores"]["PCK@0.05"] for row in single}
    ranked = sorted(single, key=lambda row: (last[row["name"]], row["name"]))
    return [_single(row) for row in ranked]


def _chapter(row: dict[str, Any]) -> str:
    """The notebook in which a row is met; what is no network, from the start."""
    return recipes.chapter_of(row["name"]) or "00"


def _single(row: dict[str, Any]) -> str:
    empty = dict.fromkeys(row["scores"], float("nan"))
    scores = [
        " ".join(f"{value:5.3f}" for value in which.values())
        for which in (row["scores"], row.get("crops", empty))
    ]
    spent = row.get("training_gmacs", 0) / 1e3
    return (
        f"{row['name']:20s} {row['stage']:>5d} {'  '.join(scores)} "
        f"{row['parameters']:10,d} {row['macs'] / 1e6:6.1f} "
        f"{row.get('pictures', 0):8,d} {spent:4,.0f}"
    )


def _other(row: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """Shares with three decimals, lengths in mm with none.

    What a system's training took is the sum over its networks.
    """
    parts = row.get("parts", [row["name"]])
    trained = {r["name"]: r for r in rows if r["name"] in parts}.values()
    pictures = sum(r.get("pictures", 0) for r in trained)
    spent = sum(r.get("training_gmacs", 0) for r in trained) / 1e3
    scores = " ".join(
        f"{k} {v:.3f}" if v <= 1 else f"{k} {v:.0f} mm"
        for k, v in row["scores"].items()
    )
    return (
        f"{row['name']:26s} {row['parameters']:9,d} {row['macs'] / 1e6:6.1f} "
        f"{pictures:8,d} {spent:4,.0f} {scores}"
    )
