"""Finding exercises in a notebook and trying their printed solutions."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from poselab.course.exercises import find_exercises


@pytest.fixture
def nb(finished):
    return nbformat.read(finished, as_version=4)


def test_all_exercises_are_found_with_their_parts(nb):
    exercises = find_exercises(nb)
    assert [e.heading[:14] for e in exercises] == [
        "### Exercise 1",
        "### Exercise 2",
        "### Exercise 3",
    ]
    assert exercises[1].check_lines == ["check('small.double', double2)"]
    assert set(exercises[1].details) == {"hint", "solution"}


def test_the_stub_is_not_attempted_and_the_printed_solution_is_right(nb):
    for exercise in find_exercises(nb):
        assert exercise.judge() == "not attempted"
        assert exercise.judge(exercise.solution) == "right"


def test_a_solution_that_is_wrong_is_seen(nb):
    exercise = find_exercises(nb)[0]
    assert exercise.judge(exercise.solution.replace("x + x", "x + 1")) == "wrong"


def test_the_training_above_is_not_repeated(nb):
    nb.cells.insert(4, new_code_cell("result = never_defined.fit()"))
    assert find_exercises(nb)[0].judge() == "not attempted"


def test_the_details_of_one_exercise_are_not_those_of_the_next(nb):
    position = next(i for i, c in enumerate(nb.cells) if "double1" in c.source)
    del nb.cells[position + 2]  # what is folded away of exercise 1
    first, second, _ = find_exercises(nb)
    assert first.details == {}
    assert "double2" in second.solution
