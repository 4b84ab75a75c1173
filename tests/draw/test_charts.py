"""A chart of decisions; pictures in few colours keep those of their legend."""

import numpy as np
from PIL import Image, ImageDraw

from poselab import draw


def test_boxes_and_arrows():
    boxes = {"a": (0.5, 0.9, "start"), "b": (0.2, 0.2, "one"), "c": (0.8, 0.2, "many")}
    fig, ax = draw.figure()
    draw.decisions(ax, boxes, [("a", "b", "yes"), ("a", "c", "no")])
    words = [text.get_text() for text in ax.texts]
    assert {"start", "one", "many", "yes", "no"} <= set(words)
    pointing = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert len(pointing) == 2
    draw.show(fig, "a chart")


def test_a_small_mark_keeps_its_colour_beside_a_photograph():
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 255, (120, 160, 3)).astype("uint8")
    picture = Image.fromarray(noise)
    ImageDraw.Draw(picture).rectangle([4, 4, 9, 9], fill=draw.LEFT)
    few = draw.few_colours(picture)
    assert few.mode == "P"
    assert len(few.getcolors()) <= 256
    assert few.convert("RGB").getpixel((6, 6)) == (230, 159, 0)
    plain = picture.quantize(256, dither=Image.Dither.NONE).convert("RGB")
    assert plain.getpixel((6, 6)) != (230, 159, 0)
