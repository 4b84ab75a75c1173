"""What a notebook says when one of its asserts does not hold, or a cell is stopped.

A cell of the course ends in asserts: they say what held for its numbers. Who changes a
number, which is what a learner does first, may break one, and Python then says nothing
but `AssertionError:`. `explain_errors` gives such an error its words, in a notebook
only, and only where the assert has none of its own; also where it looks for a number
that is there no more, such as `found[800]` after 800 became 700. Who stops a cell sees
where in the cell that was, and not the sixty lines of PyTorch and Python between.
"""

from __future__ import annotations

import ast
import linecache
import sys
import traceback
from types import TracebackType
from typing import Any

from poselab.errors import Interrupted, own_lines, shorten

WORDS = (
    "this held for the numbers of the notebook: {source}. A changed number may break "
    "it, and so may a cell that ran in another order. Nothing is spoilt: what the cell "
    "made is there, and the next cells run. To get back: set the number back, or run "
    "all cells from the top."
)
STOPPED = (
    "KeyboardInterrupt: you stopped the cell. What it had made until then is there; to "
    "start it anew, run it again."
)


def explain_errors() -> None:
    """From now on an assert of a cell that fails says what held, and a stopped cell
    where it was; nothing elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell:
        kinds = (AssertionError, LookupError, ArithmeticError, KeyboardInterrupt)
        shell.set_custom_exc(kinds, _explain)


def _explain(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    *_, (frame, line) = traceback.walk_tb(trace)
    if isinstance(error, KeyboardInterrupt):
        if not isinstance(error, Interrupted):  # which says more by itself
            shown = [*own_lines(error)[-1:], STOPPED]
            vars(error)["_render_traceback_"] = lambda: shown  # IPython looks for it
    elif frame.f_globals.get("__name__") == "__main__":  # in a line of a cell
        said = isinstance(error, AssertionError) and error.args
        source = None if said else _assert_at(frame.f_code.co_filename, line)
        if source:
            words = WORDS.format(source=source)
            found = "" if kind is AssertionError else f"{kind.__name__} {error}; "
            kind, error = AssertionError, AssertionError(found + words)
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _assert_at(filename: str, line: int) -> str | None:
    """The assert that holds a line of a cell, in one line; None where it is none."""
    source = "".join(linecache.getlines(filename))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and line in _lines(node):
            text = ast.get_source_segment(source, node) or "see the arrow"
            return shorten(" ".join(text.split()), 200)
    return None


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
