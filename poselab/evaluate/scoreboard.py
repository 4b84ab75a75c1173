"""The scoreboard: every bundled network on the fixed evaluation sets.

`python -m poselab.evaluate` writes poselab/zoo/scoreboard.json and the scores on each
card; nobody types a score.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from poselab import datasets, recipes, zoo
from poselab.evaluate.tasks import (
    baseline,
    detector_rows,
    people_rows,
    row_of,
    rows,
    single_of,
    system_row,
)
from poselab.records import Sample
from poselab.system import distributed
from poselab.system.disk import replace_file
from poselab.zoo.cards import write_card

SEEN = (192, 256)  # px, the crowds as networks for whole scenes see them
BASELINE = 1000  # drawn people whose mean pose is the baseline
NOTE = "ms_per_image: one image at a time on the machine that ran the evaluation"
BACKWARD = 2  # times the multiplications of the forward pass, as is usually counted
Sets = dict[str, Sample]


def evaluate(folder: Path = zoo.FOLDER) -> list[dict[str, Any]]:
    """Score every network in `folder`; write its card's scores and the scoreboard.

    A team of processes shares the images; the leader writes and returns the rows.
    """
    leads = distributed.team().leads
    sets = {name: datasets.evaluation(name) for name in ("single", "crops")}
    sets["crowd"] = datasets.evaluation("crowd", size=SEEN)
    seen = datasets.SyntheticPeople(size=sets["single"].size, seed=0).batch(BASELINE)
    table = [baseline(seen, sets["single"], sets["crops"])] if leads else []
    for name in zoo.names(folder):
        found = _rows_of(name, folder, sets)
        table += found
        if leads:
            scores = [row["scores"] for row in found]
            write_card(name, {**zoo.card(name, folder), "scores": scores}, folder)
    if leads:
        table += system_rows(folder, datasets.evaluation("crowd"))
        content = {
            "written_by": "python -m poselab.evaluate",
            "note": NOTE,
            "rows": table,
        }
        with replace_file(folder / "scoreboard.json") as draft:
            draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return table


def system_rows(folder: Path, crowd: Sample) -> list[dict[str, Any]]:
    """The rows of the systems whose networks are all in the folder."""
    here = set(zoo.names(folder))
    return [
        system_row(name, zoo.top_down(*names, folder=folder), crowd)
        for name, names in recipes.systems().items()
        if set(names) <= here
    ]


def _rows_of(name: str, folder: Path, sets: Sets) -> list[dict[str, Any]]:
    """The rows of a network, with what it learned from."""
    net, card = zoo.load(name, folder=folder), zoo.card(name, folder)
    found = _scored(name, net, card["recipe"]["task"], sets)
    pictures = card.get("pictures", 0)
    for row in found:
        work = (1 + BACKWARD) * row["macs"] * pictures
        row |= {"pictures": pictures, "training_gmacs": round(work / 1e9)}
    return found


def _scored(name: str, net: nn.Module, task: str, sets: Sets) -> list[dict[str, Any]]:
    """Whole scenes are scored by the leader, networks for one person by all."""
    if task == "single":
        pair = [_fitting(net, sets, which) for which in ("single", "crops")]
        return rows(name, net, pair[0], crops=pair[1])
    if not distributed.team().leads:
        return []
    if task in ("space", "root"):
        return [row_of(name, task, net)]
    if task == "painting":
        return [row_of(name, task, net, "painted")]
    if task == "people":
        return people_rows(name, net, net.codec)
    return detector_rows(name, net, sets["crowd"])


def _fitting(net: nn.Module, sets: Sets, which: str) -> Sample:
    """An evaluation set at the size of the network's input."""
    there = tuple(net.codec.size) == sets[which].size
    return sets[which] if there else single_of(net.codec, which)
