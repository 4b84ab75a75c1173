"""Comparing an answer with the truth, and putting the difference into words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from poselab.errors import show_value

RTOL, ATOL = 1e-4, 1e-5


def parts(value: Any) -> tuple:
    """An answer as a tuple of float64 tensors (or of what cannot become one).

    A tuple, or a list of tensors or arrays, is several results; tensors, arrays,
    numbers and nested lists of numbers are one.
    """
    several = isinstance(value, tuple) or (
        isinstance(value, list) and any(hasattr(v, "shape") and v.ndim for v in value)
    )
    return tuple(map(_tensor, value)) if several else (_tensor(value),)


def _tensor(value: Any) -> Any:
    try:
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(value)
        return tensor.detach().cpu().to(torch.float64, copy=True)
    except (TypeError, ValueError, RuntimeError):
        return value


def equal(mine: tuple, true: tuple) -> bool:
    """Whether two answers have the same parts, shapes and numbers (nan equals nan)."""
    return len(mine) == len(true) and all(map(_same, mine, true))


def _same(a: Any, b: Any) -> bool:
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return a is b
    return a.shape == b.shape and bool(
        torch.isclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True).all()
    )


def mutated(after: Sequence, before: Sequence) -> set[int]:
    """The places of the arguments that a call changed."""
    pairs = enumerate(zip(after, before, strict=True))
    return {i for i, (a, b) in pairs if not _untouched(a, b)}


def _untouched(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_untouched, a, b))
    return bool(a == b)


def structure(mine: tuple, true: tuple, names: Sequence[str]) -> str | None:
    """What is wrong with number, type or shape of the results; None if nothing."""
    if len(mine) != len(true):
        wanted = ", ".join(names)
        return (
            f"your function should return {len(true)} "
            f"result{'s' * (len(true) > 1)} ({wanted}), but returns {len(mine)}."
        )
    for a, b, name in zip(mine, true, names, strict=True):
        if not isinstance(a, Tensor):
            kind = type(a).__name__
            return f"{name} should be numbers; yours is a {kind}: {show_value(a)}."
        if a.shape != b.shape:
            return (
                f"{name} should have shape {list(b.shape)}; "
                f"yours has {list(a.shape)}.{_shape_hint(a, b)}"
            )
    return None


def _shape_hint(a: Tensor, b: Tensor) -> str:
    if a.ndim == b.ndim and sorted(a.shape) == sorted(b.shape):
        return " The axes are in another order."
    if a.numel() == b.numel():
        return " The number of values fits: see `reshape`, `squeeze`, `[:, None]`."
    if b.ndim == 0:
        return " One number is wanted: reduce with `sum` or `mean`."
    return ""


def describe(mine: tuple, true: tuple, names: Sequence[str]) -> str:
    """The first wrong number of answers of equal structure, in one sentence."""
    for a, b, name in zip(mine, true, names, strict=True):
        close = torch.isclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True)
        if close.all():
            continue
        place = tuple((~close).nonzero()[0].tolist())
        at = f"{name}[{', '.join(map(str, place))}]" if place else name
        text = f"{at} should be {_number(b[place])}; yours is {_number(a[place])}."
        if torch.isnan(a[place]):
            return f"{text} nan is not a number: it comes from 0 / 0 or inf - inf."
        count = int((~close).sum())
        return f"{text} {count} of {a.numel()} numbers differ." if place else text
    raise ValueError("these answers do not differ")


def _number(value: Tensor) -> str:
    return f"{value.item():.5g}"
