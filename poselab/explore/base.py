"""Explorer: sliders over one picture that is redrawn in place.

The pattern of every explorer::

    class MyExplorer(Explorer):
        def __init__(self, network, samples, *, width=700, **values):
            self.network = expect(network, Net, "network").eval()   # inputs.py
            self.samples = single_people(samples)
            controls = {                                            # controls.py
                "image": image_slider(samples),
                "person": slider("person", 0, 7, 0),
                "noise": slider("noise", 0.0, 0.5, 0.0, 0.01, help="added to the map"),
            }
            bounds = {"person": lambda image, **_: self.count(image) - 1}
            super().__init__(self._paint, controls, bounds=bounds, values=values,
                             groups={"Input": ("image", "person")}, width=width)

        @remembered                                                 # inputs.py
        def answer(self, image): ...                # a forward pass, kept

        def _paint(self, image, person, noise):
            ...                                     # draw/paint.py, draw/overlay.py
            return legend(picture, {"truth": (TRUTH, "ring")}), caption

The truth stands beside the answer, each person has a colour, a legend names the marks,
the caption gives the numbers that the notebook's questions ask for. A button sets all
controls back. An explorer with a state beside its controls (joints on a canvas) says in
`_begin_again` how that begins.

A drag must be answered within a frame or two. So an explorer is core ipywidgets over
one `Image` whose bytes are replaced: no figure is built, no output area cleared, no
layout recomputed. Photographs are painted with Pillow, charts on a kept figure (see
`poselab.explore.pictures`). An event that waited behind a drawing is not drawn at once
but a moment later together with those behind it, so a slow picture never lags.
How it appears in a saved notebook: `poselab.explore.stage`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
from PIL import Image

from poselab.draw import to_bytes
from poselab.draw.captions import paragraph, sentences
from poselab.errors import ArgumentError
from poselab.explore.controls import button, check, read, trial_values
from poselab.explore.layout import arrange
from poselab.explore.stage import outputs
from poselab.system.threads import threads

__all__ = ["Explorer"]

# An event this soon after a drawing was already waiting while we drew: others may wait
# behind it, so the next drawing starts after them. Both in seconds.
_WAITED, _MOMENT = 0.008, 0.004
# One picture at a time, whoever asks: JupyterLab handles widgets in another thread.
_LOCK = threading.RLock()


class Explorer:
    """A picture and a caption that follow their controls.

    `draw(**values)` gets the value of every control and returns (PIL image, caption);
    `controls` are widgets by name, made by `poselab.explore.controls`; `groups` puts
    names under headings; `values` are first values that differ from the controls' own;
    `bounds` gives for a slider's name a function of all `**values` that returns its
    highest value now (how many people the image holds, less one); `needs` names for a
    control another one without which it does nothing (it is grey while that is 0);
    `width` is the largest width of the picture in CSS pixels (raise it for a
    projector); `canvas` stands at the left in place of the controls. Whatever `draw`
    raises for the first values, the constructor raises.
    """

    def __init__(
        self,
        draw: Callable[..., tuple[Image.Image, str]],
        controls: Mapping[str, widgets.Widget],
        *,
        groups: Mapping[str, tuple[str, ...]] | None = None,
        values: Mapping[str, Any] | None = None,
        bounds: Mapping[str, Callable[..., float]] | None = None,
        needs: Mapping[str, str] | None = None,
        width: int = 560,
        canvas: widgets.Widget | None = None,
    ) -> None:
        self._draw, self.controls = draw, dict(controls)
        self._bounds, self._needs = dict(bounds or {}), dict(needs or {})
        self._held, self._stale, self._drawn_at = 0, True, 0.0
        self._error: Exception | None = None
        self._stages: list = []  # what keeps the shown ones alive
        limit = widgets.Layout(width="100%", max_width=f"{width}px")
        self.picture = widgets.Image(format="jpeg", layout=limit)
        self.picture.add_class("poselab-picture")
        self._text, self._alarm = widgets.HTML(), widgets.HTML()
        self._reset = button("Reset", "All controls as they were at the start")
        groups = groups or {"": tuple(self.controls)}
        shown = [self.picture, self._text, self._alarm]
        self.widget = arrange(self.controls, groups, shown, width, canvas, self._reset)
        self._assign(values or {})
        self._at_start = self.values
        self._refresh()
        self._raise()
        self._first = (self._still(), self._caption)
        for control in self.controls.values():
            control.observe(self._changed, "value")
        self._reset.on_click(lambda _: self.reset())

    # --- what a learner uses ---------------------------------------------------------

    @property
    def values(self) -> dict[str, Any]:
        """The present value of every control."""
        return {name: read(control) for name, control in self.controls.items()}

    @property
    def caption(self) -> str:
        """The text of the first state with its numbers; it never changes."""
        return self._first[1]

    @property
    def live_caption(self) -> str:
        """The text under the picture as it is now."""
        self._refresh()
        return self._caption

    @property
    def image_bytes(self) -> bytes:
        """The picture as it is now, a JPEG; raises what its drawing raised."""
        self._refresh()
        self._raise()
        return bytes(self.picture.value)

    def set(self, **values: Any) -> Explorer:
        """Move controls, redraw once and return the explorer.

        Raises `ArgumentError` for an unknown name or a value outside a control's range
        (then nothing has moved), and whatever the drawing raises.
        """
        with _LOCK:
            self._assign(values)
            self.redraw()
        return self

    def reset(self) -> Explorer:
        """Everything as it was at the start; returns the explorer."""
        with _LOCK:
            with self._hold():
                self._assign(self._at_start)
                self._begin_again()
            self.redraw()
        return self

    def redraw(self) -> None:
        """Draw the present values; raises whatever the drawing raises."""
        with _LOCK:
            self._stale = True
            self._refresh()
            self._raise()

    def sweep(self) -> dict[str, int]:
        """Drive every control over its ends and its middle (choices: over all).

        Returns how many different pictures each control gave, from the first values of
        the others, and raises the first error of a drawing. The values come back.
        """
        before, seen = self.values, {}
        for name, control in self.controls.items():
            try:
                pictures = {
                    self.set(**{name: value}).image_bytes
                    for value in trial_values(control, self._most(name, before))
                }
                seen[name] = len(pictures)
            finally:
                self.set(**before)
        return seen

    # --- how it works ----------------------------------------------------------------

    def _assign(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name not in self.controls:
                raise ArgumentError(
                    "the explorer has no such control",
                    where=type(self).__name__,
                    field=name,
                    value=value,
                    fix=f"Known: {', '.join(self.controls)}.",
                )
            high = self._most(name, {**self.values, **values})
            check(self.controls[name], name, value, type(self).__name__, high)
        with self._hold():
            for name, control in self.controls.items():  # their order, not the call's
                self._bound(name)
                if name in values:
                    control.value = values[name]
        self._grey()

    def _most(self, name: str, values: Mapping[str, Any]) -> float | None:
        """The highest value of a bounded slider for these values of all controls."""
        return self._bounds[name](**values) if name in self._bounds else None

    def _bound(self, name: str) -> None:
        if name not in self._bounds:
            return
        most, control = self._bounds[name](**self.values), self.controls[name]
        control.value = min(control.value, most)
        control.disabled = most <= control.min
        # A browser refuses a slider whose ends are equal.
        control.max = max(most, control.min + control.step)

    def _grey(self) -> None:
        for name, other in self._needs.items():
            self.controls[name].disabled = not self.controls[other].value

    def _begin_again(self) -> None:
        """What else a reset sets back, after the controls."""

    @contextmanager
    def _hold(self) -> Iterator[None]:
        """Controls that move in this block cause no drawing."""
        with _LOCK:
            self._held += 1
            try:
                yield
            finally:
                self._held -= 1

    def _changed(self, change: Any) -> None:
        with _LOCK:
            with self._hold():
                for name in self._bounds:
                    self._bound(name)
            self._grey()
            if not self._held and self.values != self._drawn:
                self._request()

    def _request(self) -> None:
        """Draw now, or together with the events that wait behind this one."""
        with _LOCK:
            self._stale = True
            loop = _running_loop()
            if loop and time.perf_counter() - self._drawn_at < _WAITED:
                loop.call_later(_MOMENT, self._refresh)
            else:
                self._refresh()

    def _refresh(self) -> None:
        """Draw if anything changed since the last drawing; show an error, keep it."""
        with _LOCK:
            if not self._stale:
                return
            self._stale, self._error, self._drawn = False, None, self.values
            try:
                # Small networks and pictures are slower on several threads: on two busy
                # cores a forward pass of notebook 01 took 185 ms on two, 8 ms on one.
                with threads(1):
                    self._image, words = self._draw(**self._drawn)
                    self._caption = sentences(words)
                    self.picture.value = to_bytes(self._image)
                self._text.value = paragraph(self._caption)
                self._alarm.value = ""
            except Exception as error:  # shown here; set, sweep and redraw raise it
                self._error = error
                text = f"{type(error).__name__}: {error}"
                self._alarm.value = paragraph(text, "color:#B00020; font-weight:600")
            self._drawn_at = time.perf_counter()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _still(self) -> Image.Image:
        """The picture that stands for the explorer where nothing is live."""
        return self._image

    def _ipython_display_(self) -> None:
        """The first state and its caption; live where a kernel runs (see `stage`)."""
        from IPython.display import display

        shown, stage = outputs(self.widget, *self._first)
        self._stages.append(stage)
        for data, metadata in shown:
            display(data, raw=True, metadata=metadata)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
