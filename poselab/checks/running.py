"""Running a learner's function: on copies, with an end, and with its gradients."""

from __future__ import annotations

import copy
import ctypes
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from poselab.checks.compare import mutated, parts

LIMIT = 10.0  # seconds of computing for all cases; right answers need a few hundredths
_LOOK = 0.05  # seconds between two looks at the clock
_AGAIN = 1.0  # seconds until it is raised again: a bare `except:` may have caught it


class OutOfTime(BaseException):
    """Raised inside a function that does not come to an end."""


class Case:
    """Arguments of one call, and what is special about them in a few words."""

    def __init__(self, name: str, *arguments: Any) -> None:
        self.name, self._arguments = name, arguments

    def arguments(self) -> tuple:
        """A fresh copy, which the called function may spoil."""
        return copy.deepcopy(self._arguments)


@dataclass
class Outcome:
    """What one function did on all cases.

    `outputs` are tuples of tensors or of what cannot be one, `raw` what was returned,
    `changed` the argument places it changed, `gradients` (if asked for) one tuple per
    case, None where nothing can be learned, and `error` the first error if any.
    """

    outputs: list[tuple] = field(default_factory=list)
    raw: list = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    gradients: list[tuple | None] = field(default_factory=list)
    error: BaseException | None = None


def run(
    function: Callable,
    cases: Sequence[Case],
    gradient: Sequence[int] = (),
    limit: float = LIMIT,
) -> Outcome:
    """Call `function` on every case up to its first error.

    `gradient` are the places of arguments with respect to which the result has to have
    gradients. After `limit` seconds of computing the call is cut off (`OutOfTime`).
    """
    outcome = Outcome()
    with _until(limit) as finish:
        try:
            for case in cases:
                _call(function, case, gradient, outcome)
            finish()
        except (Exception, SystemExit, OutOfTime) as error:
            outcome.error = error
    return outcome


def _call(function, case: Case, gradient: Sequence[int], outcome: Outcome) -> None:
    arguments = case.arguments()
    leaves = {i: arguments[i].clone().requires_grad_() for i in gradient}
    # What is given is no leaf, so that it may be changed in place.
    given = [leaves[i].clone() if i in leaves else a for i, a in enumerate(arguments)]
    value = function(*given)
    tensors = parts(value)
    outcome.changed |= mutated(given, case.arguments())
    if gradient:
        outcome.gradients.append(_gradients(value, list(leaves.values())))
    outcome.raw.append(value)
    outcome.outputs.append(tensors)


def _gradients(value: Any, leaves: list[Tensor]) -> tuple | None:
    """What `value.backward()` leaves behind; None if it would stop with an error."""
    if not isinstance(value, Tensor) or not value.requires_grad:
        return None
    found = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    pairs = zip(found, leaves, strict=True)
    return tuple(torch.zeros_like(x) if g is None else g.detach() for g, x in pairs)


@contextmanager
def _until(limit: float) -> Iterator[Callable[[], None]]:
    """In this block `OutOfTime` is raised after `limit` seconds of computing.

    Counted is the process's own time, so that a busy machine cuts nobody off. A second
    thread raises it here: that works in a notebook's kernel, in tests, in any thread
    and on any system, but cannot end a call that sleeps. The block calls what it gets
    when all is done, in a `try`: what was raised at the last moment arrives there.
    """
    here, lock, done = threading.get_ident(), threading.Lock(), threading.Event()
    fired = []

    def watch() -> None:
        end = time.process_time() + limit
        while not done.wait(_LOOK):
            with lock:
                if not done.is_set() and time.process_time() > end:
                    fired.append(True)
                    _raise_in(here, OutOfTime)
                    end += _AGAIN

    def finish() -> None:
        with lock:
            done.set()
        for _ in range(100 if fired else 0):
            time.sleep(0)  # a moment in which a waiting one arrives

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield finish
    finally:
        done.set()


def _raise_in(thread: int, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(error)
    )
