"""What every notebook has to be, checked on its saved file without running it.

`problems(nb, ...)` lists in words what is missing; the tests demand an empty list, and
`make notebooks` prints what is left to do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from poselab.course import BUDGET, GIGABYTES, MEGABYTES, WIDGET
from poselab.course.exercises import find_exercises, plain_python
from poselab.course.files import CourseError, slug_of
from poselab.course.header import NO_COMPARE, badges, is_setup, read_header
from poselab.course.header import setup_source as expected_setup

if TYPE_CHECKING:
    from nbformat import NotebookNode

LINES = 25  # of a code cell, so that it fits on a projector
EXERCISES = 3
EQUALS = {"equal", "allclose", "assert_close", "array_equal"}
SETUP = "the setup cell"

# The parts of a notebook in their order: name, and how its Markdown begins.
PARTS = (
    ("You will be able to", r"you will be able to"),
    (SETUP, None),
    ("a question before the run", r"\*\*predict"),
    ("Build it", r"^## build it"),
    ("Explore it", r"^## explore it"),
    ("Train it", r"^## train it"),
    ("Break it", r"^## break it"),
    ("Exercises", r"^## exercises"),
    ("From paper to code", r"^## from paper to code"),
    ("On the scoreboard", r"^## on the scoreboard"),
    ("Takeaways", r"^## takeaways"),
    ("When to use it", r"\*\*when to use"),
    ("References", r"\*\*references"),
)
Place = tuple[int, int]  # number of the cell, letter in it


def problems(nb: NotebookNode, name: str, url: str) -> list[str]:
    """All that is wrong with notebook `name` ("01_....ipynb") of the repository `url`.

    Its size is `size_problem`'s; what its cells compute is the tests' that run them.
    """
    rules = (
        _first_cell(nb, name, url),
        _order(nb),
        _setup(nb, url),
        _first_picture(nb),
        _code_cells(nb),
        _outputs(nb),
        _markdown(nb),
        _equality(nb),
        _exercises(nb),
    )
    return [problem for rule in rules for problem in rule]


def size_problem(size: int) -> list[str]:
    """`size` in bytes of the saved file."""
    much = size / 1e6
    limit = f"a notebook may have {MEGABYTES} MB"
    return [f"{much:.2f} MB, but {limit}"] if much > MEGABYTES else []


def _first_cell(nb: NotebookNode, name: str, url: str) -> Iterator[str]:
    try:
        header = read_header(nb, name)
    except CourseError as error:
        yield str(error)
        return
    if not header.title.startswith(name[:2]):
        yield f'title "{header.title}" does not begin with {name[:2]}'
    if badges(slug_of(url), name) not in nb.cells[0].source:
        yield "the links to Colab and Binder are missing or lead elsewhere"
    if header.seconds is None:
        yield "has never been timed"
    elif header.seconds > BUDGET:
        yield f"takes {header.seconds} s, but a notebook may take {BUDGET} s"
    if header.gigabytes is None:
        yield "does not say how much memory it needs: make notebooks measures it"
    elif header.gigabytes > GIGABYTES:
        yield f"needs {header.gigabytes} GB, but a kernel may take {GIGABYTES} GB"


def find_parts(nb: NotebookNode) -> dict[str, Place]:
    """Where each part of `PARTS` that is there begins."""
    places: dict[str, Place] = {}
    for number, cell in enumerate(nb.cells):
        if is_setup(cell):
            places.setdefault(SETUP, (number, 0))
        for part, pattern in PARTS:
            if pattern is None or cell.cell_type != "markdown":
                continue
            found = re.search(pattern, cell.source, re.IGNORECASE | re.MULTILINE)
            if found:
                places.setdefault(part, (number, found.start()))
    return places


def _order(nb: NotebookNode) -> Iterator[str]:
    places = find_parts(nb)
    last = None
    for part, _ in PARTS:
        if part not in places:
            yield f'has no part "{part}"'
            continue
        if last is not None and places[part] < places[last]:
            yield f'"{part}" stands before "{last}"'
        last = part


def _setup(nb: NotebookNode, url: str) -> Iterator[str]:
    cells = [cell for cell in nb.cells if is_setup(cell)]
    if len(cells) != 1:
        yield f"has {len(cells)} setup cells"
    for cell in cells:
        if cell.source != expected_setup(url):
            yield "its setup cell differs from that of the other notebooks"
        if cell.metadata.get("tags") != [NO_COMPARE]:
            yield f'its setup cell lacks the tag "{NO_COMPARE}"'


def _first_picture(nb: NotebookNode) -> Iterator[str]:
    places = find_parts(nb)
    start = places.get(SETUP, (0, 0))[0]
    stop = places.get("Build it", (len(nb.cells), 0))[0]
    shown = [o for cell in nb.cells[start:stop] for o in cell.get("outputs", ())]
    if not any("image/png" in output.get("data", {}) for output in shown):
        yield "shows no picture before it builds"


def _code_cells(nb: NotebookNode) -> Iterator[str]:
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    if "widgets" in nb.metadata:
        yield "holds the state of widgets"
    if len({cell.id for cell in nb.cells}) != len(nb.cells):
        yield "has two cells with the same id"
    for count, cell in enumerate(cells, 1):
        lines = cell.source.count("\n") + 1
        if not cell.source.strip():
            yield f"code cell {count} is empty"
        if lines > LINES:
            yield f"code cell {count} has {lines} lines, at most {LINES} fit a slide"
        if cell.execution_count != count:
            yield f"code cell {count} was not run in its turn"


def _outputs(nb: NotebookNode) -> Iterator[str]:
    for number, cell in enumerate(nb.cells):
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                yield f"cell {number} failed with {output.ename}"
            if output.get("name") == "stderr":
                yield f"cell {number} printed a warning: {output.text.strip()[:80]!r}"
            data = output.get("data", {})
            if any(mime.startswith(WIDGET) for mime in data):
                yield f"cell {number} holds a widget instead of its picture"
            for mime in filter(lambda mime: mime.startswith("image/"), data):
                alt = output.get("metadata", {}).get(mime, {}).get("alt", "")
                if not (alt.strip() and data.get("text/plain")):
                    yield f"the picture of cell {number} has no words (its alt text)"


def _markdown(nb: NotebookNode) -> Iterator[str]:
    for number, cell in enumerate(nb.cells):
        if cell.cell_type != "markdown":
            continue
        if re.search(r"!\[\s*\]", cell.source):
            yield f"an image in cell {number} has no alternative text"
        if re.search(r"!\[[^\]]*\]\(\s*(https?:)?//|<img\b", cell.source):
            yield f"cell {number} shows an image that is not part of the notebook"


def package_names(nb: NotebookNode) -> set[str]:
    """The names that the notebook imports from poselab."""
    names = {"poselab"}
    for node in _statements(nb):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("poselab"):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def _statements(
    nb: NotebookNode, start: int = 0, stop: int | None = None
) -> Iterator[ast.AST]:
    for cell in nb.cells[start:stop]:
        if cell.cell_type == "code":
            yield from ast.walk(ast.parse(plain_python(cell.source)))


def _equality(nb: NotebookNode) -> Iterator[str]:
    places = find_parts(nb)
    if "Build it" not in places:
        return
    start, later = places["Build it"][0], sorted(places.values())
    stop = next((p[0] for p in later if p[0] > start), None)
    ours = package_names(nb)
    for node in _statements(nb, start, stop):
        test = node.test if isinstance(node, ast.Assert) else node
        if not isinstance(node, ast.Assert | ast.Expr):
            continue
        inside = list(ast.walk(test))
        called = {
            n.func.attr
            for n in inside
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        }
        used = {n.id for n in inside if isinstance(n, ast.Name)}
        if called & EQUALS and used & ours:
            return
    yield "asserts nowhere that the package gives what was built"


def _exercises(nb: NotebookNode) -> Iterator[str]:
    exercises = find_exercises(nb)
    if len(exercises) < EXERCISES:
        yield f"has {len(exercises)} exercises, at least {EXERCISES} are wanted"
    for exercise in exercises:
        yield from exercise.problems()
