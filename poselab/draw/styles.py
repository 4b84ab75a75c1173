"""The course's colours and sizes, and arrays from whatever a caller holds.

The colours are Okabe and Ito's ("Color universal design", 2008), which stay apart for
colour-blind viewers; no picture relies on colour alone.
"""

from __future__ import annotations

import numpy as np

from poselab.skeleton import COLOURS as SIDE_COLOURS

LEFT, RIGHT, MIDDLE = (SIDE_COLOURS[side] for side in ("left", "right", "middle"))
SIDE_MARKS = {"left": "s", "right": "o", "middle": "D"}  # matplotlib's marker names
TRUTH, PREDICTION, BOX = "#009E73", "#CC79A7", "#F0E442"
MASK = "#56B4E9"
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
RIGHT_ANSWER, WRONG_ANSWER, NO_ANSWER = "#00704F", "#B23A00", "#8A6100"

# Lecture size: a 10 inch wide figure that fills a projector is read from the back row.
STYLE = {
    "font.size": 16,
    "axes.titlesize": 18,
    "axes.labelsize": 16,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 14,
    "ytick.labelsize": 14,
    "legend.fontsize": 14,
    "legend.frameon": False,
    "lines.linewidth": 3,
    "lines.markersize": 8,
    "axes.linewidth": 1.2,
    "grid.alpha": 0.3,
    "figure.dpi": 100,
}

# The joints of a face lie so close together that full-size marks would cover it.
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")


def mark_sizes(skeleton) -> list[float]:
    """The size of each joint's mark as a factor: smaller in the face."""
    return [0.65 if joint in _FACE else 1.0 for joint in skeleton.joints]


def array(x, dtype=float) -> np.ndarray:
    """A tensor (any device), array or nested list as a numpy array."""
    return np.asarray(x.detach().cpu() if hasattr(x, "detach") else x, dtype=dtype)


def rows(x, *shape: int) -> np.ndarray:
    """x as [P, *shape], whether it came for one person or for P."""
    x = array(x)
    return x.reshape(-1, *shape) if x.size else np.zeros((0, *shape))


# --- what both stacks of painters ask of their arguments -----------------------------


def limb_side(skeleton, a: int, b: int) -> str:
    """The side of the limb between two joints; "middle" where they differ."""
    same = skeleton.sides[a] == skeleton.sides[b]
    return skeleton.sides[a] if same else "middle"


def people(keypoints, visibility, skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Points [P, J, 2] px and flags [P, J]; 0 where a point is no number.

    One person may come without the first axis; without flags all are visible.
    """
    points = rows(keypoints, len(skeleton), 2)
    flags = np.full(points.shape[:2], 2)
    if visibility is not None:
        flags = rows(visibility, len(skeleton)).astype(int)
    return points, np.where(np.isfinite(points).all(-1), flags, 0)


def drawn_boxes(boxes) -> np.ndarray:
    """The boxes [P, 4] or [4] xywh that have an area and a place."""
    boxes = rows(boxes, 4)
    return boxes[np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1)]


def union(masks) -> np.ndarray:
    """Where any of the masks [P, H, W] or [H, W] is, [H, W] bool."""
    inside = array(masks, bool)
    return inside.any(0) if inside.ndim == 3 else inside
