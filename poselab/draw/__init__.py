"""Pictures of people: Pillow painters for explorers, matplotlib helpers for figures.

A picture can be read without colour vision: left is orange and square, right is blue
and round, the middle of the body is black and diamond-shaped. A visible joint (v = 2)
is filled, a labelled but hidden one (v = 1) is hollow, an unlabelled one (v = 0) is not
drawn. ``paint.py`` holds the painters, ``figures.py`` the figures, ``style.py`` the
colours.
"""

from poselab.draw.charts import decisions
from poselab.draw.figures import (
    box,
    curve,
    figure,
    label,
    mask,
    picture,
    pose,
    show,
    side_legend,
    style,
    title,
)
from poselab.draw.lost import ap_of_noise, ap_steps
from poselab.draw.paint import (
    few_colours,
    font,
    grid,
    paint_arrows,
    paint_box,
    paint_ignore,
    paint_mask,
    paint_pose,
    paint_sample,
    paint_text,
    sheet,
    to_bytes,
    to_pil,
)
from poselab.draw.ranges import arms, values_of
from poselab.draw.styles import (
    BOX,
    LEFT,
    MASK,
    MIDDLE,
    NO_ANSWER,
    PREDICTION,
    RIGHT,
    RIGHT_ANSWER,
    SERIES,
    SIDE_COLOURS,
    SIDE_MARKS,
    STYLE,
    TRUTH,
    WRONG_ANSWER,
)

__all__ = [
    "ap_of_noise",
    "ap_steps",
    "arms",
    "BOX",
    "LEFT",
    "MASK",
    "MIDDLE",
    "NO_ANSWER",
    "PREDICTION",
    "RIGHT",
    "RIGHT_ANSWER",
    "SERIES",
    "SIDE_COLOURS",
    "SIDE_MARKS",
    "STYLE",
    "TRUTH",
    "WRONG_ANSWER",
    "box",
    "curve",
    "decisions",
    "few_colours",
    "figure",
    "font",
    "grid",
    "label",
    "mask",
    "paint_arrows",
    "paint_box",
    "paint_ignore",
    "paint_mask",
    "paint_pose",
    "paint_sample",
    "paint_text",
    "picture",
    "pose",
    "sheet",
    "show",
    "side_legend",
    "style",
    "title",
    "to_bytes",
    "to_pil",
    "values_of",
]
