"""Pillow painters: an image with poses, boxes, masks and arrows in a few milliseconds.

Painters take a ``PIL.Image`` and return a new one, so they chain:
``paint_box(paint_pose(to_pil(image, 3), keypoints, visibility, skeleton, 3), box, 3)``.
Points are in pixel-centre coordinates, boxes (x, y, w, h) in pixel-edge coordinates,
both in pixels of the unscaled image; ``scale`` says how much the picture was enlarged.
"""

from __future__ import annotations

import functools
import io
import math

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from poselab.datasets.images import to_pil
from poselab.draw.styles import (
    BOX,
    MASK,
    PREDICTION,
    SERIES,
    SIDE_COLOURS,
    TRUTH,
    array,
    drawn_boxes,
    limb_side,
    mark_sizes,
    people,
    rows,
    union,
)
from poselab.errors import require

HIDDEN_STYLES = ("hollow", "filled", "skip")


def to_bytes(picture: Image.Image, format: str = "jpeg", quality: int = 88) -> bytes:
    """The encoded picture, for ``ipywidgets.Image.value`` ("jpeg" or "png")."""
    out = io.BytesIO()
    if format == "png":
        picture.save(out, "png", compress_level=1)
    else:
        picture.save(out, "jpeg", quality=quality, subsampling=0)
    return out.getvalue()


def few_colours(picture: Image.Image, count: int = 256) -> Image.Image:
    """The picture in `count` colours, a third of the bytes as a PNG.

    The course's own colours are among them as they are: a small mark in a legend would
    otherwise get the nearest colour of the photograph beside it.
    """
    free = picture.quantize(count - len(_OWN), dither=Image.Dither.NONE)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(free.getpalette() or [])[: 3 * (count - len(_OWN))], *_FLAT])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


_OWN = sorted(
    {*SIDE_COLOURS.values(), *SERIES, TRUTH, PREDICTION, BOX, MASK, "#FFFFFF"}
)
_FLAT = [value for colour in _OWN for value in ImageColor.getrgb(colour)]


@functools.lru_cache(maxsize=16)
def font(size: int) -> ImageFont.ImageFont:
    """A sans-serif font that ships with Pillow (no system font is needed)."""
    return ImageFont.load_default(size)


_FINE = 2  # paint at twice the resolution and average: smooth edges, still fast


def _smooth(picture: Image.Image, paint, points: np.ndarray, room: float):
    """A copy on which ``paint(ImageDraw, shift)`` drew at _FINE times the size.

    It draws no further than ``room`` from points [N, 2] of the fine canvas. Where that
    is less than half of it, only that part is made large; ``shift`` [2] is where it
    begins. (Pillow fills polygons in float32: an edge in the middle between two fine
    pixels may then fall on the other one.)
    """
    out, size = picture.copy(), np.array(picture.size)
    low = np.floor((points.min(0, initial=np.inf) - room) / _FINE).clip(0)
    high = np.ceil((points.max(0, initial=-np.inf) + room) / _FINE).clip(max=size)
    if not (low < high).all():
        return out
    if 2 * (high - low).prod() > size.prod():
        low, high = np.zeros(2), size
    box = (*low.astype(int).tolist(), *high.astype(int).tolist())
    part = picture.crop(box)
    big = part.resize(
        (part.width * _FINE, part.height * _FINE), Image.Resampling.NEAREST
    )
    paint(ImageDraw.Draw(big), low * _FINE)
    out.paste(big.reduce(_FINE), box[:2])
    return out


def _place(points: np.ndarray, scale: float) -> np.ndarray:
    """Pixel-centre coordinates of the image -> Pillow's on the fine canvas."""
    return (points + 0.5) * (scale * _FINE) - 0.5


