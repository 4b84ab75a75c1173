"""Which exercises a learner has solved: kept in the cache folder and nowhere else."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from poselab.errors import CacheError
from poselab.system.disk import cache_dir, replace_file

FILE = "progress.json"


def solved(folder: str | Path | None = None) -> set[str]:
    """The names of solved exercises; none where there is no file, or a spoilt one."""
    try:
        found = json.loads((cache_dir(folder) / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, CacheError):
        return set()
    known = found if isinstance(found, list) else []
    return {name for name in known if isinstance(name, str)}


def remember(name: str, folder: str | Path | None = None) -> None:
    """Note that an exercise is solved. A full disk costs the note, never the check."""
    known = solved(folder)
    if name in known:
        return
    try:
        with replace_file(cache_dir(folder) / FILE) as draft:
            draft.write_text(json.dumps(sorted({*known, name})) + "\n", "utf-8")
    except (OSError, CacheError):
        return


@dataclass(frozen=True)
class Progress:
    """Exercises by notebook: `done` and `left`, names by the notebook's file name."""

    done: dict[str, list[str]]
    left: dict[str, list[str]]

    @classmethod
    def of(cls, exercises: Iterable, folder: str | Path | None = None) -> Progress:
        """What is solved of some exercises (with `name` and `notebook`)."""
        known = solved(folder)
        done: dict[str, list[str]] = {}
        left: dict[str, list[str]] = {}
        for exercise in exercises:
            for group in (done, left):
                group.setdefault(exercise.notebook, [])
            group = done if exercise.name in known else left
            group[exercise.notebook].append(exercise.name)
        return cls(done, left)

    def lines(self) -> list[str]:
        """A line for each notebook, and one for all."""
        rows = []
        for notebook, done in self.done.items():
            whole, left = len(done) + len(self.left[notebook]), self.left[notebook]
            names = ", ".join(name.split(".")[1] for name in left)
            more = f"; left: {names}" if names and done else ""
            rows.append(f"{notebook:34s} {len(done)} of {whole}{more}")
        whole = sum(map(len, self.done.values())), sum(map(len, self.left.values()))
        return [*rows, f"{'all':34s} {whole[0]} of {sum(whole)}"]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"
