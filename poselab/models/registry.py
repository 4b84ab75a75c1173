"""Networks by name: each file of this folder registers its own."""

from __future__ import annotations

import contextlib
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from poselab.errors import ArgumentError

Maker = TypeVar("Maker", bound=Callable[..., nn.Module])

_MAKERS: dict[str, Callable[..., nn.Module]] = {}


def register(name: str) -> Callable[[Maker], Maker]:
    """A decorator for a class or function that makes a network: `build(name)` calls it.

    Raises `ArgumentError` if another one has this name already.
    """

    def keep(maker: Maker) -> Maker:
        known = _MAKERS.setdefault(name, maker)
        if known.__qualname__ != maker.__qualname__:
            raise ArgumentError(
                "two networks have this name",
                where="register",
                field=name,
                value=[known.__qualname__, maker.__qualname__],
            )
        _MAKERS[name] = maker  # the same one again, after a notebook's reload
        return maker

    return keep


def names() -> list[str]:
    """The names of all networks, sorted."""
    _import_all()
    return sorted(_MAKERS)


def maker(name: str) -> Callable[..., nn.Module]:
    """What makes the network `name`; an `ArgumentError` with all names if nothing."""
    _import_all()
    if name not in _MAKERS:
        raise ArgumentError(
            "no model of this name",
            where="name",
            value=name,
            fix=f"Known: {', '.join(names())}.",
        )
    return _MAKERS[name]


def build(name: str, seed: int = 0, **arguments: Any) -> nn.Module:
    """The network `name` with initial weights drawn from `seed`.

    `arguments` are those of the class or function that registered the name. The global
    random state is as before afterwards. Raises `ArgumentError`.
    """
    make = maker(name)
    with seeded(seed):
        return make(**arguments)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global random state, which layers draw from, and put it back after."""
    with torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))):
        torch.manual_seed(seed)
        yield


def _import_all() -> None:
    """Import every file of this folder, so that all have registered."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        import_module(f"poselab.models.{module.name}")