def paint_pose(
    picture: Image.Image,
    keypoints,
    visibility,
    skeleton,
    scale: float = 1,
    *,
    hidden: str = "hollow",
    colour: str | None = None,
    size: float | None = None,
    limbs: bool = True,
    joints: bool = True,
) -> Image.Image:
    """A copy of ``picture`` with the poses painted on it.

    keypoints [P, J, 2] or [J, 2] px of the unscaled image, visibility [P, J] or [J]
    (None: all visible), ``hidden`` "hollow", "filled" or "skip" for joints with v = 1,
    ``colour`` one colour for limbs and joints instead of the sides' (predictions; the
    shapes still tell the side), ``size`` the joint radius in px of the picture (None:
    fits the picture, and is smaller for small people).
    """
    require(
        hidden in HIDDEN_STYLES,
        "unknown style of hidden joints",
        where="hidden",
        value=hidden,
        fix=f"Choose one of {HIDDEN_STYLES}.",
    )
    points, flags = people(keypoints, visibility, skeleton)
    points, flags = _place(points, scale), _shown(flags, hidden)
    largest = max(2.5, min(picture.size) / 75)

    radii = [
        _FINE * (size or min(largest, _fitting_radius(person[seen > 0])))
        for person, seen in zip(points, flags, strict=True)
    ]

    def paint(canvas, shift):
        for person, seen, radius in zip(points - shift, flags, radii, strict=True):
            if limbs:
                _paint_limbs(canvas, person, seen, skeleton, radius * 0.6, colour)
            if joints:
                _paint_joints(canvas, person, seen, skeleton, radius, colour)

    room = 1.5 * max(radii, default=0) + 4 * _FINE
    return _smooth(picture, paint, points[flags > 0], room)


def _fitting_radius(points: np.ndarray) -> float:
    """A radius [px of the picture] that leaves a person of these joints readable."""
    extent = np.ptp(points, axis=0).max() / _FINE if len(points) else 0
    return max(2.0, extent / 35)


def _shown(flags: np.ndarray, hidden: str) -> np.ndarray:
    """Flags of 0 (leave out), 1 (hollow) or 2 (filled)."""
    if hidden == "hollow":
        return flags
    return np.where(flags == 1, 2 if hidden == "filled" else 0, flags)


def _paint_limbs(canvas, points, flags, skeleton, width, colour) -> None:
    drawn = [(a, b) for a, b in skeleton.limbs if flags[a] and flags[b]]
    for outline in (True, False):  # all outlines first, so limbs join cleanly
        for a, b in drawn:
            ink = colour or SIDE_COLOURS[limb_side(skeleton, a, b)]
            solid = flags[a] == 2 and flags[b] == 2
            w = round(width + 2 * _FINE) if outline else round(width)
            for p, q in (
                [(points[a], points[b])]
                if solid
                else _dashes(points[a], points[b], 3 * width)
            ):
                canvas.line([*p, *q], fill="white" if outline else ink, width=w)


def _dashes(a: np.ndarray, b: np.ndarray, step: float) -> list:
    """The segments of a dashed line from a to b."""
    n = min(200, max(1, math.ceil(float(np.hypot(*(b - a))) / (2 * step))))
    at = [a + (b - a) * t for t in np.linspace(0, 1, 2 * n)]
    return [(at[i], at[i + 1]) for i in range(0, 2 * n, 2)]


def _paint_joints(canvas, points, flags, skeleton, radius, colour) -> None:
    sizes = mark_sizes(skeleton)
    for point, flag, side, size in zip(
        points, flags, skeleton.sides, sizes, strict=True
    ):
        if flag:
            ink, r = colour or SIDE_COLOURS[side], radius * size
            _mark(canvas, *point, r + _FINE, side, "white")
            _mark(canvas, *point, r, side, ink)
            if flag == 1:
                _mark(canvas, *point, r * 0.55, side, "white")


def _mark(canvas, x: float, y: float, r: float, side: str, ink: str) -> None:
    """A square (left), disc (right) or diamond (middle) of about equal area."""
    if side == "left":
        canvas.rectangle([x - 0.9 * r, y - 0.9 * r, x + 0.9 * r, y + 0.9 * r], fill=ink)
    elif side == "right":
        canvas.ellipse([x - r, y - r, x + r, y + r], fill=ink)
    else:
        d = 1.25 * r
        canvas.polygon([x, y - d, x + d, y, x, y + d, x - d, y], fill=ink)


def paint_box(
    picture: Image.Image, boxes, scale: float = 1, *, colour: str = BOX, width: int = 2
) -> Image.Image:
    """Boxes [P, 4] or [4] xywh px of the unscaled image; empty ones are left out."""
    out = picture.copy()
    canvas = ImageDraw.Draw(out)
    for x, y, w, h in drawn_boxes(boxes):
        # A box edge x lies between pixels x - 1 and x; Pillow names pixels.
        corners = [x * scale, y * scale, (x + w) * scale - 1, (y + h) * scale - 1]
        canvas.rectangle(_grow(corners, 1), outline="black", width=width + 2)
        canvas.rectangle(corners, outline=colour, width=width)
    return out


