"""Each exercise: its stub is not attempted, its solution as printed is right."""

from poselab.checks import all_exercises
from poselab.course.exercises import find_exercises


def names(exercises):
    """The names that the notebook's lines check("...", ...) ask for."""
    return {exercise.check_lines[0].split("'")[1] for exercise in exercises}


def test_the_notebook_has_all_exercises_of_its_checks(nb, path):
    declared = {e.name for e in all_exercises() if e.notebook == path.stem}
    assert names(find_exercises(nb)) == declared


def test_a_stub_is_not_attempted(nb):
    for exercise in find_exercises(nb):
        assert exercise.judge().status == "not attempted", exercise.heading


def test_the_printed_solution_is_right(nb):
    for exercise in find_exercises(nb):
        result = exercise.judge(exercise.solution)
        assert result.status == "right", f"{exercise.heading}: {result}"
