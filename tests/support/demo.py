"""A small explorer for the tests: a dot on grey, with one control of each kind."""

from PIL import Image, ImageDraw

from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider, toggle


class Dot(Explorer):
    def __init__(self, **values):
        self.drawings = 0
        controls = {
            "x": slider("x", 0, 100, 50),
            "size": slider("size", 2.0, 12.0, 5.0, 0.5),
            "colour": choice("colour", ["red", "green", ("sky", "blue")]),
            "box": toggle("box", False),
            "fault": toggle("fault", False),
        }
        super().__init__(self.paint, controls, values=values)

    def paint(self, x, size, colour, box, fault):
        self.drawings += 1
        if fault and box:
            raise ZeroDivisionError("a box <b>and</b> a fault")
        image = Image.new("RGB", (120, 60), "grey")
        pen = ImageDraw.Draw(image)
        pen.ellipse([x, 20, x + 2 * size, 20 + 2 * size], fill=colour)
        if box:
            pen.rectangle([2, 2, 40, 10], outline="white")
        if fault:
            pen.line([0, 59, 119, 0], fill="black")
        return image, f"A {colour} dot of size {size:.1f} px at {x}."
