"""A view of people in three dimensions that a learner turns with mouse and keys.

One anywidget with its own short script (`scene3d.js`); `draw.scene3d` makes its shapes
and paints the same view where nothing is live. Without anywidget `Scene3d` is None, and
explorers show that picture.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import traitlets

from poselab.draw.scene3d import BIRD, CAMERA, SIDE, Shape, View

try:
    import anywidget
except ImportError:  # a course server without it still has the pictures
    anywidget = None

if anywidget is None:
    Scene3d = None
else:

    class Scene3d(anywidget.AnyWidget):
        """`shapes` of `draw.scene3d`, `labels` ("text", "at"), seen from `view`.

        `view` has the fields of `View` and changes when a learner turns it; `views` are
        buttons ("name", "view"). `width` CSS px, `aspect` height over width, `label`
        what a screen reader says.
        """

        _esm = Path(__file__).with_name("scene3d.js")

        shapes = traitlets.List().tag(sync=True)
        labels = traitlets.List().tag(sync=True)
        view = traitlets.Dict().tag(sync=True)
        views = traitlets.List().tag(sync=True)
        label = traitlets.Unicode("People in three dimensions").tag(sync=True)
        width = traitlets.Int(560).tag(sync=True)
        aspect = traitlets.Float(0.7).tag(sync=True)

        @classmethod
        def of(cls, shapes: list[Shape], view: View | None = None, **state) -> Scene3d:
            """A live view of shapes; `state` sets the other traits."""
            first = asdict(view or View())
            first["target"] = list(first["target"])
            views = [
                {"name": name, "view": change}
                for name, change in (
                    ("as the camera", CAMERA),
                    ("from the side", SIDE),
                    ("bird's eye", BIRD),
                    ("reset", first),
                )
            ]
            return cls(shapes=shapes, view=first, views=views, **state)
