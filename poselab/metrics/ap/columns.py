"""Fields of many COCO records as arrays, each checked with one `ArgumentError`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from poselab.errors import ArgumentError


def _plain(value: Any) -> Any:
    """A tensor as an array, and a single number of either as a Python number."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    single = isinstance(value, np.ndarray | np.generic) and value.ndim == 0
    return value.item() if single else value


def column_of(records: list[dict], field: str, where: str) -> list:
    try:
        return [_plain(record[field]) for record in records]
    except (KeyError, TypeError, IndexError):
        rows = enumerate(records)
        place = next(i for i, r in rows if not isinstance(r, dict) or field not in r)
        raise ArgumentError(
            "this field is missing", where="coco_ap", field=f"{where}[{place}], {field}"
        ) from None


def number_column(records: list[dict], field: str, where: str, width: int = 0):
    """A column of finite numbers [N], or [N, width]."""
    column = column_of(records, field, where)
    try:
        values = np.array(column)
        if values.dtype.kind not in "biufO":  # "0.5" is a text, which nobody can sort
            raise TypeError
        values = values.astype(np.float64)
        values = values.reshape((len(column), width) if width else (len(column),))
    except (TypeError, ValueError, OverflowError):
        meaning = f"{width} numbers" if width else "a number"
        bad = next((v for v in column if not _is_numbers(v, width)), column)
        raise ArgumentError(
            f"must be {meaning}", where="coco_ap", field=f"{where}, {field}", value=bad
        ) from None
    return finite(values, where, field)


def optional_column(
    records: list[dict], field: str, usual: list, where: str
) -> np.ndarray:
    """A column of numbers [N]; `usual` where a record has none, or null."""
    given = [record.get(field) for record in records]
    rows = zip(given, usual, strict=True)
    filled = [{field: other if value is None else value} for value, other in rows]
    return number_column(filled, field, where)


def _is_numbers(value: Any, shape: int | tuple[int, ...]) -> bool:
    """Whether a value is numbers of this shape; 0 is a single number."""
    wanted = (shape,) if isinstance(shape, int) else shape
    try:
        if isinstance(value, str):
            return False
        return np.array(value, dtype=np.float64).shape == (wanted if shape else ())
    except (TypeError, ValueError, OverflowError):
        return False


def keypoint_column(records: list[dict], joints: int, where: str) -> np.ndarray:
    """x, y and flag or score of each joint; [N, J, 3]."""
    column = column_of(records, "keypoints", where)
    try:
        values = np.array(column, dtype=np.float64)
        if values.shape[1:] not in ((3 * joints,), (joints, 3), ()):  # flat or triples
            raise ValueError
        return values.reshape(len(column), joints, 3)
    except (TypeError, ValueError, OverflowError):
        return _mixed(column, joints, where)


def _mixed(column: list, joints: int, where: str) -> np.ndarray:
    """The same where some are flat and some triples; an error for any other form."""
    rows = []
    for place, value in enumerate(column):
        flat, triples = (_is_numbers(value, s) for s in (3 * joints, (joints, 3)))
        if not flat and not triples:
            raise ArgumentError(
                f"must be x, y and a flag or score of each of {joints} joints: "
                f"{3 * joints} numbers",
                where="coco_ap",
                field=f"{where}[{place}], keypoints",
                value=value,
            )
        rows.append(np.array(value, dtype=np.float64).reshape(joints, 3))
    return np.array(rows)


def finite(values: np.ndarray, where: str, field: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ArgumentError(
            "must be finite",
            where="coco_ap",
            field=f"{where}, {field}",
            value=values[~np.isfinite(values)][0].item(),
        )
    return values


def index_column(
    records: list[dict], field: str, known: Sequence, where: str, strict: bool = True
) -> np.ndarray:
    """Where each record's id stands in `known`; -1, or an error, if nowhere."""
    table = {key: place for place, key in enumerate(known)}
    column = column_of(records, field, where)
    try:
        places = np.array([table.get(key, -1) for key in column], dtype=np.int64)
    except TypeError:
        raise ArgumentError(
            "an id must be a number or a text",
            where="coco_ap",
            field=f"{where}, {field}",
        ) from None
    if strict and (places < 0).any():
        stranger = column[int(np.argmax(places < 0))]
        raise ArgumentError(
            "the truth has no such image",
            where="coco_ap",
            field=f"{where}, {field}",
            value=stranger,
            fix=f"It has {len(known)}, the first is {known[:1]}.",
        )
    return places
