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
from poselab.errors import require

BOX_TOLERANCE = 1.0  # px; published boxes are rounded
OVER = 0.1  # of the picture's longer side: how far a box may reach out of it
SMALLEST = 1.0  # px^2 and px: below it an area, a box or joints have no size
TINY = 1e-3  # px: a side that is no side, though above 0
ROUGH = 3  # labelled joints that are enough to compare with a box

# Reasons that refuse the file where they concern every labelled person, and what to do.
FATAL = {
    "have an area of 0": "Pass area='box' to take it from the box (in a "
    "command: coco:FOLDER,area=box).",
    "have a box of no size": "Pass boxes='joints' to take it from the joints (in "
    "a command: coco:FOLDER,boxes=joints).",
    "have joints within one pixel of the corner": "Are they shares of the picture, as "
    "YOLO has them? Multiply x by its width and y by its height.",
    "have a box smaller than a pixel": "Is it in shares of the picture, as YOLO has "
    "it? Multiply by width and height.",
    "have no joint near their box": "Boxes are x, y, width, height in pixels of the "
    "same picture as the joints.",
    "have joints with places but all flags 0 (not labelled)": "The third number of "
    "each joint must be 1 (hidden) or 2 (visible) where it is labelled.",
    "have no keypoints, read as not labelled": "Is it a file of boxes alone, as COCO's "
    "instances_*.json? Joints are in person_keypoints_*.json.",
    "have most joints outside the picture": "Were the pictures made smaller after they "
    "were labelled? Scale the joints with them.",
    "are marked as crowds though they have joints, and left out": "Set iscrowd to 0 "
    "for everybody who is one person.",
}
AREA, BOX, JOINT_SHARES, BOX_SHARES, APART, FLAGS, NOTHING, OUTSIDE, CROWD = FATAL
# What can be mended, or be so by accident, refuses a file from so many people on.
FEWEST = {AREA: 2, BOX: 2, APART: 3, OUTSIDE: 3, CROWD: 2}
DONE = {AREA: "now the box's", BOX: "now the joints'"}
ORIGIN = "have joints at (0, 0) or (-1, -1) with a flag above 0, read as not labelled"
COUNT = "have a num_keypoints that is not the number of flags above 0, which decide"
BORDER = "have a box a little over the border, cut off there"
LARGE = "have an area much larger than their box"
EMPTY = "have a mask without a pixel, read as none"
PILED = "have all joints at one place"
AWAY = "have a mask that does not touch their box"


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


def joints(
    record: Record, points: np.ndarray, size: tuple[int, int], notes: Notes
) -> np.ndarray:
    """x, y, flag [J, 3] of a person; several marked joints at (0, 0) are missing."""
    flags, x = points[:, 2] > 0, points[:, 0]
    nowhere = (x == points[:, 1]) & ((x == 0) | (x == -1))
    if not nowhere.all() and not flags.any():
        notes.add(FLAGS, record, "keypoints")
    lost = flags & nowhere
    if lost.sum() > 1 or lost.sum() == flags.sum() > 0:
        notes.add(ORIGIN, record, "keypoints")
        points = np.where(lost[:, None], 0, points)
    labelled = points[points[:, 2] > 0, :2]
    if len(labelled):
        _places(record, labelled, size, notes)
    return points


def _places(record: Record, labelled: np.ndarray, size: tuple[int, int], notes: Notes):
    """Note labelled joints [N, 2] that cannot be where they are."""
    limit = np.array(size[::-1])
    outside = ((labelled < -BOX_TOLERANCE) | (labelled > limit)).any(1)
    if np.abs(labelled).max() <= SMALLEST:
        notes.add(JOINT_SHARES, record, "keypoints")
    elif len(labelled) >= ROUGH and not np.ptp(labelled, axis=0).any():
        notes.add(PILED, record, "keypoints")
    elif outside.mean() > 0.5:
        notes.add(OUTSIDE, record, "keypoints")


def mask(record: Record, extent: np.ndarray, box: np.ndarray, notes: Notes) -> None:
    """Note a mask whose extent [4] xywh lies apart from a box that has a size."""
    low = np.maximum(extent[:2], box[:2])
    high = np.minimum(extent[:2] + extent[2:], box[:2] + box[2:])
    if box[2:].min() > 0 and (high + BOX_TOLERANCE < low).any():
        notes.add(AWAY, record, "segmentation")


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
