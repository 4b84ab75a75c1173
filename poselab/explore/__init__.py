"""Explorers: turn a knob, see what a method does; one file per notebook.

`from poselab import explore; explore.PersonMaker()`. A file names what a notebook uses
of it in `__all__ = [...]`. Only that line is read until something is first asked for,
so that no explorer waits for the packages of the others.
"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

_NAMES = re.compile(r"^__all__ = (\[.*?\])$", re.MULTILINE | re.DOTALL)


def _homes() -> dict[str, str]:
    """What can be had from here, and the module that has it."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        names = _NAMES.search(path.read_text(encoding="utf-8"))
        found |= dict.fromkeys(ast.literal_eval(names[1]) if names else (), path.stem)
    return found


_HOMES = _homes()
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"poselab.explore has no {name!r}; it has {__all__}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
