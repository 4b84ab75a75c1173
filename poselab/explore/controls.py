"""The controls of an explorer: made, checked and tried in one way.

Three kinds are enough: a slider for a number, a choice among options, a toggle. All
of them tell Python about every step of a drag, and say what they do (`help`) when the
mouse rests on them.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sized
from typing import Any

import ipywidgets as widgets

from poselab.errors import ArgumentError
from poselab.skeleton import Skeleton

_STYLE = {"description_width": "7.5em"}
_LONG = 100  # steps from which on an arrow key moves a slider by five (`stage.js`)


def slider(
    label: str,
    low: float,
    high: float,
    value: float,
    step: float = 1,
    help: str | None = None,
) -> widgets.Widget:
    """A slider; of whole numbers if all four numbers are whole, else of floats."""
    whole = all(isinstance(v, int) for v in (low, high, value, step))
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    places = {} if whole else {"readout_format": _format(step)}
    made = kind(
        value=value,
        min=low,
        max=high,
        step=step,
        description=label,
        continuous_update=True,
        style=dict(_STYLE),
        **places,
        **_tooltip(kind, help or f"{label}: {low:g} to {high:g}, in steps of {step:g}"),
        layout=widgets.Layout(width="98%"),
    )
    if (high - low) / step > _LONG:
        made.add_class("poselab-long")
    return made


def _tooltip(kind: type[widgets.Widget], text: str) -> dict[str, str]:
    """The words under the mouse, by the name that this version of ipywidgets has."""
    new = "tooltip" in kind.class_trait_names()
    return {"tooltip" if new else "description_tooltip": text}


def choice(
    label: str, options: Iterable[Any], value: Any = None, help: str | None = None
) -> widgets.Dropdown:
    """A menu of options: values, or (text, value) pairs; the first unless `value`."""
    options = [o if _is_pair(o) else (str(o), o) for o in options]
    start = options[0][1] if value is None else value
    return widgets.Dropdown(
        options=options,
        value=start,
        description=label,
        style=dict(_STYLE),
        **_tooltip(widgets.Dropdown, help or f"{label}: one of {len(options)}"),
        layout=widgets.Layout(width="98%"),
    )


def image_slider(samples: Sized, label: str = "image") -> widgets.IntSlider:
    """Which of the samples is shown."""
    return slider(label, 0, len(samples) - 1, 0)


def joint_menu(
    skeleton: Skeleton, first: str = "left_wrist", label: str = "joint"
) -> widgets.Dropdown:
    """A menu of the skeleton's joints; where `first` is missing, from the last one."""
    names = [(name.replace("_", " "), name) for name in skeleton.joints]
    return choice(label, names, first if first in skeleton.joints else names[-1][1])


def toggle(
    label: str, value: bool = False, help: str | None = None
) -> widgets.Checkbox:
    """A check box."""
    return widgets.Checkbox(
        value=value,
        description=label,
        indent=False,
        **_tooltip(widgets.Checkbox, help or f"{label}: on or off"),
        layout=widgets.Layout(width="auto"),
    )


def button(label: str, help: str) -> widgets.Button:
    """A button; what it does is told with `on_click`."""
    return widgets.Button(description=label, tooltip=help)


def trial_values(control: widgets.Widget, high: float | None = None) -> list[Any]:
    """What a sweep tries: both ends and the middle, all options, off and on.

    `high` replaces a slider's own highest value.
    """
    if isinstance(control, widgets.Dropdown):
        return [value for _, value in control.options]
    if isinstance(control, widgets.Checkbox):
        return [False, True]
    high = control.max if high is None else high
    steps = round((high - control.min) / control.step)
    return [control.min, control.min + steps // 2 * control.step, high]


def read(control: widgets.Widget) -> Any:
    """The value of a control, without the last digits that a browser adds to it.

    A float slider that is shown sends its value back through its own arithmetic: 0.3
    comes back as 0.30000000000000004, and without a hand on it.
    """
    value = control.value
    return round(value, 9) if isinstance(value, float) else value


def check(
    control: widgets.Widget,
    name: str,
    value: Any,
    where: str,
    high: float | None = None,
) -> None:
    """Raise an `ArgumentError` that says what `control` takes unless it takes it.

    `high` replaces a slider's own highest value.
    """
    if isinstance(control, widgets.Dropdown):
        options = trial_values(control)
        good, takes = value in options, ", ".join(map(repr, options))
    elif isinstance(control, widgets.Checkbox):
        good, takes = isinstance(value, bool), "True or False"
    else:
        whole = isinstance(control, widgets.IntSlider)
        kind = numbers.Integral if whole else numbers.Real
        good = isinstance(value, kind) and not isinstance(value, bool)
        high = control.max if high is None else high
        good = good and math.isfinite(value) and control.min <= value <= high
        number = "a whole number" if whole else "a number"
        takes = f"{number} from {control.min:g} to {high:g}"
    if not good:
        raise ArgumentError(
            "the control does not take this value",
            where=where,
            field=name,
            value=value,
            fix=f"Give {takes}.",
        )


def _is_pair(option: Any) -> bool:
    return isinstance(option, tuple) and len(option) == 2


def _format(step: float) -> str:
    places = max(0, math.ceil(-math.log10(step) - 1e-9))
    return f".{places}f"
