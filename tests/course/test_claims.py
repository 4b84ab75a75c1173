"""The list of claims: read from a file, held against a notebook, printed."""

import pytest
from nbformat import v4

from poselab.course.__main__ import main
from poselab.course.claims import Claim, asserts_of, effect, in_words, read_claims
from poselab.course.files import CourseError

ONE = """[[claim]]
says = "A is more than B."
assert = 'a > b + 0.1'
seeds = 3
control = "B with as many weights"
"""


def cell(code, printed=""):
    made = v4.new_code_cell(code)
    if printed:
        made.outputs = [v4.new_output("stream", text=printed)]
    return made


def notebook(*cells):
    return v4.new_notebook(cells=[v4.new_markdown_cell("a > b + 0.1"), *cells])


def entry(tmp_path, text):
    path = tmp_path / "99.toml"
    path.write_text(text, encoding="utf-8")
    return read_claims(path)


def test_a_claim_in_words(tmp_path):
    nb = notebook(
        cell("b = 0.1  # not the assert: a > b + 0.1"),
        cell('assert a > b + 0.1, "so it was"', "A 0.5\n\nB 0.1\n"),
    )
    assert in_words(entry(tmp_path, ONE), nb).splitlines() == [
        "1. A is more than B.",
        "   effect:  A 0.5",
        "            B 0.1",
        "   seeds:   3",
        "   control: B with as many weights",
    ]


def test_the_effect_may_stand_in_another_cell_and_be_some_lines_of_it():
    nb = notebook(cell("table = 1", "A 0.5\nB 0.1\n"), cell("assert a > b + 0.1"))
    claim = Claim("says", "a > b", "control", shown="table =", lines=("B",))
    assert effect(claim, nb) == ["B 0.1"]
    with pytest.raises(CourseError, match="printed nothing of the kind"):
        effect(Claim("says", "a > b", "control"), nb)
    with pytest.raises(CourseError, match="a > c.*in 0 cells"):
        effect(Claim("says", "a > c", "control"), nb)
    twice = notebook(*(cell("assert a > b", "A") for _ in range(2)))
    with pytest.raises(CourseError, match="in 2 cells"):
        effect(Claim("says", "a > b", "control"), twice)


def test_asserts_of_a_cell_as_they_stand_there():
    code = "%pip install x\nif a:\n    assert (\n        a > b\n    ), 'c'\nassert d"
    assert "a > b" in asserts_of(cell(code))
    assert asserts_of(cell("try:\n    %pip install x\nexcept: pass")) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read: KeyError"),
        ("[[claim]", "cannot be read: TOMLDecodeError"),
        (ONE.replace("control =", "controls ="), "99.toml, claim 1.*must have says"),
        (ONE.replace('"A is more than B."', '""'), "claim 1"),
        (ONE + "size = 3\n", "must have says"),
    ],
)
def test_a_broken_list_is_named(tmp_path, text, problem):
    with pytest.raises(CourseError, match=problem):
        entry(tmp_path, text)


def test_no_list(tmp_path):
    with pytest.raises(CourseError, match=r"99\.toml.*FileNotFoundError"):
        read_claims(tmp_path / "99.toml")


def test_the_command_prints_those_of_a_notebook(capsys):
    assert main(["claims", "02"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("02_heatmaps\n1. ")
    assert text.count("control: ") == text.count("effect:  ") >= 3
