"""The evidence for claims that need more training than a notebook's cell can do.

`python -m poselab.evaluate claims 06` trains every arm of the `ABLATIONS` of notebook
06 with every seed, scores it, and keeps one table, which the notebook loads with
`claims("06")`. What the table has already is not done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from poselab import recipes
from poselab.errors import ArgumentError, CheckpointError, require_known
from poselab.evaluate.tasks import scorer
from poselab.recipes import Recipe, follow
from poselab.system.disk import replace_file

FOLDER = Path(recipes.__file__).parent / "claims"

Row = dict[str, Any]


def claims(
    chapter: str, ablation: str | None = None, folder: Path = FOLDER
) -> list[Row]:
    """The rows of a notebook's table: ablation, arm, seed, scores, pictures, seconds.

    With `ablation` those of this one. Raises `ArgumentError` if there are none.
    """
    table = read_table(chapter, folder)
    known = table["ablations"]
    if ablation is not None and ablation not in known:
        raise ArgumentError(
            f"notebook {chapter} has no such table",
            where="claims",
            field="ablation",
            value=ablation,
            fix=f"Known: {', '.join(known) or 'none'}.",
        )
    return [
        {"ablation": name, **row}
        for name, entry in known.items()
        if ablation in (None, name)
        for row in entry["rows"]
    ]


def read_table(chapter: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The whole file: `ablations` by name, each with question, arms and rows.

    Without a file, no ablations. Raises `CheckpointError` for a broken one.
    """
    path = folder / f"{chapter}.json"
    if not path.is_file():
        return {"ablations": {}}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["ablations"].items()
        return {"ablations": {name: _whole(entry) for name, entry in found}}
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        problem = f"the table cannot be read: {type(error).__name__}: {error}"
        raise CheckpointError(problem, where=path, fix="Delete it.") from error


def _whole(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of the file with its arms and rows; an error if one is not there."""
    rows = [dict(row) for row in entry["rows"]]
    return {**entry, "arms": dict(entry["arms"]), "rows": rows}


def run_claims(
    chapter: str,
    only: Iterable[str] | None = None,
    folder: Path = FOLDER,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    **options: Any,
) -> list[Row]:
    """Train and score what the notebook's table does not have yet; all its rows.

    The file is written after every training, so that a stop costs one. Rows of an arm
    whose recipe has changed are dropped, as are arms that are no more. `options` go to
    `fit`.
    """
    wanted = recipes.ablations(chapter)
    for name in only or ():
        require_known("only", name, wanted)
    if only is not None:
        wanted = {name: wanted[name] for name in only}
    table = read_table(chapter, folder)
    for name, ablation in wanted.items():
        entry = table["ablations"].setdefault(name, {"arms": {}, "rows": []})
        _renew(entry, ablation)
        for seed in ablation.seeds:
            for arm, recipe in ablation.arms.items():
                if any((r["arm"], r["seed"]) == (arm, seed) for r in entry["rows"]):
                    continue
                row = {"arm": arm, **run_arm(recipe, seed, device, **options)}
                entry["rows"].append(row)
                _write(chapter, table, folder)
                report(f"{chapter} {name}: {arm}, seed {seed}: {row['scores']}")
    return claims(chapter, folder=folder)


def run_arm(recipe: Recipe, seed: int, device: str = "cpu", **options: Any) -> Row:
    """Follow a recipe once: seed, scores, pictures seen, seconds."""
    made = follow(recipe, seed, device, **options)
    scores = scorer(recipe.task)(recipe.prepared(made.net), recipe.reader())
    return {
        "seed": seed,
        "scores": scores,
        "pictures": made.recipe.pictures,
        "seconds": round(made.seconds, 1),
    }


def _renew(entry: dict[str, Any], ablation: recipes.Ablation) -> None:
    """Bring an entry to today's arms; rows of other recipes and arms go."""
    arms = {arm: recipe.content() for arm, recipe in ablation.arms.items()}
    same = {arm for arm, recipe in arms.items() if entry["arms"].get(arm) == recipe}
    entry["question"], entry["arms"] = ablation.question, arms
    entry["rows"] = [row for row in entry["rows"] if row["arm"] in same]


def _write(chapter: str, table: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {"written_by": f"python -m poselab.evaluate claims {chapter}", **table}
    with replace_file(folder / f"{chapter}.json") as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
