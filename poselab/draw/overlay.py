"""What explorers lay over a picture: maps, titles, rings, grey squares, a legend.

Points are px of the unscaled image, `scale` says how much the picture was enlarged, as
for the painters of `paint.py`. Maps are [h, w]; those of networks and those made by
hand are coloured in the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.draw.paint import font, to_pil

HEAT = "#D55E00"  # of maps over a grey image
GREY = 0.5  # of a square that hides a part of an image
_VIRIDIS = (255 * mpl.colormaps["viridis"](np.linspace(0, 1, 256))[:, :3]).astype("u1")


def heated(image: Tensor, heat: Tensor, scale: int, ink: str = HEAT) -> Image.Image:
    """An image [3, H, W] in grey under a map [h, w] whose highest cell is opaque."""
    height, width = (n * scale for n in image.shape[-2:])
    top = heat.amax().clamp(min=1e-12)
    share = F.interpolate((heat / top)[None, None], (height, width), mode="bilinear")
    share = share[0, 0].clamp(0, 1).sqrt()[..., None].numpy()  # low values are seen too
    grey = np.asarray(to_pil(image, scale).convert("L"), np.float32)[..., None]
    colour = np.array([int(ink[i : i + 2], 16) for i in (1, 3, 5)], np.float32)
    mixed = (1 - 0.85 * share) * grey + 0.85 * share * colour
    return Image.fromarray(mixed.astype(np.uint8))


def viridis(heat: Tensor, size: tuple[int, int]) -> Image.Image:
    """A map [h, w] with values in [0, 1] in colours; `size` (W, H) px, cells seen."""
    shade = (255 * heat.clamp(0, 1)).byte().numpy()
    return Image.fromarray(_VIRIDIS[shade]).resize(size, Image.Resampling.NEAREST)


def readable(width: int) -> int:
    """The size of letters, in px, that can be read in a picture of this width.

    An explorer beside the file browser of a laptop has 450 px for its picture.
    """
    return max(15, round(0.024 * width))


def titled(picture: Image.Image, text: str, size: int | None = None) -> Image.Image:
    """A picture under one line of text or more; what does not fit is set smaller.

    `size` of the letters, px: else what is `readable` where two such pictures stand
    side by side.
    """
    size = size or readable(2 * picture.width)
    lines = text.split("\n")
    strip = round(1.2 * size) * len(lines) + 6
    while size > 9 and max(map(font(size).getlength, lines)) > picture.width - 4:
        size -= 1
    page = Image.new("RGB", (picture.width, picture.height + strip), "white")
    ImageDraw.Draw(page).text((2, 2), text, "black", font(size))
    page.paste(picture, (0, strip))
    return page


def ringed(
    picture: Image.Image, point: Tensor, scale: float, ink: str, radius: float = 9
) -> Image.Image:
    """A copy of a picture with a ring around a point [2], or around points [N, 2]."""
    picture = picture.copy()
    pen = ImageDraw.Draw(picture)
    for x, y in _places(point, scale):
        for r, colour, width in ((radius + 1, "black", 5), (radius, ink, 3)):
            pen.ellipse([x - r, y - r, x + r, y + r], outline=colour, width=width)
    return picture


def _places(points: Tensor, scale: float) -> list[list[float]]:
    """Where points [2] or [N, 2] stand on a picture: whole px, or Pillow would cut."""
    return ((points.reshape(-1, 2) + 0.5) * scale - 0.5).round().tolist()


def crossed(
    picture: Image.Image, point: Tensor, scale: float, ink: str, radius: float = 9
) -> Image.Image:
    """A copy of a picture with a cross at a point [2], or at points [N, 2]."""
    picture = picture.copy()
    pen, r = ImageDraw.Draw(picture), radius
    for x, y in _places(point, scale):
        for colour, width in (("black", 7), (ink, 4)):
            pen.line([x - r, y - r, x + r, y + r], colour, width)
            pen.line([x - r, y + r, x + r, y - r], colour, width)
    return picture


def covered(image: Tensor, x: int, y: int, side: int) -> Tensor:
    """The image [3, H, W] with a grey square of `side` px around pixel (x, y)."""
    corners = [middle - side // 2 for middle in (y, x)]
    rows, columns = (slice(max(0, low), max(0, low + side)) for low in corners)
    image = image.clone()
    image[:, rows, columns] = GREY
    return image


def legend(
    picture: Image.Image,
    entries: Mapping[str, str | tuple[str, str]],
    size: int | None = None,
) -> Image.Image:
    """The picture over a strip that says what its marks mean.

    `entries` maps words to a colour, or to (colour, mark) with a mark of "ring",
    "cross", "line", "box" or "dot" (what a plain colour gets). The strip has as many
    lines as the words need; `size` of the letters, px (else what is `readable`).
    """
    size = size or readable(picture.width)
    rows, left, line = [[]], 4, size + 9
    for text, mark in entries.items():
        room = round(font(size).getlength(text)) + line + 14
        if left + room > picture.width and rows[-1]:
            rows.append([])
            left = 4
        rows[-1].append((left, text, mark))
        left += room
    tall = picture.height + line * len(rows) + 4
    page = Image.new("RGB", (picture.width, tall), "white")
    page.paste(picture, (0, 0))
    pen = ImageDraw.Draw(page)
    for i, row in enumerate(rows):
        for x, text, mark in row:
            colour, kind = (mark, "dot") if isinstance(mark, str) else mark
            top = picture.height + 4 + i * line
            _mark(pen, kind, colour, [x, top, x + size, top + size])
            pen.text((x + line - 3, top - 2), text, "black", font(size))
    return page


def _mark(pen: ImageDraw.ImageDraw, kind: str, colour: str, box: list[int]) -> None:
    x0, y0, x1, y1 = box
    middle = (y0 + y1) // 2
    if kind == "ring":
        pen.ellipse(box, outline=colour, width=4)
    elif kind == "cross":
        pen.line([x0, y0, x1, y1], colour, 4)
        pen.line([x0, y1, x1, y0], colour, 4)
    elif kind == "line":
        pen.line([x0, middle, x1, middle], colour, 4)
    elif kind == "box":
        pen.rectangle(box, outline=colour, width=3)
    else:
        pen.ellipse(box, fill=colour, outline="black")
