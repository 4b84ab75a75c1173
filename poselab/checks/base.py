"""Exercises that say what is wrong with an answer, not only that it is wrong.

A notebook's exercise is a typed stub whose body is ``...``, then one line::

    from poselab.checks import check

    def neck(keypoints: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor]:
        "The mean of the shoulders; [P, 17, 2], [P, 17] -> [P, 2], [P]."
        ...

    check("welcome.neck", neck)

The name is "module.exercise": module ``poselab/checks/<module>.py`` declares it::

    chapter = Chapter("welcome", "00_welcome")  # once; other files of it import it

    neck = chapter.exercise("neck", cases=neck_cases, solution=_neck,
                            returns=("points", "visibility"))

    @neck.wrong("You averaged the ears: COCO's shoulders are joints 5 and 6.")
    def ears_for_shoulders(keypoints, visibility): ...

``cases()`` gives ``Case("what is special", *arguments)``, always the same ones (drawn
by ``poselab.checks.cases``). A good set has one of each: ordinary, empty, one, on the
border, ties; and numbers for which two mistakes do not look alike. Each ``wrong``
function is one misconception, written as a learner who holds it would write the
answer. A diagnosis is given only where it explains the answers in *all* cases; for
other wrong answers the check names the largest difference and its place, what the
function was given, and what all differences have in common (a constant, a factor).

What a task asks beyond numbers is asked by switches of ``exercise``:

- ``gradient=(0,)``: the result is a loss, and argument 0 gets a gradient from it;
- ``whole=True``: indices or masks, so fractions are refused;
- ``no_loop=True``: a right answer with a loop in Python is right, and told so.

A check never raises, and cuts off what does not come to an end. Its `Result` is "not
attempted" (the body is still ``...``, the function raises NotImplementedError itself,
or the imports were not run), "wrong" with a diagnosis, or "right".
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from poselab.checks import compare, texts, words
from poselab.checks.bytecode import gives_up, has_loop, is_stub
from poselab.checks.compare import equal
from poselab.checks.result import Result, learner_line
from poselab.checks.running import LIMIT, Case, Outcome, OutOfTime, run
from poselab.checks.texts import MUTATES
from poselab.errors import ArgumentError

__all__ = ["MUTATES", "REGISTRY", "Case", "Chapter", "Exercise", "is_stub", "run"]


@dataclass
class Exercise:
    """One exercise: its cases, its solution, and the bank of wrong answers.

    ``name`` is "module.exercise", ``notebook`` the file it stands in without ".ipynb",
    ``returns`` the names of what a right answer returns (for messages), ``praise``
    what a right answer is told; the switches are explained above. ``limit`` is in
    seconds of computing.
    """

    name: str
    notebook: str
    cases: Callable[[], list[Case]]
    solution: Callable
    returns: tuple[str, ...] = ("the result",)
    praise: str = "All cases agree."
    gradient: tuple[int, ...] = ()
    whole: bool = False
    no_loop: bool = False
    limit: float = LIMIT
    bank: dict[str, Callable] = field(default_factory=dict)
    diagnoses: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        REGISTRY[self.name] = self

    def wrong(self, diagnosis: str) -> Callable[[Callable], Callable]:
        """Decorator: put a misconception and what to tell its holder into the bank."""

        def add(function: Callable) -> Callable:
            name = function.__name__
            if diagnosis in self.diagnoses.values() or name in self.bank:
                raise ArgumentError(
                    "two misconceptions share a name or a text",
                    where=self.name,
                    value=name,
                )
            self.bank[name], self.diagnoses[name] = function, diagnosis
            return function

        return add

    def check(self, attempt: Any) -> Result:
        """Judge an attempt; never raises (Jupyter's stop button still works)."""
        try:
            status, message, diagnosis = self._judge(attempt)
        except Exception as error:
            text = f"This answer could not be judged ({type(error).__name__}: {error})."
            status, message, diagnosis = "wrong", text, None
        return Result(self.name, status, message, diagnosis)

    # --- from the attempt to a judgement, first by what happened ---------------------

    def _judge(self, attempt: Any) -> tuple[str, str, str | None]:
        if attempt is None or attempt is ... or is_stub(attempt):
            return texts.NOT_ATTEMPTED
        if not callable(attempt):
            return "wrong", texts.CALLED, "called"
        cases = self.cases()
        found = run(attempt, cases, self.gradient, self.limit)
        if gives_up(attempt, found.error):
            return texts.NOT_ATTEMPTED
        truth = run(self.solution, cases, self.gradient)
        if found.error is not None:
            return self._stopped(attempt, found, truth, cases)
        if any(value is NotImplemented or value is ... for value in found.raw):
            return texts.NOT_ATTEMPTED
        if all(value is None for value in found.raw):
            return "wrong", texts.NO_RETURN, "no return"
        places = list(map(compare.elsewhere, found.raw, truth.raw))
        if any(places):
            return "wrong", self._elsewhere(*next(filter(None, places))), "device"
        if all(map(equal, found.outputs, truth.outputs)):
            return self._right_numbers(attempt, found, truth, cases)
        return self._wrong_numbers(found, truth, cases)

    def _stopped(self, attempt, found: Outcome, truth: Outcome, cases):
        """An error; but wrong numbers in a case before it come first."""
        done = len(found.outputs)
        stopped = self._error(attempt, found.error, cases[done])
        good = list(map(equal, found.outputs, truth.outputs[:done]))
        if stopped[2] != "error" or all(good):
            return stopped
        text = self._first_difference(found, truth, cases, good.index(False))[1]
        later = f"{type(found.error).__name__} in {_name(cases[done])}"
        return "wrong", f"{text}\nBesides, your function stopped: {later}.", "values"

    def _elsewhere(self, mine: torch.device, right: torch.device) -> str:
        return (
            f"{self.returns[0]} is on {mine}, while what your function was given is on "
            f"{right}. Make new tensors with `x.new_zeros(...)`."
        )

    def _error(self, attempt: Callable, error: BaseException, case: Case):
        place = learner_line(attempt, error)
        if isinstance(error, OutOfTime):
            return (
                "wrong",
                f"{texts.NO_END} It happened in {_name(case)}.{place}",
                "no end",
            )
        if isinstance(error, RecursionError):
            return "wrong", f"{texts.RECURSION}{place}", "error"
        missing = error.name if isinstance(error, NameError) else None
        if missing in texts.IMPORTED:
            text = (
                f"`{missing}` is not known yet: run the setup cell and the cell "
                "with the imports at the top of the notebook, then this cell again."
            )
            return "not attempted", text, "imports"
        said = str(error).strip().splitlines() or ["no message"]
        first = f"{type(error).__name__}: {said[0][:200]}"
        text = f"Your function stopped in {_name(case)}. {first}{place}"
        return "wrong", text + self._given(case), "error"

    def _right_numbers(self, attempt, found: Outcome, truth: Outcome, cases):
        for case, raw, true in zip(cases, found.raw, truth.raw, strict=True):
            problem, kind = self._kind(raw, true)
            if problem:
                return "wrong", f"{problem} This is so in {_name(case)}.", kind
        if found.changed:
            return "wrong", MUTATES, "mutates"
        if self.gradient:
            pairs = zip(cases, found.gradients, truth.gradients, strict=True)
            for case, mine, true in pairs:
                if mine is None:
                    text = f"{texts.NO_GRADIENT} This is so in {_name(case)}."
                    return "wrong", text, "no gradient"
                if not equal(mine, true):
                    text = self._other_gradient(mine, true, case)
                    return "wrong", text, "gradient"
        loops = self.no_loop and has_loop(getattr(attempt, "__code__", None))
        return "right", self.praise + (texts.LOOPS if loops else ""), None

    def _kind(self, raw: Any, true: Any) -> tuple[str, str] | tuple[None, None]:
        """What is wrong with the kind of a result whose numbers are right."""
        name = self.returns[0]
        if compare.lone_tuple(raw, true):
            text = f"{name} should stand alone; yours is a tuple of one."
            return f"{text} A comma at the end of the `return` line makes it.", "tuple"
        kinds = self.whole and compare.wrong_kind(raw, true)
        if kinds:
            text = f"{name} should be of type {kinds[1]}; yours is {kinds[0]}, which"
            return (
                f"{text} cannot select anything. (`torch.tensor([])` of an empty list "
                f"is {torch.get_default_dtype()} too: say `dtype={kinds[1]}`.)",
                "type",
            )
        return None, None

    def _other_gradient(self, mine: tuple, true: tuple, case: Case) -> str:
        names = self._names()
        named = [f"the gradient of {names[i]}" for i in self.gradient]
        said = words.describe(mine, true, named)
        return (
            "The loss has the right value but another gradient, so something else is "
            "learned. Is a part of it detached, or made a number on the way? In "
            f"{_name(case)}: {said}"
        )

    # --- wrong numbers: a misconception of the bank, or where to look ----------------

    def _wrong_numbers(self, found: Outcome, truth: Outcome, cases: list[Case]):
        known = self._diagnose(found, truth, cases)
        if known is not None:
            return "wrong", self.diagnoses[known], known
        wrong = list(map(equal, found.outputs, truth.outputs)).index(False)
        return self._first_difference(found, truth, cases, wrong)

    def _first_difference(self, found: Outcome, truth: Outcome, cases, wrong: int):
        mine, true, raw = found.outputs[wrong], truth.outputs[wrong], found.raw[wrong]
        case = cases[wrong]
        problem = compare.another_order(mine, true, self.returns)
        problem = problem or compare.structure(raw, mine, true, self.returns)
        if problem:
            text = f"In {_name(case)}: {problem}"
            return "wrong", text + self._given(case), "structure"
        whole = compare.whole_numbers(raw, true)
        if whole is not None:
            text = (
                f"Your result holds whole numbers only ({whole}), so decimals were cut "
                "off without a word, as happens when 20.75 is written into a tensor of "
                "whole numbers. Make it `.float()` first."
            )
            return "wrong", text, "whole numbers"
        text = f"In {_name(case)}: {words.describe(mine, true, self.returns)}"
        text += words.in_all_cases(found.outputs, truth.outputs)
        return "wrong", text + self._given(case, words.where(mine, true)), "values"

    def _diagnose(self, found: Outcome, truth: Outcome, cases) -> str | None:
        """The misconception that gives the same answers in all cases.

        An answer of nan agrees with none and contradicts none: who leaves out the
        wrong joints and then divides 0 by 0 is told about the joints first.
        """
        answers = {name: run(known, cases).outputs for name, known in self.bank.items()}
        whole = {k: v for k, v in answers.items() if len(v) == len(cases)}
        for name, known in whole.items():
            if all(map(equal, found.outputs, known)):
                return name
        sound = [not compare.has_nan(mine) for mine in found.outputs]
        for name, known in whole.items():
            triples = zip(sound, found.outputs, known, truth.outputs, strict=True)
            kept = [(mine, said, true) for ok, mine, said, true in triples if ok]
            agrees = all(equal(mine, said) for mine, said, _ in kept)
            if agrees and not all(equal(said, true) for _, said, true in kept):
                return name
        return None

    def _names(self) -> list[str]:
        return list(inspect.signature(self.solution).parameters)

    def _given(self, case: Case, row: tuple[int, int] | None = None) -> str:
        """What the function was given in a case, on a line of its own."""
        arguments, names = case.arguments(), self._names()
        text = words.given(arguments, names)
        more = words.rows(arguments, names, *row) if row else ""
        return f"\nIt was given {text}{'; ' if more else ''}{more}." if text else ""


@dataclass(frozen=True)
class Chapter:
    """The exercises of one notebook: ``module`` in ``poselab/checks``, ``notebook``
    the file without ".ipynb"."""

    module: str
    notebook: str

    def exercise(self, name: str, **what: Any) -> Exercise:
        """An `Exercise` of this notebook, known as "module.name"."""
        return Exercise(f"{self.module}.{name}", self.notebook, **what)


REGISTRY: dict[str, Exercise] = {}


def _name(case: Case) -> str:
    return f"the case “{case.name}”"
