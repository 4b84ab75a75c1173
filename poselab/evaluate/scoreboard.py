"""The scoreboard: every bundled network on the fixed evaluation sets.

`python -m poselab.evaluate` writes poselab/zoo/scoreboard.json and the scores on each
card; nobody types a score.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from poselab import datasets, zoo
from poselab.evaluate.tasks import baseline, detector_rows, rows, system_rows
from poselab.models import RCNN
from poselab.records import Sample
from poselab.system import distributed

BASELINE = 1000  # drawn people whose mean pose is the baseline


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
            card = {**zoo.card(name, folder), "scores": scores}
            _write(folder / f"{name}.json", card)
    if not leads:
        return table
    table += system_rows(folder, crowd)
    note = "ms_per_image: one image at a time on the machine that ran the evaluation"
    _write(
        folder / "scoreboard.json",
        {"written_by": "python -m poselab.evaluate", "note": note, "rows": table},
    )
    return table


def _rows_of(name: str, folder: Path, sample: Sample, crowd: Sample) -> list:
    """A detector is scored in crowds (by the leader), the others on single people."""
    net, codec = zoo.load(name, folder), zoo.codec(name, folder)
    if not isinstance(net, RCNN):
        return rows(name, net, sample, codec)
    return detector_rows(name, net, crowd) if distributed.team().leads else []


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
