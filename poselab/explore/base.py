"""Explorer: sliders over one picture that is redrawn in place.

A drag must be answered within a frame or two. So an explorer is core ipywidgets over
one `Image` whose bytes are replaced: no figure is built, no output area cleared, no
layout recomputed. Photographs are painted with Pillow, charts on a kept figure (see
`poselab.explore.pictures`). An event that waited behind a drawing is not drawn at once
but a moment later together with those behind it, so a slow picture never lags.
"""

from __future__ import annotations

import asyncio
import base64
import html
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import torch
from PIL import Image

from poselab.draw import to_bytes
from poselab.errors import ArgumentError
from poselab.explore.controls import check, read, trial_values
from poselab.explore.pictures import png

__all__ = ["Explorer"]

# An event this soon after a drawing was already waiting while we drew: others may wait
# behind it, so the next drawing starts after them. Both in seconds.
_WAITED, _MOMENT = 0.008, 0.004
# One picture at a time, whoever asks: JupyterLab handles widgets in another thread.
_LOCK = threading.RLock()
_LIVE = "application/vnd.jupyter.widget-view+json"
_CSS = "line-height:1.35; font-size:14px; max-width:60em"


class Explorer:
    """A picture and a caption that follow their controls.

    `draw(**values)` gets the value of every control and returns (PIL image, caption);
    `controls` are widgets by name, made by `poselab.explore.controls`; `groups` puts
    names under headings; `values` are first values that differ from the controls' own;
    `width` is the largest width of the picture in CSS pixels (raise it for a
    projector). Whatever `draw` raises for the first values, the constructor raises.
    """

    def __init__(
        self,
        draw: Callable[..., tuple[Image.Image, str]],
        controls: Mapping[str, widgets.Widget],
        *,
        groups: Mapping[str, tuple[str, ...]] | None = None,
        values: Mapping[str, Any] | None = None,
        width: int = 560,
        canvas: widgets.Widget | None = None,
    ) -> None:
        self._draw, self.controls = draw, dict(controls)
        self._held, self._stale, self._drawn_at = 0, True, 0.0
        self._error: Exception | None = None
        limit = widgets.Layout(width="100%", max_width=f"{width}px", object_fit="fill")
        self.picture = widgets.Image(format="jpeg", layout=limit)
        self._text, self._alarm = widgets.HTML(), widgets.HTML()
        self.widget = self._arrange(groups or {"": tuple(self.controls)}, width, canvas)
        self._assign(values or {})
        self._refresh()
        self._raise()
        self._first = (self._still(), self._caption)
        for control in self.controls.values():
            control.observe(self._changed, "value")

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
                    for value in trial_values(control)
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
            check(self.controls[name], name, value, where=type(self).__name__)
        with self._hold():
            for name, control in self.controls.items():  # their order, not the call's
                if name in values:
                    control.value = values[name]

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
                with _one_thread():
                    self._image, self._caption = self._draw(**self._drawn)
                    self.picture.value = to_bytes(self._image)
                self._text.value = _paragraph(self._caption)
                self._alarm.value = ""
            except Exception as error:  # shown here; set, sweep and redraw raise it
                self._error = error
                text = f"{type(error).__name__}: {error}"
                self._alarm.value = _paragraph(text, "color:#B00020; font-weight:600")
            self._drawn_at = time.perf_counter()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _still(self) -> Image.Image:
        """The picture that stands for the explorer where nothing is live."""
        return self._image

    def _arrange(self, groups, width, canvas) -> widgets.Widget:
        rows = []
        for title, names in groups.items():
            if title:
                rows.append(widgets.HTML(f"<b>{html.escape(title)}</b>"))
            rows.extend(_rows([self.controls[name] for name in names]))
        column = widgets.Layout(flex="1 1 270px", min_width="260px", max_width="400px")
        room = widgets.Layout(flex="2 1 320px", max_width=f"{width + 16}px")
        shown = [self.picture, self._text, self._alarm]
        if canvas is None:
            left, right = widgets.VBox(rows), widgets.VBox(shown)
            left.layout, right.layout = column, room
        else:
            left, right = canvas, widgets.VBox([*rows, *shown], layout=column)
        row = widgets.Layout(
            flex_flow="row wrap", align_items="flex-start", width="100%"
        )
        return widgets.Box([left, right], layout=row)

    def _repr_mimebundle_(self, include=None, exclude=None, **kwargs) -> tuple:
        """The live widget, and for readers without a kernel the first state."""
        image, caption = self._first
        model = {"version_major": 2, "version_minor": 0}
        data = {
            _LIVE: {**model, "model_id": self.widget.model_id},
            "image/png": base64.b64encode(png(image)).decode("ascii"),
            "text/plain": caption,
        }
        return data, {"image/png": {"alt": caption}}


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small networks and pictures are slower on several threads: on two busy cores a
    forward pass of notebook 01's cascade took 185 ms on two threads and 8 ms on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _paragraph(text: str, css: str = "") -> str:
    return f'<div style="{_CSS}; {css}">{html.escape(text)}</div>'


def _rows(controls: list[widgets.Widget]) -> list[widgets.Widget]:
    """Controls one under another, but check boxes next to each other."""
    boxes = [c for c in controls if isinstance(c, widgets.Checkbox)]
    rows = [c for c in controls if not isinstance(c, widgets.Checkbox)]
    if boxes:
        rows.append(widgets.Box(boxes, layout=widgets.Layout(flex_flow="row wrap")))
    return rows