def _grow(c, by: float) -> list:
    return [c[0] - by, c[1] - by, c[2] + by, c[3] + by]


def paint_mask(
    picture: Image.Image, masks, *, colour: str = MASK, alpha: float = 0.45
) -> Image.Image:
    """Masks [P, H, W] or [H, W] (bool), stretched over the picture, with a rim."""
    return _overlay(picture, masks, Image.new("RGB", picture.size, colour), alpha)


def paint_ignore(picture: Image.Image, ignore) -> Image.Image:
    """A region that no score counts (COCO crowd) [H, W], hatched in grey."""
    i, j = np.mgrid[: picture.height, : picture.width]
    hatch = np.where((i + j) // 4 % 2, 235, 90).astype(np.uint8)
    return _overlay(picture, ignore, Image.fromarray(hatch).convert("RGB"), 0.6)


def _overlay(picture, masks, cover: Image.Image, alpha: float) -> Image.Image:
    mask = union(masks)
    stencil = Image.fromarray(mask.astype(np.uint8) * round(255 * alpha))
    stencil = stencil.resize(picture.size, Image.Resampling.NEAREST)
    return Image.composite(cover, picture, stencil)


def paint_arrows(
    picture: Image.Image, start, end, scale: float = 1, *, colour: str = PREDICTION
) -> Image.Image:
    """Arrows from start [N, 2] to end [N, 2] px: a displacement, a correction."""
    size = _FINE * max(2, min(picture.size) / 120)
    starts, ends = (_place(rows(p, 2), scale) for p in (start, end))

    def paint(canvas, shift):
        for a, b in zip(starts - shift, ends - shift, strict=True):
            length = float(np.hypot(*(b - a)))
            if not length > 1:  # also leaves out NaN
                continue
            along = (b - a) / length
            across = np.array([-along[1], along[0]])
            foot = b - along * min(4 * size, length)
            head = [*b, *(foot + across * 1.6 * size), *(foot - across * 1.6 * size)]
            canvas.line([*a, *foot], fill=colour, width=round(size))
            canvas.polygon(head, fill=colour)

    both = np.concatenate([starts, ends])
    return _smooth(picture, paint, both[np.isfinite(both).all(1)], 2 * size + _FINE)


def paint_text(picture: Image.Image, text: str, size: int = 16) -> Image.Image:
    """The picture with a white strip below it that holds the text."""
    height = round(size * 1.5) * (text.count("\n") + 1)
    out = Image.new("RGB", (picture.width, picture.height + height), "white")
    out.paste(picture, (0, 0))
    ImageDraw.Draw(out).multiline_text(
        (4, picture.height + size // 6), text, fill="black", font=font(size)
    )
    return out


def paint_sample(
    sample, scale: float = 1, *, pose=True, box=False, mask=False, hidden="hollow"
) -> Image.Image:
    """One Sample: its image, ignored regions, and what the switches ask for."""
    picture = to_pil(sample.image, scale)
    if sample.ignore is not None and array(sample.ignore, bool).any():
        picture = paint_ignore(picture, sample.ignore)
    if mask and sample.masks is not None:
        picture = paint_mask(picture, sample.masks)
    if box:
        picture = paint_box(picture, sample.boxes, scale)
    if not pose:
        return picture
    return paint_pose(
        picture,
        sample.keypoints,
        sample.visibility,
        sample.skeleton,
        scale,
        hidden=hidden,
    )


def grid(pictures, columns: int = 8, gap: int = 4) -> Image.Image:
    """Pictures side by side, row by row, on white."""
    pictures = list(pictures)
    require(bool(pictures), "there is no picture", where="pictures", value=pictures)
    require(
        columns >= 1, "at least one column is needed", where="columns", value=columns
    )
    columns = min(columns, len(pictures))
    w = max(p.width for p in pictures) + gap
    h = max(p.height for p in pictures) + gap
    rows = -(-len(pictures) // columns)
    out = Image.new("RGB", (columns * w - gap, rows * h - gap), "white")
    for i, picture in enumerate(pictures):
        out.paste(picture, (i % columns * w, i // columns * h))
    return out


def sheet(samples, columns: int = 8, scale: float = 1, **switches) -> Image.Image:
    """A contact sheet: a stacked Sample or a list of Samples, painted by
    :func:`paint_sample` with the same switches (pose, box, mask, hidden)."""
    singles = [samples[i] for i in range(len(samples))]
    return grid([paint_sample(s, scale, **switches) for s in singles], columns)
