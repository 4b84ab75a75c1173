"""The contract finds each thing that can be missing; a finished notebook has none."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from poselab.course.contract import problems, size_problem
from poselab.course.header import is_setup
from tests.course.conftest import NAME, URL


@pytest.fixture
def nb(finished):
    return nbformat.read(finished, as_version=4)


def index(nb, words):
    return next(i for i, cell in enumerate(nb.cells) if words in cell.source)


def picture(nb):
    return next(o for c in nb.cells for o in c.get("outputs", ()) if "image" in str(o))


def replace(words, by):
    def spoil(nb):
        cell = nb.cells[index(nb, words)]
        cell.source = cell.source.replace(words, by)

    return spoil


def drop(words):
    return lambda nb: nb.cells.pop(index(nb, words))


def add_output(*arguments, **named):
    output = new_output(*arguments, **named)
    return lambda nb: nb.cells[index(nb, "import torch")].outputs.append(output)


def add_text(text):
    return lambda nb: nb.cells.append(new_markdown_cell(text))


def swap(one, other):
    def spoil(nb):
        i, j = index(nb, one), index(nb, other)
        nb.cells[i], nb.cells[j] = nb.cells[j], nb.cells[i]

    return spoil


SPOILT = {
    "title": (replace("# 01", "# 02"), "does not begin with 01"),
    "time": (replace("Reading 5 min", "Reading a while"), "a line on its time"),
    "badge": (replace("colab.research", "example"), "links to Colab"),
    "untimed": (replace(" s on two CPU cores", " s"), "a line on its time"),
    "slow": (replace("runs in ", "runs in 9"), "may take 60 s"),
    "part": (drop("## Break it"), 'has no part "Break it"'),
    "order": (swap("## Train it", "## Explore it"), "stands before"),
    "question": (replace("**Predict", "**Guess"), "a question before the run"),
    "references": (replace("**References", "**Others"), 'no part "References"'),
    "setup": (replace("seed=0", "seed=1"), "setup cell differs"),
    "two setups": (lambda nb: nb.cells.append(nb.cells[2]), "has 2 setup cells"),
    "tag": (
        lambda nb: next(filter(is_setup, nb.cells)).metadata.clear(),
        "lacks the tag",
    ),
    "no picture": (lambda nb: picture(nb).data.clear(), "shows no picture"),
    "no words": (lambda nb: picture(nb).metadata.clear(), "no words"),
    "photograph": (add_output("display_data", {"image/jpeg": "A"}), "no words"),
    "long": (
        replace("import torch\n", "import torch\n" + "# more\n" * 25),
        "at most 25",
    ),
    "not run": (lambda nb: nb.cells.append(new_code_cell("1")), "not run in its turn"),
    "same id": (lambda nb: nb.cells[3].update(id=nb.cells[4].id), "the same id"),
    "state": (lambda nb: nb.metadata.update(widgets={}), "state of widgets"),
    "widget": (
        add_output("display_data", {"application/vnd.jupyter.widget-view+json": {}}),
        "holds a widget",
    ),
    "error": (
        add_output("error", ename="NameError", evalue="", traceback=[]),
        "failed with NameError",
    ),
    "warning": (add_output("stream", name="stderr", text="old!"), "a warning: 'old!'"),
    "external": (add_text("![a](https://example.org/a.png)"), "not part of the note"),
    "html image": (add_text("<img src='a.png' alt='a'>"), "not part of the note"),
    "alt": (add_text("![](attachment:a.png)"), "no alternative text"),
    "equality": (replace("assert torch.equal", "assert bool"), "asserts nowhere"),
    "other equality": (replace(" and geometry is not None", ""), "asserts nowhere"),
    "few exercises": (drop("### Exercise 3"), "2 exercises, at least 3"),
    "minutes": (replace("1: twice · easy, 5 min", "1: twice"), "difficulty or min"),
    "types": (replace("def double2(x: float)", "def double2(x)"), "a stub with types"),
    "check": (replace('check("small.double", double1)', "1"), "one line check(...)"),
    "hint": (replace("<summary>Hint", "<summary>Help"), "a folded hint"),
    "solution": (replace("```python", "```text"), "a folded solution"),
}


def test_a_finished_notebook_has_no_problem(nb):
    assert problems(nb, NAME, URL) == []


@pytest.mark.parametrize("what", SPOILT)
def test_each_problem_is_found(nb, what):
    spoil, words = SPOILT[what]
    spoil(nb)
    found = problems(nb, NAME, URL)
    assert any(words in problem for problem in found), found


def test_a_large_notebook_is_told():
    assert size_problem(1_400_000) == []
    assert "2.00 MB" in size_problem(2_000_000)[0]
