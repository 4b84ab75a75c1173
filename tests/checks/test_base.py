"""The machinery of the checks: nothing a learner writes may make a check raise."""

import sys
import threading
import types

import numpy as np
import pytest
import torch

from poselab.checks import Case, Exercise, check
from poselab.checks.base import REGISTRY, is_stub
from poselab.errors import ArgumentError


@pytest.fixture
def double():
    """A small exercise: twice x, for x = [3] and for an empty x."""
    some, none = torch.tensor([1.0, 2, 3]), torch.ones(0)
    cases = [Case("three numbers", some), Case("none", none)]
    exercise = Exercise(
        "test.double", "99_test", lambda: cases, lambda x: 2 * x, returns=("y",)
    )

    @exercise.wrong("You squared; the double is x + x.")
    def squared(x):
        return x**2

    yield exercise
    del REGISTRY["test.double"]


def _forever(x):
    return _forever(x)


def _leaves(x):
    sys.exit("bye")


def _stub(x):
    raise NotImplementedError


def _changes(x):
    x *= 2
    return x.clone()


@pytest.mark.parametrize(
    ("attempt", "status", "words"),
    [
        (None, "not attempted", "Replace"),
        (..., "not attempted", "Replace"),
        (lambda x: ..., "not attempted", "Replace"),
        (lambda x: NotImplemented, "not attempted", "Replace"),
        (_stub, "not attempted", "Replace"),
        (lambda x: x + x, "right", "All cases agree"),
        (lambda x: (x + x).numpy(), "right", "All cases agree"),
        (lambda x: (x + x).tolist(), "right", "All cases agree"),
        (lambda x: np.float32(2) * x.numpy(), "right", "All cases agree"),
        (torch.ones(3), "wrong", "without parentheses"),
        (lambda x: print(end="") and x, "wrong", "`return` missing"),
        (lambda x: x**2, "wrong", "You squared"),
        (lambda x: x**2 if len(x) else x + torch.ones(0), "wrong", "You squared"),
        (lambda x: 3 * x, "wrong", "y[2] should be 6; yours is 9. 3 of 3 numbers"),
        (lambda x: x / 0 * 0, "wrong", "nan is not a number"),
        (lambda x: 2 * x[:, None], "wrong", "shape [3]; yours has [3, 1]. The number"),
        (lambda x: (x, x), "wrong", "should return 1 result (y), but returns 2"),
        (lambda x: "six", "wrong", "should be numbers; yours is a str: 'six'"),
        (lambda x: {"y": x}, "wrong", "yours is a dict"),
        (lambda x: [2, None, 4], "wrong", "yours is a list"),
        (lambda x: undefined_name, "wrong", "NameError: name 'undefined_name'"),  # noqa: F821
        (lambda: 3, "wrong", "takes 0 positional arguments but 1 was given"),
        (
            lambda x: 2 * x + 0 * x.mean().item() if len(x) else 1 / 0,
            "wrong",
            "case “none”. ZeroDivisionError",
        ),
        (_forever, "wrong", "calls itself for ever"),
        (_leaves, "wrong", "SystemExit: bye"),
        (_changes, "wrong", "changes its arguments in place"),
        (type, "wrong", "should be numbers; yours is a"),
    ],
)
def test_every_answer_gets_a_status_and_words(double, attempt, status, words):
    result = double.check(attempt)
    assert (result.status, words in result.message) == (status, True), result
    assert bool(result) == (status == "right")


def test_an_error_shows_the_learners_own_line(double):
    def attempt(x):
        y = torch.stack([x, x])
        return y @ y  # two times three cannot

    result = double.check(attempt)
    assert result.diagnosis == "error"
    assert "of your cell: `return y @ y  # two times three cannot`" in result.message


def test_objects_that_fight_back_do_not_make_a_check_raise(double):
    class Hostile:
        def __getattr__(self, name):
            raise ValueError("no")

        def __repr__(self):
            raise ValueError("no")

    assert double.check(lambda x: Hostile()).status == "wrong"
    assert double.check(Hostile()).status == "wrong"


def test_the_stop_button_works(double):
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        double.check(interrupted)


def test_the_text_is_plain_outside_jupyter_and_rich_inside(double):
    result = double.check(lambda x: "<b>&")
    assert repr(result).startswith(
        "✘ Not yet (test.double): In the case “three numbers”: y "
    )
    html = result._repr_html_()
    assert "Not yet" in html
    assert "<b>&" not in html
    assert "&lt;b&gt;&amp;" in html
    right = double.check(lambda x: 2 * x)
    assert repr(right) == "✔ Right (test.double): All cases agree."


def _loop(x):
    while True:
        x = x + 0


def _grows(x):
    todo = [0]
    for i in todo:
        todo.append(i)
    return x


@pytest.mark.parametrize("attempt", [_loop, _grows])
def test_a_loop_without_end_is_cut_off(double, attempt):
    double.limit = 0.05
    for _ in range(3):
        result = double.check(attempt)
        assert (result.status, result.diagnosis) == ("wrong", "no end")
        assert "did not come to an end" in result.message
        assert "the case “three numbers”" in result.message
        assert "of your cell: `" in result.message
    assert double.check(lambda x: 2 * x)


