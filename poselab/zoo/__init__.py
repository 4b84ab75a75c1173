"""Small trained networks that come with the package, and the way to large ones.

`zoo.official("deeppose_r50_coco")` is a network of paper size with released weights;
`zoo.names(official=True)` lists them. `zoo.load("deeppose_tiny")` is a small network in
eval mode; `zoo.codec(...)` reads the maps of one that answers in maps; `zoo.card(...)`
says how it was trained and how well it does; `zoo.scoreboard()` is the course's table
of results, written by `python -m poselab.evaluate`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from poselab import codecs
from poselab.errors import ArgumentError, CheckpointError
from poselab.models import build, load_weights
from poselab.zoo.released import OFFICIAL, Table, official
from poselab.zoo.systems import top_down

__all__ = [
    "OFFICIAL",
    "card",
    "codec",
    "load",
    "names",
    "official",
    "scoreboard",
    "table",
    "top_down",
]

FOLDER = Path(__file__).parent


def names(folder: Path = FOLDER, official: bool = False) -> list[str] | Table:
    """The networks that `load` knows; with `official=True` those that `official` knows,
    as a table from name to record (paper, parameters, licence, address, ...)."""
    if official:
        return Table(sorted(OFFICIAL.items()))
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """How a network was made: model, recipe, command, seconds, device, seed, scores.

    Raises `ArgumentError` for an unknown name, `CheckpointError` for a broken card.
    """
    if name not in names(folder):
        raise ArgumentError(
            "no bundled network of this name",
            where="name",
            value=name,
            fix=f"Known: {', '.join(names(folder))}.",
        )
    path = folder / f"{name}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {**content, "model": content["model"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"the card cannot be read: {type(error).__name__}: {error}"
        raise CheckpointError(problem, where=path) from error


def load(name: str, folder: Path = FOLDER) -> nn.Module:
    """The trained network `name`, in eval mode on the CPU."""
    content = card(name, folder)
    net = build(content["model"], **content["arguments"])
    return load_weights(net, folder / f"{name}.safetensors")


def codec(name: str, folder: Path = FOLDER) -> codecs.Codec:
    """The codec that reads the output of `name`; of cascades a `PointsCodec`."""
    content = card(name, folder)
    options = content.get("recipe", {}).get("codec")
    if options:
        return codecs.build(**options)
    return codecs.PointsCodec(content["arguments"]["size"])


def scoreboard(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The rows of the scoreboard; none before the first evaluation."""
    path = folder / "scoreboard.json"
    if not path.exists():
        return []
    return json.loads(path.read_text(encoding="utf-8"))["rows"]


def table(folder: Path = FOLDER) -> str:
    """The scoreboard as text, one line per network and stage; crowds come last."""
    head = f"{'method':20s} stage  PCK@0.05  PCK@0.1  PCK@0.2  parameters      MMAC"
    lines = [head]
    board = scoreboard(folder)
    for row in (row for row in board if row["set"] == "single"):
        scores = row["scores"]
        lines.append(
            f"{row['name']:20s} {row['stage']:>5d}  {scores['PCK@0.05']:8.3f}  "
            f"{scores['PCK@0.1']:7.3f}  {scores['PCK@0.2']:7.3f}  "
            f"{row['parameters']:10,d}  {row['macs'] / 1e6:8.1f}"
        )
    crowd = [row for row in board if row["set"] == "crowd"]
    if crowd:
        lines += ["", f"{'in crowds':20s} {'parameters':>10s}  {'MMAC':>8s}  scores"]
    for row in crowd:
        scores = "  ".join(f"{k} {v:.3f}" for k, v in row["scores"].items())
        lines.append(
            f"{row['name']:20s} {row['parameters']:10,d}  "
            f"{row['macs'] / 1e6:8.1f}  {scores}"
        )
    return "\n".join(lines)
