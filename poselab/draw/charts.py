"""A chart of boxes and arrows, for whoever has to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from poselab.draw.figures import style
from poselab.draw.styles import SERIES

_GAP = 0.075  # of the height, between the middle of a box and its edge


def decisions(
    ax,
    boxes: Mapping[str, tuple[float, float, str]],
    arrows: Iterable[tuple[str, str, str]],
) -> None:
    """Draw boxes {name: (x, y, text)}, x and y from 0 to 1, and arrows between them.

    Arrows are (from, to, word on it) and lead from the lower edge of one box to the
    upper edge of the other.
    """
    with style():
        for start, end, word in arrows:
            (x0, y0, _), (x1, y1, _) = boxes[start], boxes[end]
            bottom, top = (x0, y0 - _GAP), (x1, y1 + _GAP)
            look = {"arrowstyle": "->", "lw": 2, "color": "0.3"}
            ax.annotate("", top, bottom, arrowprops=look)
            middle = (x0 + x1) / 2, (bottom[1] + top[1]) / 2
            paper = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"}
            ax.text(*middle, word, ha="center", va="center", bbox=paper)
        frame = {"boxstyle": "round,pad=0.5", "fc": "#EAF2F8", "ec": SERIES[0], "lw": 2}
        for x, y, text in boxes.values():
            ax.text(x, y, text, ha="center", va="center", fontsize=14, bbox=frame)
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.set_axis_off()
