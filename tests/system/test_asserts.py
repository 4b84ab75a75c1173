"""An assert of a notebook's cell that fails: what a learner reads, in a real kernel."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from poselab.course import CourseError
from poselab.course.run import execute

SETUP = "import poselab\nposelab.setup()"


def failed(folder, *cells):
    """The error that the last cell ends in."""
    sources = [SETUP, *cells]
    nb = new_notebook(cells=[new_code_cell(source) for source in sources])
    with pytest.raises(CourseError):
        execute(nb, folder / "01_try.ipynb")
    errors = [o for o in nb.cells[-1].outputs if o.output_type == "error"]
    return errors[0]


def said(folder, *cells):
    """The words of the assert that the last cell ends in."""
    error = failed(folder, *cells)
    assert error.ename == "AssertionError"
    return error.evalue


def shown(folder, *cells):
    """What stands under the last cell, which is stopped."""
    return failed(folder, *cells).traceback


def test_a_bare_assert_of_a_cell_says_what_held(tmp_path):
    words = said(tmp_path, "sigma = 3\nassert sigma < 2")
    assert "this held for the numbers of the notebook: assert sigma < 2." in words
    assert "A changed number may break it" in words


def test_an_assert_of_several_lines_is_shown_whole(tmp_path):
    words = said(tmp_path, "sigma = 3\nassert max(\n    sigma,\n    2,\n) < 2")
    assert "numbers of the notebook: assert max( sigma, 2, ) < 2. A changed" in words


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("found[800] > 0.9, 'apart'", "KeyError 800; this held for the numbers of the"),
        ("all(1 / n < 2 for n in (1, 0))", "ZeroDivisionError division by zero; this"),
    ],
)
def test_an_assert_that_cannot_be_asked_any_more_says_so(tmp_path, test, found):
    words = said(tmp_path, f"found = {{700: 1.0}}\nassert {test}")
    assert found in words
    assert f"assert {test}. A changed number may break it" in words


def test_other_errors_of_a_cell_are_left_alone(tmp_path):
    error = failed(tmp_path, "found = {700: 1.0}\nfound[800]")
    assert (error.ename, error.evalue) == ("KeyError", "800")


def test_an_assert_with_words_keeps_them(tmp_path):
    assert said(tmp_path, "assert 1 > 2, 'one is less'") == "one is less"


def test_a_stopped_cell_says_where_and_no_more(tmp_path):
    work = "import poselab\n\ndef work():\n    raise KeyboardInterrupt\n"
    (tmp_path / "elsewhere.py").write_text(work)
    cell = "import elsewhere\nfor _ in range(3):\n    elsewhere.work()"
    assert shown(tmp_path, cell) == [
        "line 3 of the cell: elsewhere.work()",
        "KeyboardInterrupt: you stopped the cell. What it had made until then is "
        "there; to start it anew, run it again.",
    ]


def test_a_stopped_training_keeps_its_own_sentence(tmp_path):
    cell = "from poselab.errors import Interrupted\nraise Interrupted('after 3 steps')"
    assert shown(tmp_path, cell) == ["after 3 steps"]


def test_an_assert_of_another_file_is_left_alone(tmp_path):
    (tmp_path / "other.py").write_text("def refuse():\n    assert False\n")
    assert said(tmp_path, "import other\nother.refuse()") == ""
