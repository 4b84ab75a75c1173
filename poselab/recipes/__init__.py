"""How networks are made: one file per method, each number with its reason.

A file has some of `CHAPTER` (the notebook's number), `TINY` (the recipes of the bundled
weights), `PAPER` (the papers' own), `RELEASED` (where released weights are), `SYSTEMS`
(networks that are scored together) and `ABLATIONS` (trainings that answer a question of
the notebook). A new file is found by its place: nothing else has to know it.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from poselab.errors import ArgumentError
from poselab.recipes.base import Ablation, Recipe, Released
from poselab.recipes.data import Annotated, Drawn
from poselab.recipes.training import Followed, follow

__all__ = [
    "Ablation",
    "Annotated",
    "Drawn",
    "Followed",
    "Recipe",
    "Released",
    "ablations",
    "chapter_of",
    "chapters",
    "find",
    "follow",
    "names",
    "paper_names",
    "released",
    "systems",
]


def chapters() -> dict[str, list[ModuleType]]:
    """The files of recipes by the number of their notebook, such as "04"."""
    found: dict[str, list[ModuleType]] = {}
    for info in pkgutil.iter_modules([str(Path(__file__).parent)]):
        module = import_module(f"{__name__}.{info.name}")
        if hasattr(module, "CHAPTER"):
            found.setdefault(module.CHAPTER, []).append(module)
    return dict(sorted(found.items()))


def _all(table: str) -> dict[str, Any]:
    """The entries of all files' dictionaries of this name."""
    modules = [module for group in chapters().values() for module in group]
    return {k: v for module in modules for k, v in getattr(module, table, {}).items()}


def names() -> list[str]:
    """The recipes of bundled networks, in the order of the notebooks."""
    return list(_all("TINY"))


def paper_names() -> list[str]:
    """The recipes of papers, in the order of the notebooks."""
    return list(_all("PAPER"))


def find(name: str) -> Recipe:
    """The recipe `name`; an `ArgumentError` that lists the names if there is none."""
    known = {**_all("PAPER"), **_all("TINY")}
    if name not in known:
        raise ArgumentError(
            "no recipe of this name",
            where="name",
            value=name,
            fix=f"Known: {', '.join(sorted(known))}.",
        )
    return known[name]


def released() -> dict[str, Released]:
    """The networks with released weights, by name."""
    return dict(sorted(_all("RELEASED").items()))


def systems() -> dict[str, tuple[str, str]]:
    """Pairs of bundled networks, detector and pose network, scored together."""
    return _all("SYSTEMS")


def ablations(chapter: str) -> dict[str, Ablation]:
    """The ablations of a notebook, such as "04", by name.

    Raises `ArgumentError`, which lists the notebooks that have some.
    """
    modules = chapters().get(chapter, [])
    found = {
        name: ablation
        for module in modules
        for name, ablation in getattr(module, "ABLATIONS", {}).items()
    }
    if not found:
        known = [
            number
            for number, group in chapters().items()
            if any(getattr(module, "ABLATIONS", {}) for module in group)
        ]
        raise ArgumentError(
            "this notebook has no ablations",
            where="chapter",
            value=chapter,
            fix=f"Known: {', '.join(known) or 'none'}.",
        )
    return found


def chapter_of(name: str) -> str | None:
    """The number of the notebook in which the bundled network or system is met."""
    for number, group in chapters().items():
        for module in group:
            tables = (getattr(module, table, {}) for table in ("TINY", "SYSTEMS"))
            if any(name in table for table in tables):
                return number
    return None