def test_it_is_cut_off_in_any_thread_and_leaves_the_thread_alone(double):
    double.limit, found = 0.05, []
    thread = threading.Thread(target=lambda: found.append(double.check(_loop)))
    thread.start()
    thread.join()
    assert [r.diagnosis for r in found] == ["no end"]
    assert sum(range(200_000)) == 19_999_900_000  # nothing arrives later


def test_imports_that_were_not_run_are_no_wrong_answer(double):
    def attempt(x):
        return torch.stack([x, x]).sum(0)

    attempt = types.FunctionType(attempt.__code__, {"__builtins__": {}})
    result = double.check(attempt)
    assert (result.status, result.diagnosis) == ("not attempted", "imports")
    assert "`torch` is not known yet: run the setup cell" in result.message


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda x: 2 * x + 0.5, "All are off by exactly +0.5."),
        (lambda x: x, "Yours are 0.5 (1 / 2) times the right ones."),
        (lambda x: -2 * x, "All have the other sign."),
        (lambda x: (2 * x).flip(0), "in the opposite order"),
        (lambda x: (2 * x).roll(1), "in other places"),
    ],
)
def test_what_all_differences_have_in_common_is_said(double, attempt, words):
    message = double.check(attempt).message
    assert words in message
    assert message.endswith("\nIt was given x = [1, 2, 3].")


def test_what_single_numbers_of_all_cases_have_in_common_is_said():
    numbers = [torch.tensor(v) for v in (3.0, 5.0, 0.0)]
    cases = [Case(f"{float(v)}", v) for v in numbers]
    exercise = Exercise("test.lone", "99_test", lambda: cases, lambda x: 2 * x)
    try:
        half, later = exercise.check(lambda x: x), exercise.check(lambda x: 2 * x + 1)
        other = exercise.check(lambda x: x * x + 1)
    finally:
        del REGISTRY["test.lone"]
    assert "in all cases: yours are 0.5 (1 / 2) times the right ones" in half.message
    assert "in all cases: all are off by exactly +1" in later.message
    assert "all cases" not in other.message


def test_results_in_another_order_are_told_so():
    case = Case("two", torch.tensor([1.0, 2.0]))
    names = ("the sum", "the largest")
    right = Exercise(
        "test.order", "99_test", lambda: [case], lambda x: (x.sum(), x.max()), names
    )
    try:
        result = right.check(lambda x: (x.max(), x.sum()))
    finally:
        del REGISTRY["test.order"]
    assert not result
    assert "in another order. Return the sum, the largest." in result.message


def test_the_largest_difference_and_its_row_are_named():
    boxes = torch.arange(20.0).view(5, 4)
    cases = [Case("five", boxes, 2)]
    exercise = Exercise(
        "test.rows", "99_test", lambda: cases, lambda boxes, k: boxes * k
    )
    try:

        def attempt(boxes, k):
            found = boxes * k
            found[3, 1] += 7
            found[0, 0] += 1e-3
            return found

        message = exercise.check(attempt).message
        assert "the result[3, 1] should be 26; yours is 33. 2 of 20" in message
        assert "boxes of shape [5, 4], k = 2; boxes[3] = [12, 13, 14, 15]" in message
        shifted = exercise.check(
            lambda boxes, k: boxes * k + torch.tensor([1, 2, 0, 0])
        )
        assert "all are off by exactly (+1, +2, +0, +0)" in shifted.message
        swapped = exercise.check(lambda boxes, k: (boxes * k)[:, :2])
        assert "should have shape [5, 4]; yours has [5, 2]" in swapped.message
    finally:
        del REGISTRY["test.rows"]


@pytest.mark.parametrize(
    ("attempt", "diagnosis", "words"),
    [
        (lambda x: (2 * x,), "tuple", "A comma at the end"),
        (lambda x: (2 * x).to("meta"), "device", "is on meta"),
        (
            lambda x: (2 * x).sort(),
            "structure",
            "`sort` along a dimension gives a pair",
        ),
    ],
)
def test_the_kind_of_a_result_is_judged(double, attempt, diagnosis, words):
    result = double.check(attempt)
    assert (result.status, result.diagnosis) == ("wrong", diagnosis)
    assert words in result.message


def test_a_diagnosis_has_to_explain_every_case(double):
    def only_here(x):  # a square, but not for an empty x
        return x**2 if len(x) else torch.ones(1)

    assert double.check(only_here).diagnosis == "values"


def test_an_unknown_exercise_is_named_with_the_known_ones():
    result = check("welcome.nek", None)
    assert result.diagnosis == "unknown exercise"
    assert "welcome.neck" in result.message
    assert check(["welcome.neck"], None).diagnosis == "unknown exercise"


def test_two_misconceptions_cannot_share_a_text(double):
    with pytest.raises(ArgumentError, match="share a name or a text"):
        double.wrong("You squared; the double is x + x.")(lambda x: x)


def test_a_body_that_does_something_is_no_stub():
    def documented(x):
        """Only a docstring."""

    def prints(x):
        print(x)

    assert is_stub(documented)
    assert is_stub(lambda x: None)
    assert not is_stub(prints)
    assert not is_stub(lambda x: 0)
    assert not is_stub(len)
