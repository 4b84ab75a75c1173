"""A view of people in three dimensions that a learner turns with mouse and keys.

One anywidget with its own short script (`scene3d.js`); `draw.scene3d` makes its shapes
and paints the same view where nothing is live. Without anywidget `Scene3d` is None, and
explorers show that picture.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from poselab.draw.scene3d import BIRD, CAMERA, SIDE, Shape, View
from poselab.errors import require

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
        what a screen reader says. One mesh may be among the shapes; it lies below the
        others, and its numbers go to the browser as bytes: `vertices` float32 [V, 3] m,
        `faces` uint32 [F, 3], `marked` uint8 [F], and its two colours `inks`.
        """

        _esm = Path(__file__).with_name("scene3d.js")

        shapes = traitlets.List().tag(sync=True)
        vertices = traitlets.Bytes().tag(sync=True)
        faces = traitlets.Bytes().tag(sync=True)
        marked = traitlets.Bytes().tag(sync=True)
        inks = traitlets.List().tag(sync=True)
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
            return cls(view=first, views=views, **_traits(shapes), **state)

        def show(self, shapes: list[Shape]) -> None:
            """Draw other shapes; what of a mesh stays is not sent again."""
            with self.hold_sync():
                for name, value in _traits(shapes).items():
                    setattr(self, name, value)


def _traits(shapes: list[Shape]) -> dict[str, Any]:
    """What the browser gets of shapes."""
    skins = [shape for shape in shapes if "faces" in shape]
    require(len(skins) <= 1, "has room for one mesh", where="Scene3d", value=len(skins))
    none = {"points": (), "faces": (), "marked": (), "inks": []}
    skin = skins[0] if skins else none
    return {
        "shapes": [shape for shape in shapes if "faces" not in shape],
        "vertices": np.asarray(skin["points"], "<f4").tobytes(),
        "faces": np.asarray(skin["faces"], "<u4").tobytes(),
        "marked": np.asarray(skin["marked"], "u1").tobytes(),
        "inks": skin["inks"],
    }
