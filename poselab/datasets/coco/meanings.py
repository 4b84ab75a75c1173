"""Numbers of another meaning, which only all people of a file together show.

Boxes may be two corners, or the centre and the sides; x and y may stand in the other
order; places may be percent of the picture. Read as COCO's they are all plausible one
by one, so the boxes are compared with those around the joints.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poselab.datasets.coco.mend import ROUGH, TINY
from poselab.datasets.coco.notes import Notes
from poselab.errors import AnnotationError

MANY = 3  # people from whom on two corners are no accident
FAIR, BETTER = 0.3, 1.8  # of the overlap: at least, and times that of COCO's meaning
PERCENT = 100
LARGE = 200  # px: the shorter side of pictures in which a percent is no pixel


def check(
    file: str,
    boxes: list[np.ndarray],
    points: list[np.ndarray],
    sizes: list[tuple[int, int]],
    notes: Notes,
) -> None:
    """Refuse or name numbers that fit better in another meaning.

    boxes [4], points [J, 3] and the sizes (H, W) of the picture of everybody. Raises
    `AnnotationError`; notes what may be so by accident.
    """
    rows = [
        (given, shape[shape[:, 2] > 0, :2], size)
        for given, shape, size in zip(boxes, points, sizes, strict=True)
        if (shape[:, 2] > 0).sum() >= ROUGH and given[2:].min() > TINY
    ]
    if not rows:
        return
    pairs = [(given, places) for given, places, _ in rows]
    own = _overlaps(pairs, lambda box: box)
    for meaning, (change, fix) in _MEANINGS.items():
        other = _overlaps(pairs, change)
        few = meaning == _CORNERS and len(rows) < MANY
        if own.mean() < 0.5 and other.mean() > max(FAIR, BETTER * own.mean()):
            if not few:
                raise _refused(file, meaning, fix, pairs[0][0], own.mean(), other)
    corners = _overlaps(pairs, _from_corners)
    if ((corners > 0.85) & (corners > own + 0.1)).all():
        notes.remark(
            "the boxes fit the joints better as two corners than as COCO's x, y, "
            "width, height"
        )
    _check_percent(rows, notes)


def _check_percent(rows: list, notes: Notes) -> None:
    """Say so where everybody is in a corner of 100 px of large pictures."""
    largest = max(float(places.max()) for _, places, _ in rows)
    smallest = min(min(size) for _, _, size in rows)
    if largest <= PERCENT and smallest >= LARGE:
        notes.remark(
            "all joints lie within 100 px of the corner of pictures of at least "
            f"{smallest} px: are they percent?"
        )


def _overlaps(pairs: list, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Intersection over union of each changed box and the one around the joints."""
    return np.array([_overlap(change(given), places) for given, places in pairs])


def _from_centre(given: np.ndarray) -> np.ndarray:
    return np.concatenate([given[:2] - given[2:] / 2, given[2:]])


def _from_corners(given: np.ndarray) -> np.ndarray:
    return np.concatenate([given[:2], np.maximum(given[2:] - given[:2], 0)])


def _from_rows(given: np.ndarray) -> np.ndarray:
    return given[[1, 0, 3, 2]]


_CORNERS = "the boxes seem to be two corners"
_MEANINGS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "the boxes seem to be the centre's x, y, width, height": (
        _from_centre,
        "Subtract half of the sides from x and y.",
    ),
    "x and y of the boxes, or of the joints, seem to be swapped": (
        _from_rows,
        "Boxes are x, y, width, height and joints x, y, flag; x goes to the right.",
    ),
    _CORNERS: (_from_corners, "Subtract x and y from the third and fourth number."),
}


def _overlap(given: np.ndarray, places: np.ndarray) -> float:
    low, high = places.min(0) - 0.5, places.max(0) + 0.5
    shared = np.minimum(high, given[:2] + given[2:]) - np.maximum(low, given[:2])
    common = float(np.prod(np.maximum(shared, 0)))
    whole = float(np.prod(high - low) + np.prod(given[2:])) - common
    return common / whole


def _refused(file, meaning: str, fix: str, given, own: float, other: np.ndarray):
    return AnnotationError(
        f"{meaning}: so they overlap by {other.mean():.2f} on average, as they stand "
        f"by {own:.2f}",
        where=file,
        field="annotations, bbox",
        value=given.tolist(),
        fix=fix,
    )
