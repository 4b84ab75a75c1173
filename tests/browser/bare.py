"""The view in three dimensions on a bare page: its script alone, without a kernel."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from poselab.explore import scene3d

SCRIPT = Path(scene3d.__file__).with_name("scene3d.js")
BYTES = ("vertices", "faces", "marked")
# A model as anywidget gives it: its bytes are views into a longer message.
SHOW = """async ([source, state]) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const heard = {};
  const bytes = (text) => {
    const all = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const message = new Uint8Array(all.length + 3);
    message.set(all, 3);
    return new DataView(message.buffer, 3);
  };
  const model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; heard[`change:${name}`]?.(); },
    on: (name, then) => { heard[name] = then; },
    off: (name) => { delete heard[name]; },
    save_changes: () => {},
  };
  window.change = async (parts) => {
    for (const name of ["vertices", "faces", "marked"]) {
      if (name in parts) parts[name] = bytes(parts[name]);
    }
    for (const [name, value] of Object.entries(parts)) model.set(name, value);
    const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
    await new Promise(painted);
  };
  for (const name of ["vertices", "faces", "marked"]) state[name] = bytes(state[name]);
  document.body.innerHTML = "<div id=here></div>";
  const { default: widget } = await import(url);
  window.close3d = widget.render({ model, el: document.getElementById("here") });
  await window.change({});
}"""
SHOT = "() => document.querySelector('canvas').toDataURL('image/png')"


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """A widget's state as JSON, its bytes in base 64."""
    return {
        name: base64.b64encode(value).decode() if name in BYTES else value
        for name, value in state.items()
    }


def show(page, widget) -> None:
    """Put a `Scene3d` on the page, without its kernel."""
    page.evaluate(SHOW, [SCRIPT.read_text(), plain(widget.get_state())])


def shot(page) -> np.ndarray:
    """What the canvas shows, [H, W, 3], on white."""
    text = page.evaluate(SHOT).split(",", 1)[1]
    picture = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA")
    page_ = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(page_, picture).convert("RGB"), dtype=int)
