"""The claims of the notebooks: `python -m poselab.course claims [02 ...]` prints them.

`notebooks/claims/02.toml` lists those of notebook 02: what each `says`, the `assert`
that holds it (a part of its code, as it stands in one cell of the notebook), how many
`seeds` the training behind it was repeated with, where one is, and the `control`: what
separates the reason from others. The effect is nowhere written twice. It is what the
assert's cell has printed, or the cell that has `shown` in its code; of many lines those
with one of `lines` in them.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poselab.course.files import CourseError

if TYPE_CHECKING:
    from nbformat import NotebookNode

KEYS = {"says", "assert", "control", "seeds", "shown", "lines"}
NEEDED = ("says", "assert", "control")


@dataclass(frozen=True)
class Claim:
    """One sentence of a notebook with its evidence.

    `says` and `control` are sentences, `held` is a part of an assert, `shown` of the
    cell whose printed lines are the effect (of the assert's own cell where empty),
    `lines` are words of which one stands in each of these lines (all where empty), and
    `seeds` says how often the training was repeated (0: nothing is trained for it).
    """

    says: str
    held: str
    control: str
    seeds: int = 0
    shown: str = ""
    lines: tuple[str, ...] = ()


def read_claims(path: Path) -> list[Claim]:
    """The claims of one file; `CourseError` names the file and the entry at fault."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["claim"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise CourseError(
            f"cannot be read: {type(error).__name__}: {error}",
            where=path,
            fix="It is a list of [[claim]], each with says, assert and control.",
        ) from error
    return [_claim(entry, f"{path}, claim {n}") for n, entry in enumerate(entries, 1)]


def _claim(entry: dict, where: str) -> Claim:
    missing = [key for key in NEEDED if not entry.get(key)]
    if missing or entry.keys() - KEYS:
        raise CourseError(
            "must have says, assert and control, and may have seeds, shown and lines",
            where=where,
            field="keys",
            value=sorted(entry),
        )
    optional = {key: entry[key] for key in ("seeds", "shown") if key in entry}
    return Claim(
        entry["says"],
        entry["assert"],
        entry["control"],
        lines=tuple(entry.get("lines", ())),
        **optional,
    )


def effect(claim: Claim, nb: NotebookNode) -> list[str]:
    """The printed lines of the claim's cell.

    Raises `CourseError` where the assert is not in exactly one cell of the notebook, or
    nothing fitting was printed.
    """
    held = _only(nb, claim.held, in_asserts=True)
    cell = _only(nb, claim.shown) if claim.shown else held
    texts = [o["text"] for o in cell.outputs if o.output_type == "stream"]
    rows = [row for row in "".join(texts).splitlines() if row.strip()]
    chosen = [row for row in rows if any(word in row for word in claim.lines)]
    found = chosen if claim.lines else rows
    if not found:
        raise CourseError(
            "its cell has printed nothing of the kind",
            where=claim.says,
            value=claim.lines or claim.held,
            fix="Name another cell by `shown`, or other words in `lines`.",
        )
    return found


def _only(nb: NotebookNode, code: str, in_asserts: bool = False) -> NotebookNode:
    """The one code cell that has this code."""
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    read = asserts_of if in_asserts else _code_of
    found = [cell for cell in cells if code in read(cell)]
    if len(found) != 1:
        raise CourseError(
            f"stands in {len(found)} cells of the notebook, not in one",
            where="an assert" if in_asserts else "code",
            value=code,
            fix="Write a part of it as it stands there.",
        )
    return found[0]


def _code_of(cell: NotebookNode) -> str:
    return cell.source


def asserts_of(cell: NotebookNode) -> str:
    """The assert statements of a cell as they stand there, one below the other."""
    source = "\n".join(
        "" if line.lstrip().startswith(("%", "!")) else line
        for line in cell.source.splitlines()
    )
    try:
        tree = ast.parse(source)
    except SyntaxError:  # the setup cell, whose only line of a block is a magic
        return ""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    return "\n".join(ast.get_source_segment(source, node) or "" for node in found)


def in_words(claims: list[Claim], nb: NotebookNode) -> str:
    """All claims of a notebook as text: what is said, effect, seeds and control."""
    parts = []
    for n, claim in enumerate(claims, 1):
        first, *more = effect(claim, nb)
        rows = [f"{n}. {claim.says}", f"   effect:  {first}"]
        rows += [f"            {row}" for row in more]
        if claim.seeds:
            rows.append(f"   seeds:   {claim.seeds}")
        parts.append("\n".join([*rows, f"   control: {claim.control}"]))
    return "\n".join(parts)
