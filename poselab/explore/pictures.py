"""What explorers draw on: Pillow images for photographs, a kept figure for charts."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from poselab.draw import few_colours

_STILL = 720  # px; a saved notebook has room for pictures of this width


def png(image: Image.Image, width: int = _STILL) -> bytes:
    """A picture as a small PNG: at most `width` px wide and 256 colours."""
    image = image.convert("RGB")
    if image.width > width:
        size = (width, max(1, round(image.height * width / image.width)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    few_colours(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def beside(*images: Image.Image, gap: int = 8) -> Image.Image:
    """Pictures in a row on white, aligned at the top, `gap` px apart."""
    width = sum(i.width for i in images) + gap * (len(images) - 1)
    row = Image.new("RGB", (width, max(i.height for i in images)), "white")
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + gap
    return row


class Chart:
    """A Matplotlib figure that is kept: change its artists, then ask for `.image()`.

    `width` and `height` in px; further arguments go to `Figure.subplots`. No pyplot,
    so it may be drawn in any thread and is never shown by itself. The layout is
    computed for the first image only; set limits and labels before. Ticks and what
    lies under them take most of the time: they are drawn again only after a change.
    """

    def __init__(self, width: int = 480, height: int = 320, **subplots: Any) -> None:
        dpi = 100
        size = (width / dpi, height / dpi)
        self.figure = Figure(figsize=size, dpi=dpi, layout="constrained")
        self._canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.subplots(**subplots)
        self._ground: Any = None

    def image(self) -> Image.Image:
        """The figure as a picture."""
        above = [artist for axes in self.figure.axes for artist in _above_ticks(axes)]
        for artist in above:
            artist.set_animated(True)  # whose changes do not make the figure stale
        if self._ground is None or self.figure.stale:
            self._canvas.draw()
            self.figure.set_layout_engine("none")
            self._ground = self._canvas.copy_from_bbox(self.figure.bbox)
        self._canvas.restore_region(self._ground)
        for artist in above:
            artist.draw(self._canvas.get_renderer())
        self.figure.stale = False
        return Image.fromarray(np.asarray(self._canvas.buffer_rgba())).convert("RGB")


def _above_ticks(axes: Any) -> list[Any]:
    """Lines, texts, legend: what is drawn after the ticks, in its order."""
    ticks = axes.xaxis.get_zorder()
    above = [a for a in axes.get_children() if a.zorder > ticks and a is not axes.patch]
    return sorted(above, key=lambda artist: artist.zorder)
