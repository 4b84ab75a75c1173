"""The explorer of the toy chapter: a picture, brighter or darker."""

from __future__ import annotations

from PIL import Image

from poselab.draw import to_pil
from poselab.explore.base import Explorer
from poselab.explore.controls import image_slider, slider
from poselab.records import Sample

__all__ = ["ToyExplorer"]


class ToyExplorer(Explorer):
    """The pictures of `samples` (stacked), `gain` times as bright."""

    def __init__(self, samples: Sample, **values) -> None:
        self.samples = samples
        controls = {
            "image": image_slider(samples),
            "gain": slider("gain", 0.2, 1.0, 1.0, 0.1),
        }
        super().__init__(self._paint, controls, values=values)

    def _paint(self, image: int, gain: float) -> tuple[Image.Image, str]:
        picture = to_pil(self.samples.image[image] * gain, 2)
        return picture, f"Image {image}, {gain:.1f} times as bright."
