"""The README's picture: the person maker, with its sliders moved by a program."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from poselab.explore.base import Explorer

FRAMES, SECONDS = 30, 3.6  # one turn of the person, two double steps
PANEL = (216, 288)  # px, width and height of each of the three views
CAPTION = 34  # px below them
COLOURS = 96
VIEWS = (
    {"joints": False, "visibility": False, "box": False, "mask": False},
    {"joints": True, "visibility": True, "box": True, "mask": False},
    {"joints": False, "visibility": False, "box": True, "mask": True},
)


def draw_picture(path: Path) -> None:
    """Write the animation as GIF to `path`; the folder is made where it is missing."""
    from poselab.explore.welcome import PersonMaker

    maker = PersonMaker(
        activity="walking", seed=7, distance=3600, occluder="box", occluder_x=420
    )
    frames = [draw_frame(maker, number / FRAMES) for number in range(FRAMES)]
    palette = make_palette(frames[:: FRAMES // 3])
    plain = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    path.parent.mkdir(parents=True, exist_ok=True)
    duration = round(1000 * SECONDS / FRAMES)  # ms per frame
    plain[0].save(
        path,
        save_all=True,
        append_images=plain[1:],
        loop=0,
        duration=duration,
        optimize=True,
    )


def make_palette(frames: list[Image.Image]) -> Image.Image:
    """One palette for all frames, so that nothing flickers; thin lines count in it."""
    from poselab.draw.styles import BOX, LEFT, MASK, RIGHT

    lines = (LEFT, RIGHT, BOX, MASK)
    width, height = frames[0].size
    sheet = Image.new("RGB", (width, height * len(frames) + CAPTION), "white")
    for row, frame in enumerate(frames):
        sheet.paste(frame, (0, row * height))
    for column, colour in enumerate(lines):
        corner = (column * width // len(lines), height * len(frames))
        sheet.paste(colour, (*corner, corner[0] + width // len(lines), sheet.height))
    return sheet.quantize(COLOURS)


def draw_frame(maker: Explorer, time: float) -> Image.Image:
    """The person at `time` in [0, 1), side by side in all `VIEWS`, with its numbers."""
    yaw = round(360 * time / 5) * 5
    yaw = yaw - 360 if yaw > 180 else yaw
    width, height = PANEL
    frame = Image.new("RGB", (width * len(VIEWS), height + CAPTION), "white")
    for column, view in enumerate(VIEWS):
        maker.set(yaw=yaw, phase=round((2 * time % 1) * 50) / 50, **view)
        with Image.open(io.BytesIO(maker.image_bytes)) as picture:
            frame.paste(picture.convert("RGB").resize(PANEL), (column * width, 0))
    flags = maker.sample.visibility[0]
    words = (
        f"yaw {yaw:4d}°     {int((flags == 2).sum()):2d} joints visible,"
        f" {int((flags == 1).sum())} hidden"
    )
    font = ImageFont.load_default(16)
    ImageDraw.Draw(frame).text((10, height + 7), words, fill="black", font=font)
    return frame
