"""Records that contradict themselves: what is mended, what is only counted.

A person with labelled joints but an area of 0 can never be found by OKS, one with a
box of no height is cut out as nothing, a joint that is missing at (0, 0) but marked as
visible teaches nonsense. Each of these is counted by the `Notes` of the file; where it
concerns everybody, the file is of another format and refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselab.datasets.coco.notes import Notes
from poselab.datasets.json_file import Record
from poselab.errors import AnnotationError, require

BOX_TOLERANCE = 1.0  # px; published boxes are rounded
OVER = 0.1  # of the picture's longer side: how far a box may reach out of it
SMALLEST = 1.0  # px^2 and px: below it an area, a box or joints have no size
TINY = 1e-3  # px: a side that is no side, though above 0
ROUGH = 3  # labelled joints that are enough to compare with a box

# Reasons that refuse the file where they concern every labelled person, and what to do.
FATAL = {
    "have an area of 0": "Pass area='box' to take it from the box.",
    "have a box of no size": "Pass boxes='joints' to take it from the joints.",
    "have joints within one pixel of the corner": "Are they shares of the picture, as "
    "YOLO has them? Multiply x by its width and y by its height.",
    "have a box smaller than a pixel": "Is it in shares of the picture, as YOLO has "
    "it? Multiply by width and height.",
    "have no joint near their box": "Boxes are x, y, width, height in pixels of the "
    "same picture as the joints.",
    "have joints with places but all flags 0 (not labelled)": "The third number of "
    "each joint must be 1 (hidden) or 2 (visible) where it is labelled.",
}
AREA, BOX, JOINT_SHARES, BOX_SHARES, APART, FLAGS = FATAL
# What can be mended, or be so by accident, refuses a file from so many people on.
FEWEST = {AREA: 2, BOX: 2, APART: 3}
DONE = {AREA: "now the box's", BOX: "now the joints'"}
ORIGIN = "have joints at (0, 0) with a flag above 0, read as not labelled"
COUNT = "have a num_keypoints that is not the number of flags above 0, which decide"
BORDER = "have a box a little over the border, cut off there"
LARGE = "have an area much larger than their box"
EMPTY = "have a mask without a pixel, read as none"


@dataclass(frozen=True)
class Fill:
    """Where what is missing or 0 comes from: area "box", boxes "joints", or None."""

    area: str | None = None
    boxes: str | None = None

    def __post_init__(self) -> None:
        for name, known in (("area", "box"), ("boxes", "joints")):
            value = getattr(self, name)
            fix = "Leave it out to take what the file says."
            require(
                value in (None, known),
                f"must be {known!r}",
                where=f"{name}=",
                value=value,
                fix=fix,
            )


def joints(record: Record, points: np.ndarray, notes: Notes) -> np.ndarray:
    """x, y, flag [J, 3] of a person; several marked joints at (0, 0) are missing."""
    flags = points[:, 2] > 0
    placed = (points[:, :2] != 0).any(1)
    if placed.any() and not flags.any():
        notes.add(FLAGS, record, "keypoints")
    lost = flags & ~placed
    if lost.sum() > 1 or lost.sum() == flags.sum() > 0:
        notes.add(ORIGIN, record, "keypoints")
        points = np.where(lost[:, None], 0, points)
    labelled = points[points[:, 2] > 0, :2]
    if len(labelled) and np.abs(labelled).max() <= SMALLEST:
        notes.add(JOINT_SHARES, record, "keypoints")
    return points


def count(record: Record, points: np.ndarray, notes: Notes) -> None:
    """Compare num_keypoints, which may be missing, with the flags."""
    given = record.data.get("num_keypoints")
    if given is not None and given != int((points[:, 2] > 0).sum()):
        notes.add(COUNT, record, "num_keypoints")


def box(
    record: Record, points: np.ndarray, size: tuple[int, int], notes: Notes, fill: Fill
) -> np.ndarray:
    """The box [4] xywh of a person, from the joints where it has no size."""
    places = points[points[:, 2] > 0, :2]
    if fill.boxes and len(places) and not record.data.get("bbox"):
        return around(places, size)
    record.get("bbox", FATAL[BOX])
    given = positive(record, record.numbers("bbox", 4, "x, y, width, height"))
    inside = into(record, given, size, notes)
    if not len(places):
        return inside
    if inside[2:].min() > TINY:
        if inside[2:].max() <= SMALLEST and np.ptp(places, axis=0).max() > 4:
            notes.add(BOX_SHARES, record, "bbox")
        elif not near(places, inside).any():
            notes.add(APART, record, "bbox")
        return inside
    if not fill.boxes:
        notes.add(BOX, record, "bbox")
    return around(places, size)


def positive(record: Record, given: np.ndarray) -> np.ndarray:
    """The box, whose sides must not be negative."""
    if given[2:].min() < 0:
        fix = "COCO boxes are x, y, width, height, not two corners."
        record.fail("bbox", "has a negative width or height", fix)
    return given


def into(record: Record, given: np.ndarray, size: tuple[int, int], notes: Notes):
    """The box inside the picture; an error where it reaches far out."""
    x, y, w, h = given
    height, width = size
    past = max(-x, -y, x + w - width, y + h - height)
    if past <= BOX_TOLERANCE:
        return given
    if past > OVER * max(size):
        limit = width + BOX_TOLERANCE, height + BOX_TOLERANCE
        corners = 0 <= x < w <= limit[0] and 0 <= y < h <= limit[1]
        record.fail(
            "bbox",
            f"reaches {past:.1f} px outside the image of {width} x {height}",
            "COCO boxes are x, y, width, height, not two corners."
            if corners
            else "Cut it off at the border, or use the image it was made for.",
        )
    notes.add(BORDER, record, "bbox")
    low = np.clip([x, y], 0, [width, height])
    high = np.clip([x + w, y + h], 0, [width, height])
    return np.concatenate([low, high - low])


def around(places: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The box [4] around joints [N, 2] (whose pixels are 1 wide), in the picture."""
    limit = np.array(size[::-1], dtype=float)
    low = np.clip(places.min(0) - 0.5, 0, limit - 1)
    high = np.clip(places.max(0) + 0.5, low + 1, limit)
    return np.concatenate([low, high - low])


