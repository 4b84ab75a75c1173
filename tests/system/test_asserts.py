"""An assert of a notebook's cell that fails: what a learner reads, in a real kernel."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from poselab.course import CourseError
from poselab.course.run import execute

SETUP = "import poselab\nposelab.setup()"


def said(folder, *cells):
    """The words of the error that the last cell ends in."""
    sources = [SETUP, *cells]
    nb = new_notebook(cells=[new_code_cell(source) for source in sources])
    with pytest.raises(CourseError):
        execute(nb, folder / "01_try.ipynb")
    errors = [o for o in nb.cells[-1].outputs if o.output_type == "error"]
    assert [o.ename for o in errors] == ["AssertionError"]
    return errors[0].evalue


def test_a_bare_assert_of_a_cell_says_what_held(tmp_path):
    words = said(tmp_path, "sigma = 3\nassert sigma < 2")
    assert "this held for the numbers of the notebook: assert sigma < 2." in words
    assert "A changed number may break it" in words


def test_an_assert_with_words_keeps_them(tmp_path):
    assert said(tmp_path, "assert 1 > 2, 'one is less'") == "one is less"


def test_an_assert_of_another_file_is_left_alone(tmp_path):
    (tmp_path / "other.py").write_text("def refuse():\n    assert False\n")
    assert said(tmp_path, "import other\nother.refuse()") == ""
