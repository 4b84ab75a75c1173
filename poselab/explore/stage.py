"""How an explorer appears in a notebook, now and when the notebook is opened again.

Two outputs: its picture, and its caption with a line that says how to get the sliders.
Both are plain, so any program shows them, with a kernel or without. Where a kernel
runs in Jupyter (Lab, Notebook, the classic one), `stage.js` puts the live explorer in
their place and hides them. Colab and VS Code keep every output in a frame of its own,
where that cannot work; there the first output is the widget, with the picture beside it
for when it is gone.
"""

from __future__ import annotations

import base64
import sys
import uuid
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets
from PIL import Image

from poselab.draw.captions import caption_bundle
from poselab.explore.pictures import png

try:
    import anywidget
except ImportError:  # a course server without it still has the sliders
    anywidget = None

HINT = "Run this cell (after the cells above that it needs) to get the sliders."
LIVE = "application/vnd.jupyter.widget-view+json"
# The class of the line that waits for a live explorer; saved without its last part.
CLASS = "poselab-explorer-here"

if anywidget is not None:

    class Stage(anywidget.AnyWidget):
        """The messenger to the browser: it shows `child` at the lines of `token`."""

        _esm = Path(__file__).with_name("stage.js")

        token = traitlets.Unicode().tag(sync=True)
        child = traitlets.Unicode().tag(sync=True)


def frames() -> bool:
    """Whether outputs are shown in frames of their own (Colab, VS Code)."""
    if "google.colab" in sys.modules:
        return True
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return bool(shell) and "__vsc_ipynb_file__" in shell.user_ns


def outputs(
    widget: widgets.Widget, still: Image.Image, caption: str
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], Any]:
    """The outputs, (data, metadata) each, and what must be kept for them to live."""
    picture = {
        "image/png": base64.b64encode(png(still)).decode("ascii"),
        "text/plain": caption,
    }
    words = {"image/png": {"alt": caption}}
    if anywidget is None or frames():
        live = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        below = [] if anywidget is not None else [(caption_bundle(caption), {})]
        return [({LIVE: live, **picture}, words), *below], None
    token = f"{CLASS}-{uuid.uuid4().hex}"
    stage = Stage(token=token, child=widget.model_id)
    return [(picture, words), (_line(caption, token), {})], stage


def _line(caption: str, token: str) -> dict[str, str]:
    bundle = caption_bundle(caption)
    hint = f'<div style="font-size:13px; opacity:.75"><i>{HINT}</i></div>'
    html = f'<div class="{token}">{bundle["text/html"]}{hint}</div>'
    return {**bundle, "text/html": html}
