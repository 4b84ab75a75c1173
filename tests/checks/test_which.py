"""The bug hunt's check says how close a suspicion is; progress is kept."""

import pytest
import torch

import poselab
from poselab.checks import check, which
from poselab.checks.memory import Progress, remember, solved
from poselab.explore.hunt import BUGS


def test_every_bug_stands_behind_one_letter():
    assert sorted(which.CULPRITS) == sorted(BUGS)
    kinds = [bug for family in which.FAMILIES.values() for bug in family]
    assert sorted(kinds) == sorted(BUGS)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ([3, 7, 1, 8, 5, 2, 7, 4], "7 of 8 are caught; at G the kind is right"),
        ([1, 7, 1, 8, 5, 2, 6, 4], "at A look for another kind of trace"),
        ([9, 9, 9, 9, 9, 9, 9, 9], "0 of 8 are caught"),
        ([3, 7, 1], "a list of 8 numbers"),
        ("ABCDEFGH", "a list of 8 numbers"),
    ],
)
def test_a_hunter_is_told_how_close_he_is(named, said):
    result = check("which.suspects", lambda: named)
    assert result.status == "wrong"
    assert said in result.message


@pytest.mark.parametrize("kind", [list, tuple, torch.tensor])
def test_eight_numbers_may_come_in_any_row(kind):
    assert check("which.suspects", lambda: kind(list(which.CULPRITS)))


def test_a_hunter_s_error_is_told():
    def suspects():
        return [3, 7, 1, undefined]  # noqa: F821

    result = check("which.suspects", suspects)
    assert result.status == "wrong"
    assert "undefined" in result.message


def test_a_solved_exercise_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("POSELAB_CACHE", str(tmp_path))
    name = "which.front"
    before = str(poselab.progress())
    check(name, lambda costs, scores: costs)
    assert solved() == set()
    assert check(name, which.front.solution)
    assert solved() == {name}
    after = poselab.progress()
    assert name in after.done["18_which_method_when"]
    assert "left: " in str(after)
    assert str(after) != before
    assert "<pre>" in after._repr_html_()


def test_a_spoilt_or_unwritable_file_costs_only_the_note(tmp_path, monkeypatch):
    for spoilt in ("{", "5", "null", '{"a.b": 1}', '["a', "\x00"):
        (tmp_path / "progress.json").write_text(spoilt)
        assert solved(tmp_path) == set()
    remember("a.b", tmp_path)
    assert solved(tmp_path) == {"a.b"}

    def full(_path):
        raise OSError("no space left")

    monkeypatch.setattr("poselab.checks.memory.replace_file", full)
    remember("c.d", tmp_path)
    assert solved(tmp_path) == {"a.b"}
    assert Progress.of([], tmp_path).lines() == [f"{'all':34s} 0 of 0"]
