"""The camera of the learner's computer, where the browser gives it to a page.

One anywidget with its own short script (`camera.js`). The picture goes to the kernel
and nowhere else. Where anywidget is missing, `Camera` is None.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import traitlets

__all__: list[str] = []

try:
    import anywidget
except ImportError:  # a course server without it still has the upload
    anywidget = None

if anywidget is None:
    Camera = None
else:

    class Camera(anywidget.AnyWidget):
        """A button that opens the camera, and then takes pictures with it.

        `on_shot` is called with the bytes of each picture, a JPEG. What a browser says
        that refuses the camera stands beside the button.
        """

        _esm = Path(__file__).with_name("camera.js")

        state = traitlets.Unicode("closed").tag(sync=True)

        def __init__(self, on_shot: Callable[[bytes], None], **traits: Any) -> None:
            super().__init__(**traits)
            self._on_shot = on_shot
            self.on_msg(self._receive)

        def _receive(self, _: Any, content: Any, buffers: Any) -> None:
            if isinstance(content, dict) and content.get("kind") == "shot" and buffers:
                self._on_shot(bytes(buffers[0]))
