"""The joint canvas: joints over a picture that follow mouse, touch and arrow keys.

One anywidget with its own short script (`canvas.js`). The dot moves in the browser at
once; coordinates come to Python as JSON lists, at most once per frame. Where anywidget
is missing, `JointCanvas` is None and explorers show sliders and a painted picture.
"""

from __future__ import annotations

from pathlib import Path

import traitlets
from PIL import Image

from poselab.draw import to_bytes
from poselab.skeleton import Skeleton

__all__ = ["JointCanvas"]

try:
    import anywidget
except ImportError:  # a course server without it still has the sliders
    anywidget = None

if anywidget is None:
    JointCanvas = None
else:

    class JointCanvas(anywidget.AnyWidget):
        """Joints of one person over an image.

        `points` [J][x, y] px (the centre of the first pixel is 0), `visibility` [J]
        (0 not labelled: not drawn, 1 hidden: hollow, 2 visible: filled) and `selected`,
        the joint that the arrow keys move, change when a learner acts. `size` (H, W)
        px, `width` CSS px on the screen, `step` px of the grid that a drag snaps to,
        `label` what a screen reader says.

        What the browser did comes as a numbered `edit`; `heard` goes back with the
        state. So the browser can tell Python's own changes from answers to edits that
        newer ones have overtaken.
        """

        _esm = Path(__file__).with_name("canvas.js")

        image = traitlets.Bytes().tag(sync=True)
        size = traitlets.List(traitlets.Int()).tag(sync=True)
        points = traitlets.List().tag(sync=True)
        visibility = traitlets.List(traitlets.Int()).tag(sync=True)
        selected = traitlets.Int(0).tag(sync=True)
        edit = traitlets.Dict().tag(sync=True)
        heard = traitlets.Int(0).tag(sync=True)
        names = traitlets.List(traitlets.Unicode()).tag(sync=True)
        sides = traitlets.List(traitlets.Unicode()).tag(sync=True)
        limbs = traitlets.List().tag(sync=True)
        label = traitlets.Unicode("Joint canvas").tag(sync=True)
        width = traitlets.Int(480).tag(sync=True)
        step = traitlets.Float(0.1).tag(sync=True)

        @traitlets.observe("edit")
        def _follow(self, change) -> None:
            with self.hold_sync(), self.hold_trait_notifications():
                self.heard = change["new"]["number"]
                for name in ("points", "visibility", "selected"):
                    setattr(self, name, change["new"][name])

        @classmethod
        def over(cls, image: Image.Image, skeleton: Skeleton, **state) -> JointCanvas:
            """A canvas for a picture and a skeleton; `state` sets the other traits."""
            return cls(
                image=to_bytes(image.convert("RGB")),
                size=[image.height, image.width],
                names=list(skeleton.joints),
                sides=list(skeleton.sides),
                limbs=[list(limb) for limb in skeleton.limbs],
                **state,
            )
