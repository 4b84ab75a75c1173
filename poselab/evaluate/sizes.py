"""AP by the size of the person: whole systems on the same crowds, by the same rules.

`python -m poselab.evaluate sizes` writes poselab/zoo/sizes.json; a notebook reads it
with `by_size()`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from poselab import datasets, recipes, zoo
from poselab.errors import CheckpointError
from poselab.metrics import ap_by_area, coco_ap
from poselab.pipelines import BottomUp, ImageEstimator
from poselab.records import Poses, Sample
from poselab.system.disk import replace_file

SIZES = ("small", "middle", "large")
SEEN = (192, 256)  # px, the crowds as networks for whole scenes see them
COUNT = 60  # crowds, about 300 people
SYSTEM = "rcnn+hrnet_large"  # the best top-down pair that is bundled
FILE = "sizes.json"

Row = dict[str, Any]


def ap_by_size(crowd: Sample, found: Sequence[Poses]) -> dict[str, float]:
    """AP of the small, the middle and the large third of the people, by their area.

    `crowd` is stacked, `found` one `Poses` for each scene. The thirds are those of
    these scenes, so they are the same people at every resolution. See `ap_by_area` for
    how people of other sizes are left out.
    """
    areas = torch.cat([one.areas for one in crowd]).double()
    low, high = areas.quantile(torch.tensor([1 / 3, 2 / 3], dtype=torch.float64))
    values = ap_by_area(crowd, found, (0.0, float(low), float(high), 1e10))
    return dict(zip(SIZES, values, strict=True))


def by_size(folder: Path = zoo.FOLDER) -> list[Row]:
    """The rows of the table: name, size of the pictures, AP and AP of each third.

    Raises `CheckpointError` if there is no table, or a broken one.
    """
    path = folder / FILE
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"the table cannot be read: {type(error).__name__}",
            where=path,
            fix="Write it with `python -m poselab.evaluate sizes`.",
        ) from error


def write_sizes(folder: Path = zoo.FOLDER, count: int = COUNT) -> list[Row]:
    """Score every system that finds everybody, with the flip test; write the table.

    `count`: the first so many crowds of the evaluation.
    """
    small, large = (datasets.evaluation("crowd", count, size) for size in (SEEN, None))
    table = [
        _row(name, BottomUp(net, net.codec, normalise=net.normalise, flip=True), small)
        for name, net in _bottom_up(folder)
    ]
    pair = recipes.systems().get(SYSTEM, ())
    if pair and set(pair) <= set(zoo.names(folder)):
        system = zoo.top_down(*pair, folder=folder)
        table += [_row(SYSTEM, system, crowd) for crowd in (small, large)]
    content = {"written_by": "python -m poselab.evaluate sizes", "rows": table}
    with replace_file(folder / FILE) as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return table


def _bottom_up(folder: Path) -> list[tuple[str, Any]]:
    """The networks of the folder that find everybody at once."""
    names = zoo.names(folder)
    tasks = {name: zoo.card(name, folder)["recipe"]["task"] for name in names}
    return [
        (name, zoo.load(name, folder=folder))
        for name in names
        if tasks[name] == "people"
    ]


def _row(name: str, system: ImageEstimator, crowd: Sample) -> Row:
    """One system on stacked scenes."""
    found = [system(image) for image in crowd.image]
    scores = {"AP": coco_ap(crowd, found)["AP"], **ap_by_size(crowd, found)}
    rounded = {key: round(float(value), 4) for key, value in scores.items()}
    return {"name": name, "size": list(crowd.size), "crowds": len(crowd), **rounded}
