"""Every exercise of the course: solution, stub and bank of wrong answers."""

import inspect

import pytest

from poselab.checks import all_exercises, check
from poselab.checks.base import MUTATES, run

EXERCISES = all_exercises()
ENTRIES = [(e, name) for e in EXERCISES for name in e.bank]


def _id(value):
    return getattr(value, "name", value)


@pytest.mark.parametrize("exercise", EXERCISES, ids=_id)
def test_the_solution_is_right_and_a_stub_not_attempted(exercise):
    assert exercise.check(exercise.solution).status == "right"
    names = ", ".join(inspect.signature(exercise.solution).parameters)
    scope = {}
    exec(f"def stub({names}):\n    'What to do.'\n    ...", scope)
    assert exercise.check(scope["stub"]).status == "not attempted"


@pytest.mark.parametrize("exercise", EXERCISES, ids=_id)
def test_a_bank_has_three_entries_with_texts_of_their_own(exercise):
    assert len(exercise.bank) >= 3
    assert len(set(exercise.diagnoses.values())) == len(exercise.bank)
    assert exercise.name.split(".")[1].isidentifier()
    assert all(len(text) > 40 for text in exercise.diagnoses.values())


@pytest.mark.parametrize(("exercise", "entry"), ENTRIES, ids=_id)
def test_a_misconception_gets_its_own_diagnosis(exercise, entry):
    result = check(exercise.name, exercise.bank[entry])
    assert result.status == "wrong"
    assert result.message == exercise.diagnoses[entry]
    assert result.diagnosis in (entry, "mutates")
    assert (result.diagnosis == "mutates") == (result.message == MUTATES)


@pytest.mark.parametrize("exercise", EXERCISES, ids=_id)
def test_cases_are_the_same_every_time(exercise):
    first, second = (run(exercise.solution, exercise.cases()) for _ in range(2))
    assert str(first.outputs) == str(second.outputs)
    assert not first.changed, "the solution must not spoil its arguments"
