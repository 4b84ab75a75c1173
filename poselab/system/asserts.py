"""What a notebook says when one of its asserts does not hold.

A cell of the course ends in asserts: they say what held for its numbers. Who changes a
number, which is what a learner does first, may break one, and Python then says nothing
but `AssertionError:`. `explain_asserts` gives such an error its words, in a notebook
only, and only where the assert has none of its own.
"""

from __future__ import annotations

import sys
import traceback
from types import TracebackType
from typing import Any

WORDS = (
    "this held for the numbers of the notebook: {source}. A changed number may break "
    "it, and so may a cell that ran in another order. Nothing is spoilt: what the cell "
    "made is there, and the next cells run. To get back: set the number back, or run "
    "all cells from the top."
)


def explain_asserts() -> None:
    """From now on an assert of a cell that fails says what held; nothing elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell:
        shell.set_custom_exc((AssertionError,), _explain)


def _explain(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    *_, (frame, _) = traceback.walk_tb(trace)
    if not error.args and frame.f_globals.get("__name__") == "__main__":  # a cell's
        source = traceback.extract_tb(trace)[-1].line or "see the arrow"
        error.args = (WORDS.format(source=source),)
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
