"""Comparing an answer with the truth: parts, shapes, kinds and numbers."""

from __future__ import annotations

import itertools
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
    return tuple(map(_tensor, _several(value)))


def _several(value: Any) -> tuple | list:
    several = isinstance(value, tuple) or (
        isinstance(value, list) and any(hasattr(v, "shape") and v.ndim for v in value)
    )
    return value if several else (value,)


def _tensor(value: Any) -> Any:
    try:
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(value)
        return tensor.detach().cpu().to(torch.float64, copy=True)
    except (TypeError, ValueError, RuntimeError):
        return value


def equal(mine: tuple, true: tuple) -> bool:
    """Whether two answers have the same parts, shapes and numbers (nan equals nan).

    An empty list is equal to an empty result of any shape: a loop over nobody makes
    one, which has no second axis. Other empty results have a shape, as all have.
    """
    return len(mine) == len(true) and all(map(_same, mine, true))


def _same(a: Any, b: Any) -> bool:
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return a is b
    if not a.numel() and not b.numel() and a.ndim <= 1:
        return True
    return a.shape == b.shape and bool(close(a, b).all())


def close(a: Tensor, b: Tensor) -> Tensor:
    """Where two tensors of one shape agree."""
    return torch.isclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True)


def has_nan(answer: tuple) -> bool:
    """Whether an answer holds a nan."""
    return any(isinstance(a, Tensor) and bool(a.isnan().any()) for a in answer)


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


# --- problems before any number is compared ------------------------------------------


def structure(raw: Any, mine: tuple, true: tuple, names: Sequence[str]) -> str | None:
    """What is wrong with number, type or shape of the results; None if nothing."""
    if len(mine) != len(true):
        return _number_of_results(raw, mine, true, names)
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


def another_order(mine: tuple, true: tuple, names: Sequence[str]) -> str | None:
    """What to say where several right results stand in a wrong order."""
    if len(mine) != len(true) or not 2 <= len(true) <= 4 or equal(mine, true):
        return None
    if not any(equal(order, true) for order in itertools.permutations(mine)):
        return None
    return f"the right results, but in another order. Return {', '.join(names)}."


def _number_of_results(raw, mine: tuple, true: tuple, names: Sequence[str]) -> str:
    text = (
        f"your function should return {len(true)} result{'s' * (len(true) > 1)} "
        f"({', '.join(names)}), but returns {len(mine)}."
    )
    if type(raw).__module__ == "torch.return_types":  # what max, min, sort, topk give
        kind = type(raw).__name__.split(".")[-1]
        fields = [f for f in ("values", "indices") if hasattr(raw, f)]
        return (
            f"{text} `{kind}` along a dimension gives a pair, {' and '.join(fields)}: "
            f"take `.{'` or `.'.join(fields)}`."
        )
    if len(true) == 1:
        return f"{text} A comma in the `return` line makes a tuple."
    if len(mine) == 1:
        return f"{text} Separate them by a comma in the `return` line."
    return text


def _shape_hint(a: Tensor, b: Tensor) -> str:
    if a.ndim == b.ndim and sorted(a.shape) == sorted(b.shape):
        return " The axes are in another order."
    if a.numel() == b.numel():
        return " The number of values fits: see `reshape`, `squeeze`, `[:, None]`."
    if b.ndim == 0:
        return " One number is wanted: reduce with `sum` or `mean`."
    return ""


def lone_tuple(raw: Any, solution: Any) -> bool:
    """Whether an answer is a tuple of one where the solution returns no tuple."""
    return isinstance(raw, tuple) and len(raw) == 1 and not isinstance(solution, tuple)


def whole_numbers(raw: Any, true: tuple) -> torch.dtype | None:
    """The type of a whole-number result whose truth has decimals, if there is one.

    Writing 20.75 into such a tensor leaves 20, without a word.
    """
    for part, b in zip(_several(raw), true, strict=False):
        if isinstance(part, Tensor) and isinstance(b, Tensor):
            whole = not part.dtype.is_floating_point and part.dtype != torch.bool
            finite = b[torch.isfinite(b)]
            if whole and bool((finite != finite.round()).any()):
                return part.dtype
    return None


def elsewhere(raw: Any, solution: Any) -> tuple[torch.device, torch.device] | None:
    """(Device of the answer, device it should be on) if they differ."""
    for a, b in zip(_several(raw), _several(solution), strict=False):
        if isinstance(a, Tensor) and isinstance(b, Tensor) and a.device != b.device:
            return a.device, b.device
    return None


def wrong_kind(raw: Any, solution: Any) -> tuple[torch.dtype, torch.dtype] | None:
    """(Type of the answer, type wanted) where indices or masks came as fractions."""
    for a, b in zip(_several(raw), _several(solution), strict=False):
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            if a.is_floating_point() and not b.is_floating_point():
                return a.dtype, b.dtype
    return None