def near(places: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Which joints [N, 2] lie in the box or within half of its size around it."""
    low, sides = given[:2], given[2:]
    return ((places >= low - sides / 2) & (places <= low + 1.5 * sides)).all(1)


def area(record: Record, inside: np.ndarray, labelled: bool, notes: Notes, fill: Fill):
    """The area px^2 of a person, from the box where it is 0."""
    of_box = float(inside[2] * inside[3])
    if fill.area and record.data.get("area") is None:
        return of_box
    record.get("area", FATAL[AREA])
    given = record.number("area", 0)
    if not labelled:
        return given
    if given < SMALLEST and of_box >= SMALLEST:
        if not fill.area:
            notes.add(AREA, record, "area")
        return of_box
    if given > 4 * max(of_box, SMALLEST):
        notes.add(LARGE, record, "area")
    return given


# --- boxes of another meaning, which only all of them together show -------------------


def check_boxes(
    file: str, boxes: list[np.ndarray], points: list[np.ndarray], notes: Notes
) -> None:
    """Refuse or name boxes that fit the joints better in another meaning.

    boxes [4] and points [J, 3] of all people. Raises `AnnotationError` for centre x, y,
    width, height; notes two corners, which may fit by accident in a small file.
    """
    rows = [
        (given, shape[shape[:, 2] > 0, :2])
        for given, shape in zip(boxes, points, strict=True)
        if (shape[:, 2] > 0).sum() >= ROUGH and given[2:].min() > TINY
    ]
    if not rows:
        return
    own = np.array([_overlap(given, places) for given, places in rows])
    centre = np.array([_overlap(_from_centre(b), places) for b, places in rows])
    corners = np.array([_overlap(_from_corners(b), places) for b, places in rows])
    if own.mean() < 0.5 and centre.mean() > max(0.3, 1.8 * own.mean()):
        raise _of_centres(file, rows[0][0], own.mean(), centre.mean())
    if ((corners > 0.85) & (corners > own + 0.1)).all():
        notes.remark("the boxes fit the joints better as two corners than as COCO's")


def _from_centre(given: np.ndarray) -> np.ndarray:
    return np.concatenate([given[:2] - given[2:] / 2, given[2:]])


def _from_corners(given: np.ndarray) -> np.ndarray:
    return np.concatenate([given[:2], np.maximum(given[2:] - given[:2], 0)])


def _overlap(given: np.ndarray, places: np.ndarray) -> float:
    """Intersection over union of a box and the one around the joints."""
    low, high = places.min(0) - 0.5, places.max(0) + 0.5
    shared = np.minimum(high, given[:2] + given[2:]) - np.maximum(low, given[:2])
    common = float(np.prod(np.maximum(shared, 0)))
    whole = float(np.prod(high - low) + np.prod(given[2:])) - common
    return common / whole


def _of_centres(file: str, given: np.ndarray, own: float, other: float):
    return AnnotationError(
        "the boxes seem to be the centre's x, y, width, height: so they overlap the "
        f"joints' by {other:.2f} on average, as x, y, width, height by {own:.2f}",
        where=file,
        field="annotations, bbox",
        value=given.tolist(),
        fix="Subtract half of the sides from x and y.",
    )
