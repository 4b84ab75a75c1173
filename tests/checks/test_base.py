"""The machinery of the checks: nothing a learner writes may make a check raise."""

import sys

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
        (lambda x: 3 * x, "wrong", "y[0] should be 2; yours is 3. 3 of 3 numbers"),
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
    assert repr(result).startswith("✘ Not yet (test.double): Case “three numbers”: y ")
    html = result._repr_html_()
    assert "Not yet" in html
    assert "<b>&" not in html
    assert "&lt;b&gt;&amp;" in html
    right = double.check(lambda x: 2 * x)
    assert repr(right) == "✔ Right (test.double): All cases agree."


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
