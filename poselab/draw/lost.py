"""Where AP is lost, as steps up to 1, beside what noise on the truth costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poselab.draw.figures import style, title
from poselab.draw.styles import SERIES

REST = "joints of others, sides"


def ap_steps(ax: Any, steps: Mapping[str, float], text: str | None = None) -> dict:
    """One bar for each repair, from the AP before it to the AP after it.

    `steps` are those of `poselab.evaluate.lost.where_ap_is_lost`. Returns what each
    step gains, for the cell to print; the last is what no repair has reached.
    """
    names, values = list(steps), list(steps.values())
    starts, ends = [0.0, *values], [*values, 1.0]
    gains = {
        name: b - a for name, a, b in zip([*names, REST], starts, ends, strict=True)
    }
    with style():
        for place, (name, low) in enumerate(zip(gains, starts, strict=True)):
            colour = SERIES[place % len(SERIES)]
            ax.barh(place, gains[name], left=low, color=colour)
            ax.text(low + gains[name] + 0.01, place, f"{gains[name]:+.2f}", va="center")
        ax.set_yticks(range(len(gains)), [*names, REST])
        ax.invert_yaxis()
        ax.set_xlim(0, 1.1)
        ax.set_xlabel("AP")
    if text:
        title(ax, text)
    return gains


def ap_of_noise(
    ax: Any,
    curve: Mapping[float, float],
    systems: Mapping[str, float] | None = None,
    text: str | None = None,
) -> None:
    """AP over the noise in px, and the AP of systems as lines across.

    `curve` is that of `poselab.evaluate.lost.noise_curve`.
    """
    with style():
        ax.plot(list(curve), list(curve.values()), "o-", color=SERIES[0])
        for place, (name, value) in enumerate((systems or {}).items()):
            colour = SERIES[(place + 1) % len(SERIES)]
            ax.axhline(value, color=colour, linestyle="--")
            ax.text(min(curve), value + 0.01, name, color=colour)  # below the curve
        ax.set_ylim(0, 1)
        ax.set_xlabel("noise on every joint of the truth, px")
        ax.set_ylabel("AP")
    if text:
        title(ax, text)
