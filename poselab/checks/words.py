"""A difference between numbers, in words that say where to look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from poselab.checks.compare import close

_SMALL = 12  # numbers of an input that are written out
_MAP = 5  # cells a side from which on the last two axes may be a map


def describe(mine: tuple, true: tuple, names: Sequence[str]) -> str:
    """What differs between answers of equal structure, the largest difference first."""
    for a, b, name in zip(mine, true, names, strict=True):
        agree = close(a, b)
        if not agree.all():
            return _sentences(a, b, name, agree)
    raise ValueError("these answers do not differ")


def _sentences(a: Tensor, b: Tensor, name: str, agree: Tensor) -> str:
    place = _worst(a, b, agree)
    at = f"{name}[{', '.join(map(str, place))}]" if place else name
    text = f"{at} should be {_number(b[place])}; yours is {_number(a[place])}."
    if torch.isnan(a[place]):
        return f"{text} nan is not a number: it comes from 0 / 0 or inf - inf."
    count = int((~agree).sum())
    if place:
        largest = ", this one by most" if count > 1 else ""
        text = f"{text} {count} of {a.numel()} numbers differ{largest}."
    more = _pattern(a, b) or _peak(a, b, name)
    return f"{text} {more}" if more else text


def _worst(a: Tensor, b: Tensor, agree: Tensor) -> tuple[int, ...]:
    """The index of the largest difference; of a nan or inf, if there is one."""
    off = (a - b).abs().nan_to_num(torch.inf, torch.inf)
    off = torch.where(agree, -1.0, off)
    return tuple(int(i) for i in torch.unravel_index(off.argmax(), off.shape))


def _number(value: Tensor) -> str:
    return f"{value.item():.5g}"


# --- what all numbers have in common -------------------------------------------------


def _pattern(a: Tensor, b: Tensor) -> str | None:
    """One rule that turns the truth into the answer, if there is one."""
    if a.numel() < 3 or not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
        return None
    return _offset(a, b) or _factor(a, b) or _exchanged(a, b)


def in_all_cases(mine: Sequence[tuple], true: Sequence[tuple]) -> str:
    """The one rule behind single numbers that are wrong in every case, if there is one.

    `mine` and `true` are the answers by case; an empty text where no rule fits.
    """
    pairs = [
        (a[0].flatten(), b[0].flatten())
        for a, b in zip(mine, true, strict=False)
        if len(a) == len(b) == 1 and all(isinstance(x[0], Tensor) for x in (a, b))
    ]
    if len(pairs) < len(true) or any(len(a) != 1 or len(b) != 1 for a, b in pairs):
        return ""
    a, b = (torch.cat(values) for values in zip(*pairs, strict=True))
    finite = torch.isfinite(a) & torch.isfinite(b)
    a, b = a[finite], b[finite]
    if len(b.unique()) < 2:
        return ""
    rule = _offset(a, b) or _factor(a, b)
    return f" So it is in all cases: {rule[0].lower()}{rule[1:]}" if rule else ""


def _constant(values: Tensor) -> float | None:
    """The one value that all have, or None."""
    middle = values.mean()
    same = len(values) > 1 and bool(close(values, middle.expand_as(values)).all())
    return float(middle) if same else None


def _offset(a: Tensor, b: Tensor) -> str | None:
    shift = _constant((a - b).flatten())
    if shift is not None:
        return f"All are off by exactly {shift:+.5g}."
    if a.ndim < 2 or not 2 <= a.shape[-1] <= 4 or a[..., 0].numel() < 2:
        return None
    shifts = [_constant((a - b)[..., k].flatten()) for k in range(a.shape[-1])]
    if None in shifts:
        return None
    each = ", ".join(f"{shift + 0.0:+.5g}" for shift in shifts)
    return f"Along the last axis all are off by exactly ({each})."


def _factor(a: Tensor, b: Tensor) -> str | None:
    power = float(b.square().sum())
    times = float((a * b).sum()) / power if power > 0 else 0.0
    if abs(times) < 1e-6 or not bool(close(a, times * b).all()):
        return None
    if abs(times + 1) < 1e-3:
        return "All have the other sign."
    inverse = f" (1 / {1 / times:.5g})" if abs(times) < 1 else ""
    return f"Yours are {times:.5g}{inverse} times the right ones."


def _exchanged(a: Tensor, b: Tensor) -> str | None:
    if a.ndim >= 2 and a.shape[-1] == 2 and bool(close(a.flip(-1), b).all()):
        return "The right numbers, but x and y (the last axis) change places."
    if a.ndim >= 1 and a.shape[0] > 1 and bool(close(a.flip(0), b).all()):
        return "The right numbers, but in the opposite order."
    first, second = a.flatten().sort().values, b.flatten().sort().values
    if bool(close(first, second).all()):
        return "The right numbers, but in other places."
    return None


def _peak(a: Tensor, b: Tensor, name: str) -> str | None:
    """Where the highest cells of two stacks of maps lie, if they lie apart."""
    if a.ndim < 2 or min(a.shape[-2:]) < _MAP or bool((b < -ATOL_OF_MAPS).any()):
        return None
    width = a.shape[-1]
    mine, true = (x.reshape(-1, width * a.shape[-2]).argmax(1) for x in (a, b))
    apart = (mine != true).nonzero().flatten().tolist()
    if not apart:
        return None
    i = apart[0]
    cells = [
        f"row {int(x[i]) // width}, column {int(x[i]) % width}" for x in (mine, true)
    ]
    which = f" of map {i}" if len(mine) > 1 else ""
    return f"The highest cell{which} is in {cells[0]}; it should be in {cells[1]}."


ATOL_OF_MAPS = 1e-6  # heatmaps have no negative cells; other arrays have no peaks


# --- what the function was given -----------------------------------------------------


def given(arguments: Sequence[Any], names: Sequence[str]) -> str:
    """The arguments of a case: small ones written out, large ones by their shape."""
    pairs = zip(names, arguments, strict=False)
    return ", ".join(f"{name} {_argument(value)}" for name, value in pairs)


def _argument(value: Any) -> str:
    if isinstance(value, Tensor):
        if value.numel() <= _SMALL and (value.numel() or value.ndim < 2):
            return f"= {_listed(value.tolist())}"
        return f"of shape {list(value.shape)}"
    if isinstance(value, (bool, int, float, str, tuple)) or value is None:
        text = repr(value)
        return f"= {text}" if len(text) <= 60 else f"({type(value).__name__})"
    return f"({type(value).__name__})"


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_listed, value))}]"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def rows(arguments: Sequence[Any], names: Sequence[str], row: int, count: int) -> str:
    """The rows of arguments that have one for each row of the result, if short."""
    found = []
    for name, value in zip(names, arguments, strict=False):
        fits = isinstance(value, Tensor) and value.ndim >= 1 and len(value) == count
        if fits and value.numel() > _SMALL and value[row].numel() <= 4:
            found.append(f"{name}[{row}] = {_listed(value[row].tolist())}")
    return ", ".join(found)


def where(mine: tuple, true: tuple) -> tuple[int, int] | None:
    """(Row, number of rows) of the largest difference in the first wrong result."""
    for a, b in zip(mine, true, strict=True):
        agree = close(a, b)
        if not agree.all():
            return (_worst(a, b, agree)[0], len(a)) if a.ndim else None
    return None
