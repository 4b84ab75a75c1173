"""What all notebooks share to the letter: the first cell's lines and the setup cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poselab.course import BUSY
from poselab.course.files import CourseError, find_notebooks, save

if TYPE_CHECKING:
    from nbformat import NotebookNode

BRANCH = "main"
NO_COMPARE = "nbval-ignore-output"  # the tag of a cell whose output may differ
TABLE = ("<!-- notebooks -->", "<!-- /notebooks -->")  # around the README's table

_BADGES = ("[Open in Colab]", "[![Open In Colab]", "[![Open in Colab]", "[![Launch")
_RUN_LINE = re.compile(
    r"^Reading (?P<reading>\d+) min"
    # Written before there was a range, it has the first number alone.
    r"(?: · runs in (?P<seconds>\d+)(?: to \d+)? s on two CPU cores"
    r"(?:, quiet to busy)?)?"
    r"(?: · needs (?P<gigabytes>\d+\.\d) GB)?"
    r"(?: · builds on (?P<builds_on>.+?))?\s*$"
)


@dataclass(frozen=True)
class Header:
    """The facts in the first cell of a notebook.

    `title` with its number, `reading` in minutes, `seconds` that it runs on a quiet
    machine (None: never timed; the second number printed is `BUSY` times as much, see
    `poselab.course`), `builds_on` as "00, 01" or "nothing", `gigabytes` the most memory
    that its kernel had.
    """

    title: str
    reading: int
    seconds: int | None
    builds_on: str
    gigabytes: float | None = None

    @property
    def runs(self) -> str:
        """The seconds as a range: on a quiet machine, and beside other programs."""
        if self.seconds is None:
            return "not yet run"
        return f"{self.seconds} to {BUSY * self.seconds} s"

    @property
    def run_line(self) -> str:
        """The line "Reading ... · runs in ... · builds on ..."."""
        runs = f" · runs in {self.runs} on two CPU cores, quiet to busy"
        needs = f" · needs {self.gigabytes} GB"
        return (
            f"Reading {self.reading} min{'' if self.seconds is None else runs}"
            f"{'' if self.gigabytes is None else needs} · builds on {self.builds_on}"
        )


def read_header(nb: NotebookNode, where: str | Path) -> Header:
    """Raises `CourseError` where the title or the line `Reading ...` is missing."""
    lines = nb.cells[0].source.splitlines() if nb.cells else []
    run = next(filter(None, map(_RUN_LINE.match, lines)), None)
    if run is None or not lines[0].startswith("# "):
        raise CourseError(
            "needs a title and a line on its time",
            where=where,
            field="first cell",
            value="\n".join(lines),
            fix='Write "# 01 Title" and "Reading 35 min · builds on 00".',
        )
    seconds = None if run["seconds"] is None else int(run["seconds"])
    return Header(
        lines[0][2:].strip(),
        int(run["reading"]),
        seconds,
        run["builds_on"] or "nothing",
        None if run["gigabytes"] is None else float(run["gigabytes"]),
    )


def badges(slug: str, name: str) -> str:
    """Links to the places where the notebook runs; text, so nothing is fetched."""
    path = f"notebooks/{name}"
    colab = f"https://colab.research.google.com/github/{slug}/blob/{BRANCH}/{path}"
    binder = f"https://mybinder.org/v2/gh/{slug}/{BRANCH}?urlpath=lab/tree/{path}"
    source = f"https://github.com/{slug}/blob/{BRANCH}/{path}"
    return f"[Open in Colab]({colab}) · [Open on Binder]({binder}) · [Source]({source})"


def write_header(nb: NotebookNode, header: Header, slug: str, name: str) -> None:
    """Rewrite title, badges and run line; what else the cell says stays below them."""
    rest = [
        line
        for line in nb.cells[0].source.splitlines()[1:]
        if not line.startswith(_BADGES) and not _RUN_LINE.match(line)
    ]
    head = [f"# {header.title}", "", badges(slug, name), "", header.run_line, ""]
    nb.cells[0].source = "\n".join([*head, "\n".join(rest).strip()]).strip()


def setup_source(url: str) -> str:
    """The setup cell, the same in every notebook."""
    return f"""\
try:
    import poselab
except ImportError:
    %pip install -q --no-deps "poselab @ git+{url}"
    import poselab
device = poselab.setup(seed=0)"""


def is_setup(cell: NotebookNode) -> bool:
    """Whether this is the setup cell."""
    return cell.cell_type == "code" and "poselab.setup(" in cell.source


def write_setup(nb: NotebookNode, url: str) -> None:
    """Write the setup cell over the one that is there; its output names the device."""
    for cell in filter(is_setup, nb.cells):
        cell.source = setup_source(url)
        cell.metadata["tags"] = [NO_COMPARE]


def table(root: Path) -> str:
    """One row per notebook with its times, as Markdown."""
    import nbformat

    rows = [
        "| Notebook | Reading | Runs in | Memory | Builds on |",
        "|---|---|---|---|---|",
    ]
    for path in find_notebooks(root):
        head = read_header(nbformat.read(path, as_version=4), path)
        link = f"[{head.title}](notebooks/{path.name})"
        memory = "" if head.gigabytes is None else f"{head.gigabytes} GB"
        cells = (link, f"{head.reading} min", head.runs, memory, head.builds_on)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def write_table(root: Path) -> None:
    """Put the table between its two marks in the README."""
    path = root / "README.md"
    before, start, rest = path.read_text(encoding="utf-8").partition(TABLE[0])
    _, end, after = rest.partition(TABLE[1])
    if not start or not end:
        raise CourseError(
            f"has no {TABLE[0]} ... {TABLE[1]}",
            where=path,
            fix="Put the two marks where the table belongs.",
        )
    save(f"{before}{start}\n{table(root)}\n{end}{after}", path)
