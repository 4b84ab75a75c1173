"""The scoreboard of the course, written by `python -m poselab.evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from poselab import recipes
from poselab.zoo.cards import FOLDER


def scoreboard(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The rows of the scoreboard; none before the first evaluation."""
    path = folder / "scoreboard.json"
    if not path.exists():
        return []
    return json.loads(path.read_text(encoding="utf-8"))["rows"]


def table(met: str | None = None, folder: Path = FOLDER) -> str:
    """The scoreboard as text, one line per network and stage; crowds come last.

    `met` = "07": only what a reader has met up to notebook 07.
    """
    rows = [row for row in scoreboard(folder) if met is None or _chapter(row) <= met]
    head = f"{'method':20s} stage  PCK@0.05  PCK@0.1  PCK@0.2  parameters      MMAC"
    lines = [head, *(_single(row) for row in rows if row["set"] == "single")]
    crowd = [_crowd(row) for row in rows if row["set"] == "crowd"]
    if crowd:
        lines += ["", f"{'in crowds':20s} {'parameters':>10s}  {'MMAC':>8s}  scores"]
    return "\n".join(lines + crowd)


def _chapter(row: dict[str, Any]) -> str:
    """The notebook in which a row is met; that of a system's last part."""
    met = [recipes.chapter_of(name) for name in row.get("parts", [row["name"]])]
    return max((chapter for chapter in met if chapter), default="00")


def _single(row: dict[str, Any]) -> str:
    scores = row["scores"]
    return (
        f"{row['name']:20s} {row['stage']:>5d}  {scores['PCK@0.05']:8.3f}  "
        f"{scores['PCK@0.1']:7.3f}  {scores['PCK@0.2']:7.3f}  "
        f"{row['parameters']:10,d}  {row['macs'] / 1e6:8.1f}"
    )


def _crowd(row: dict[str, Any]) -> str:
    scores = "  ".join(f"{k} {v:.3f}" for k, v in row["scores"].items())
    return (
        f"{row['name']:20s} {row['parameters']:10,d}  "
        f"{row['macs'] / 1e6:8.1f}  {scores}"
    )
