"""The scoreboard: every bundled network on the fixed evaluation sets.

`python -m poselab.evaluate` writes poselab/zoo/scoreboard.json and the scores on each
card; nobody types a score.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from poselab import datasets, recipes, zoo
from poselab.evaluate.tasks import (
    baseline,
    detector_rows,
    people_rows,
    row_in_space,
    rows,
    single_of,
    system_row,
)
from poselab.records import Sample
from poselab.system import distributed
from poselab.system.disk import replace_file
from poselab.zoo.cards import write_card

BASELINE = 1000  # drawn people whose mean pose is the baseline
NOTE = "ms_per_image: one image at a time on the machine that ran the evaluation"


def evaluate(folder: Path = zoo.FOLDER) -> list[dict[str, Any]]:
    """Score every network in `folder`; write its card's scores and the scoreboard.

    A team of processes shares the images; the leader writes and returns the rows.
    """
    leads = distributed.team().leads
    sample = datasets.evaluation("single")
    crowd = datasets.evaluation("crowd", size=(192, 256))
    seen = datasets.SyntheticPeople(size=sample.size, seed=0).batch(BASELINE)
    table = [baseline(seen, sample)] if leads else []
    for name in zoo.names(folder):
        found = _rows_of(name, folder, sample, crowd)
        table += found
        if leads:
            scores = [row["scores"] for row in found]
            write_card(name, {**zoo.card(name, folder), "scores": scores}, folder)
    if leads:
        table += system_rows(folder, crowd)
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


def _rows_of(name: str, folder: Path, sample: Sample, crowd: Sample) -> list:
    """A detector is scored in crowds (by the leader), the others on single people."""
    net = zoo.load(name, folder=folder)
    task = zoo.card(name, folder)["recipe"]["task"]
    if task == "single":
        size = tuple(net.codec.size)
        return rows(name, net, sample if size == sample.size else single_of(net.codec))
    if not distributed.team().leads:
        return []
    if task in ("space", "root"):
        return [row_in_space(name, task, net)]
    if task == "people":
        return people_rows(name, net, net.codec)
    return detector_rows(name, net, crowd)
