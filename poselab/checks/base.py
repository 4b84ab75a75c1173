"""Exercises that say what is wrong with an answer, not only that it is wrong.

A notebook's exercise is a typed stub whose body is ``...``, then one line::

    from poselab.checks import check

    def neck(keypoints: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor]:
        "The mean of the shoulders; [P, 17, 2], [P, 17] -> [P, 2], [P]."
        ...

    check("welcome.neck", neck)

The name is "module.exercise": module ``poselab/checks/<module>.py`` declares it::

    neck = Exercise("welcome.neck", "00_welcome", cases=neck_cases, solution=_neck,
                    returns=("points", "visibility"))

    @neck.wrong("You averaged the ears: COCO's shoulders are joints 5 and 6.")
    def ears_for_shoulders(keypoints, visibility): ...

``cases()`` gives ``Case("what is special", *arguments)``, always the same ones (from
explicit generators). Each ``wrong`` function is one misconception, written as a
learner who holds it would write the answer. They are what a wrong answer is compared
with, and what the tests run: each has to get its own diagnosis.

A check never raises. Its `Result` is "not attempted" (the body is still ``...``, or
the function raises NotImplementedError), "wrong" with a diagnosis, or "right".
"""

from __future__ import annotations

import copy
import dis
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from poselab.checks.compare import describe, equal, mutated, parts, structure
from poselab.checks.result import Result, learner_line
from poselab.errors import ArgumentError

MUTATES = (
    "The numbers are right, but your function changes its arguments in place: whoever "
    "calls it finds other data afterwards. Work on a copy (`x = x.clone()`), or build "
    "new tensors."
)
NOT_ATTEMPTED = ("not attempted", "Replace the ... with your answer.", None)
RECURSION = "Your function calls itself for ever (RecursionError)."
NO_RETURN = "Your function gives back nothing (None). Is `return` missing?"
CALLED = (
    "`check` needs the function itself, without parentheses and arguments: "
    "`check(name, function)`."
)


class Case:
    """Arguments of one call, and what is special about them in a few words."""

    def __init__(self, name: str, *arguments: Any) -> None:
        self.name, self._arguments = name, arguments

    def arguments(self) -> tuple:
        """A fresh copy, which the called function may spoil."""
        return copy.deepcopy(self._arguments)


@dataclass
class Outcome:
    """What one function did on all cases: outputs as tuples of tensors or of what
    cannot be one, the argument places it changed, and the first error if any."""

    outputs: list[tuple] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    error: BaseException | None = None
    raw: list = field(default_factory=list)


def run(function: Callable, cases: Sequence[Case]) -> Outcome:
    """Call ``function`` on every case up to its first error."""
    outcome = Outcome()
    for case in cases:
        arguments = case.arguments()
        try:
            value = function(*arguments)
        except (Exception, SystemExit) as error:
            outcome.error = error
            return outcome
        outcome.raw.append(value)
        outcome.outputs.append(parts(value))
        outcome.changed |= mutated(arguments, case.arguments())
    return outcome


@dataclass
class Exercise:
    """One exercise: its cases, its solution, and the bank of wrong answers.

    ``name`` is "module.exercise", ``notebook`` the file it stands in without ".ipynb",
    ``returns`` the names of what a right answer returns (for messages), ``praise``
    what a right answer is told.
    """

    name: str
    notebook: str
    cases: Callable[[], list[Case]]
    solution: Callable
    returns: tuple[str, ...] = ("the result",)
    praise: str = "All cases agree."
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

    def _judge(self, attempt: Any) -> tuple[str, str, str | None]:
        if attempt is None or attempt is ... or is_stub(attempt):
            return NOT_ATTEMPTED
        if not callable(attempt):
            return "wrong", CALLED, "called"
        cases = self.cases()
        found = run(attempt, cases)
        if isinstance(found.error, NotImplementedError):
            return NOT_ATTEMPTED
        if found.error is not None:
            case = cases[len(found.outputs)].name
            return "wrong", self._error(attempt, found.error, case), "error"
        if any(value is NotImplemented or value is ... for value in found.raw):
            return NOT_ATTEMPTED
        if all(value is None for value in found.raw):
            return "wrong", NO_RETURN, "no return"
        return self._compare(found, cases)

    def _compare(self, found: Outcome, cases: list[Case]):
        truth = run(self.solution, cases)
        if all(map(equal, found.outputs, truth.outputs)):
            if found.changed:
                return "wrong", MUTATES, "mutates"
            return "right", self.praise, None
        first = list(map(equal, found.outputs, truth.outputs)).index(False)
        known = self._diagnose(found, cases, first)
        if known is not None:
            return "wrong", self.diagnoses[known], known
        mine, true = found.outputs[first], truth.outputs[first]
        problem = structure(mine, true, self.returns)
        kind = "structure" if problem else "values"
        problem = problem or describe(mine, true, self.returns)
        return "wrong", f"Case “{cases[first].name}”: {problem}", kind

    def _diagnose(self, found: Outcome, cases: list[Case], first: int) -> str | None:
        """The misconception that gives the same answers in all cases; else the only
        one that does so in the ``first`` wrong case (two mistakes at once)."""
        alike = []
        for name, function in self.bank.items():
            known = run(function, cases).outputs
            if len(known) == len(cases) and all(map(equal, found.outputs, known)):
                return name
            if len(known) > first and equal(found.outputs[first], known[first]):
                alike.append(name)
        return alike[0] if len(alike) == 1 else None

    def _error(self, attempt: Callable, error: BaseException, case: str) -> str:
        place = learner_line(attempt, error)
        if isinstance(error, RecursionError):
            return f"{RECURSION}{place}"
        said = str(error).strip().splitlines() or ["no message"]
        first = f"{type(error).__name__}: {said[0][:200]}"
        return f"Your function stopped in the case “{case}”. {first}{place}"


REGISTRY: dict[str, Exercise] = {}
_NOTHING_DONE = {
    "RESUME",
    "NOP",
    "LOAD_CONST",
    "RETURN_CONST",
    "RETURN_VALUE",
    "COPY_FREE_VARS",
    "LOAD_SMALL_INT",
    "CACHE",
    "POP_TOP",
}


def is_stub(function: Any) -> bool:
    """Whether a function's body is only ``...``, ``pass`` or a docstring.

    Asked of the byte code, because a body without ``return`` that does something also
    returns None, and has to be told so.
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    steps = list(dis.get_instructions(code))
    constant = [s.argval for s in steps if s.opname in ("LOAD_CONST", "RETURN_CONST")]
    only = all(step.opname in _NOTHING_DONE for step in steps)
    return only and constant[-1:] in ([None], [...])
