"""How far something is: a bar in a terminal, a line of text in a notebook.

The line in a notebook is taken away at the end, and no widget is made. A saved notebook
would show a widget's view as an error when it is opened again.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from tqdm import std

_EVERY = 0.25  # seconds between two lines in a notebook


def in_notebook() -> bool:
    """Whether what is displayed goes to a notebook."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None


def progress_bar(*arguments: Any, **options: Any) -> std.tqdm:
    """A bar of tqdm with these options, in the form that fits the place."""
    if in_notebook():
        return _Line(*arguments, **options)
    return std.tqdm(*arguments, **options)


class _Line(std.tqdm):
    """A bar that writes one line of text into the cell's output."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._handle: Any = None
        options["mininterval"] = _EVERY
        super().__init__(*arguments, **{**options, "file": io.StringIO()})

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Show the line as it is now; tqdm calls it."""
        from IPython.display import display

        if self._handle is None:  # without words: a notebook's test sees no output
            self._handle = display({}, raw=True, display_id=True)
        text = str(self) if msg is None else msg
        self._handle.update({"text/plain": text} if text else {}, raw=True)
        return True

    def close(self) -> None:
        """Take the line away."""
        if self.disable:
            return
        self.leave = False
        super().close()
