"""JSON files of others: any encoding is read, each field has one clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from poselab.errors import AnnotationError
from poselab.system import filekind
from poselab.system.disk import user_path

_BIG = 2**62


class Record:
    """A JSON object together with the words that name it in an error."""

    def __init__(self, file: str, name: str, data: Any) -> None:
        self.file, self.name, self.data = file, name, data
        if not isinstance(data, dict):
            raise AnnotationError(
                "must be a JSON object {...}", where=file, field=name, value=data
            )
        if "id" in data:
            self.name = f"{name} (id {str(data['id'])[:24]})"

    def fail(self, key: str, problem: str, fix: str | None = None):
        """Raise the error about one field of this record."""
        raise AnnotationError(
            problem,
            where=self.file,
            field=f"{self.name}, field '{key}'",
            value=self.data.get(key),
            fix=fix,
        )

    def get(self, key: str, fix: str | None = None) -> Any:
        """A field that must be there."""
        if key not in self.data:
            known = ", ".join(map(str, self.data))[:120]
            raise AnnotationError(
                f"field '{key}' is missing",
                where=self.file,
                field=self.name,
                fix=fix or f"Add it; the record has {known}.",
            )
        return self.data[key]

    def integer(self, key: str, low: int = -_BIG) -> int:
        """A whole number of at least `low`."""
        value = self.get(key)
        if type(value) is not int or not low <= value < _BIG:
            least = "" if low == -_BIG else f" of at least {low}"
            self.fail(key, f"must be a whole number{least}")
        return value

    def text(self, key: str) -> str:
        """A string that is not empty."""
        value = self.get(key)
        if not isinstance(value, str) or not value:
            self.fail(key, "must be a text that is not empty")
        return value

    def items(self, key: str) -> list:
        """A list."""
        value = self.get(key)
        if not isinstance(value, list):
            self.fail(key, "must be a list [...]")
        return value

    def number(self, key: str, low: float) -> float:
        """A finite number of at least `low` (that fits in 32 bits)."""
        array = finite_numbers([self.get(key)])
        if array is None or not low <= array[0] < 1e30:
            self.fail(key, f"must be a finite number of at least {low:g}")
        return float(array[0])

    def numbers(self, key: str, length: int, meaning: str) -> np.ndarray:
        """A list of `length` finite numbers."""
        value = self.items(key)
        if len(value) != length:
            self.fail(key, f"has {len(value)} numbers instead of {length}: {meaning}")
        array = finite_numbers(value)
        if array is None or np.abs(array).max() > 1e9:
            self.fail(key, f"must hold finite numbers ({meaning}){_culprit(value)}")
        return array


def _culprit(values: list) -> str:
    for place, value in enumerate(values):
        array = finite_numbers([value])
        if array is None or abs(array[0]) > 1e9:
            return f"; number {place} is {str(value)[:24]}"
    return ""


def load_json(file: str | Path) -> Any:
    """The content of a JSON file in UTF-8, -16 or -32, with or without a byte-order
    mark; an `AnnotationError` if there is none."""
    try:
        content = user_path(file).read_bytes()
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise AnnotationError(
            f"cannot be read ({reason})", where=file, fix="Check the path."
        ) from problem
    try:
        return json.loads(content)  # which looks for the encoding itself
    except (ValueError, RecursionError) as problem:
        raise _not_json(file, problem) from problem


def _not_json(file: str | Path, problem: Exception) -> AnnotationError:
    """The error about a file that is no JSON, with what it is instead."""
    said, fix = (
        str(problem),
        "The file is damaged or cut short: fetch or write it again.",
    )
    kind, advice = filekind.describe(user_path(file)) or ("JSON", "")
    if not kind.startswith("JSON"):
        said, fix = f"is {kind}", advice
    elif isinstance(problem, UnicodeDecodeError):
        fix = "Save it as UTF-8, if it is a text at all."
    return AnnotationError(f"is not valid JSON ({said})", where=file, fix=fix)


def finite_numbers(values: Any) -> np.ndarray | None:
    """A list of finite numbers as float64 [N], or None if it is anything else."""
    if not isinstance(values, list):
        return None
    if not all(type(v) in (int, float) for v in values):
        return None
    try:
        array = np.array(values, dtype=np.float64)
    except OverflowError:  # a whole number too large for a float
        return None
    return array if np.isfinite(array).all() else None
