"""matplotlib at lecture size: large type, clean axes, a title that says what to see.

The helpers draw into axes that the caller owns; ``figure()`` makes them and ``show()``
displays the result once, with a caption that is also the picture's alt text.
"""

from __future__ import annotations

import base64
import io
import sys
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from PIL import Image

from poselab.draw.captions import caption_bundle
from poselab.draw.paint import to_bytes, to_pil
from poselab.draw.styles import (
    BOX,
    MASK,
    SERIES,
    SIDE_COLOURS,
    SIDE_MARKS,
    STYLE,
    array,
    drawn_boxes,
    limb_side,
    mark_sizes,
    people,
    union,
)
from poselab.errors import require


@contextmanager
def style():
    """Lecture-size text and clean axes for the matplotlib code in this block."""
    with mpl.rc_context({**STYLE, "axes.prop_cycle": mpl.cycler(color=SERIES)}):
        yield


def figure(rows: int = 1, columns: int = 1, width: float = 10, height: float = 4.5):
    """(figure, axes) at lecture size; ``axes`` is one Axes, or an array of them.

    ``width`` and ``height`` in inches are the whole figure's. The figure belongs to no
    global state: nothing shows it twice and nothing has to be closed.
    """
    with style():
        fig = Figure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots(rows, columns)


def title(ax, text: str) -> None:
    """A title, left-aligned, that says what to see."""
    with style():
        ax.set_title(text)


def picture(ax, image, text: str | None = None) -> None:
    """An image without axes; pixel (0, 0) has its centre at (0, 0), as points have."""
    ax.imshow(np.asarray(to_pil(image)), interpolation="nearest")
    ax.set_axis_off()
    if text:
        title(ax, text)


def pose(
    ax,
    image,
    keypoints,
    visibility,
    skeleton,
    *,
    text: str | None = None,
    colour: str | None = None,
    size: float = 9,
    names: bool = False,
) -> None:
    """Poses over an image (None: over what the axes hold already).

    keypoints [P, J, 2] or [J, 2] px, visibility [P, J] or [J] (None: all visible);
    v = 1 is hollow, v = 0 left out. ``colour`` replaces the sides' colours.
    """
    if image is not None:
        picture(ax, image, text)
    points, flags = people(keypoints, visibility, skeleton)
    for person, seen in zip(points, flags, strict=True):
        _limbs(ax, person, seen, skeleton, colour, size / 3)
        _joints(ax, person, seen, skeleton, colour, size)
        if names:
            _names(ax, person, seen, skeleton)


def _halo(width: float) -> list:
    return [Stroke(linewidth=width, foreground="white"), Normal()]


def _limbs(ax, points, flags, skeleton, colour, width) -> None:
    for a, b in skeleton.limbs:
        if flags[a] and flags[b]:
            ax.plot(
                *points[[a, b]].T,
                color=colour or SIDE_COLOURS[limb_side(skeleton, a, b)],
                lw=width,
                ls="-" if flags[a] == flags[b] == 2 else (0, (2, 1)),
                path_effects=_halo(width + 2),
            )


def _joints(ax, points, flags, skeleton, colour, size) -> None:
    sizes = mark_sizes(skeleton)
    for point, flag, side, factor in zip(
        points, flags, skeleton.sides, sizes, strict=True
    ):
        if flag:
            ink = colour or SIDE_COLOURS[side]
            ax.plot(
                *point,
                SIDE_MARKS[side],
                ms=size * factor,
                mew=2 * factor,
                color=ink,
                mfc=ink if flag == 2 else "white",
                path_effects=_halo(4 * factor),
            )


def _names(ax, points, flags, skeleton) -> None:
    for point, flag, name in zip(points, flags, skeleton.joints, strict=True):
        if flag:
            ax.annotate(
                name.replace("_", " "),
                point,
                xytext=(7, -3),
                fontsize=11,
                textcoords="offset points",
                path_effects=_halo(3),
            )


def side_legend(ax, hidden: bool = True) -> None:
    """What colours and shapes mean: the person's own left and right."""
    entries = [
        Line2D([], [], marker=mark, color=SIDE_COLOURS[side], ls="", label=side)
        for side, mark in SIDE_MARKS.items()
    ]
    if hidden:
        hollow = dict(marker="o", ls="", color=SIDE_COLOURS["right"], mfc="white")
        entries.append(Line2D([], [], **hollow, mew=2, label="hidden (v = 1)"))
    with style():
        ax.legend(handles=entries, loc="upper left", bbox_to_anchor=(1, 1))


def box(ax, boxes, colour: str = BOX) -> None:
    """Boxes [P, 4] or [4] xywh in pixel-edge coordinates over a picture."""
    for x, y, w, h in drawn_boxes(boxes):
        frame = Rectangle((x - 0.5, y - 0.5), w, h, fill=False, ec=colour, lw=3)
        frame.set_path_effects(_halo(5))
        ax.add_patch(frame)


def mask(ax, masks, colour: str = MASK, alpha: float = 0.45) -> None:
    """Masks [P, H, W] or [H, W] (bool) over a picture."""
    inside = union(masks)
    ink = np.array(mpl.colors.to_rgba(colour))
    ax.imshow(inside[..., None] * (ink * [1, 1, 1, alpha]), interpolation="nearest")


def curve(ax, x, y, label: str | None = None, *, spread=None, **line) -> None:
    """One curve: y over x [N], ``spread`` [N] as a band of y +- spread around it."""
    x, y = array(x), array(y)
    require(
        x.shape == y.shape,
        "x and y must have the same shape",
        where="curve",
        field="shapes",
        value=(x.shape, y.shape),
    )
    with style():
        (drawn,) = ax.plot(x, y, label=label, lw=line.pop("lw", 3), **line)
        if spread is not None:
            low, high = y - array(spread), y + array(spread)
            ax.fill_between(x, low, high, color=drawn.get_color(), alpha=0.2, lw=0)
        ax.grid(True, alpha=0.3)


def label(ax, x: str, y: str, text: str | None = None, legend: bool = True) -> None:
    """Axis labels (with units), title, and a legend if any curve has a name."""
    with style():
        ax.set_xlabel(x)
        ax.set_ylabel(y)
        if text:
            ax.set_title(text)
        if legend and ax.get_legend_handles_labels()[1]:
            ax.legend()


def show(
    shown, caption: str, *, jpeg: bool = False, dpi: int = 100, quality: int = 88
) -> None:
    """Display a matplotlib figure or a PIL image once, with its caption under it.

    Gives a PNG (``jpeg``: a JPEG, for photographs, several times smaller; a picture's
    has the ``quality``) with the caption as its alt text, then the caption as a line of
    its own, and closes the figure. Outside Jupyter it prints the caption.
    """
    require(
        bool(caption.strip()),
        "a picture needs a caption",
        where="caption",
        value=caption,
        fix="Say what to see, with its numbers.",
    )
    mime = "image/jpeg" if jpeg else "image/png"
    data = _encoded(shown, jpeg, dpi, quality)
    _close(shown)
    if "IPython" not in sys.modules or not sys.modules["IPython"].get_ipython():
        print(caption)
        return
    from IPython.display import display

    bundle = {mime: base64.b64encode(data).decode(), "text/plain": caption}
    display(bundle, raw=True, metadata={mime: {"alt": caption}})
    display(caption_bundle(caption), raw=True)


def _encoded(shown, jpeg: bool, dpi: int, quality: int) -> bytes:
    if isinstance(shown, Image.Image):
        return to_bytes(shown, "jpeg" if jpeg else "png", quality)
    out = io.BytesIO()
    # Without matplotlib's version in it, the same figure gives the same bytes.
    kind = {"format": "png", "metadata": {"Software": None}}
    shown.savefig(out, dpi=dpi, **({"format": "jpeg"} if jpeg else kind))
    return out.getvalue()


def _close(shown) -> None:
    """Close a figure that pyplot holds, or Jupyter would show it a second time."""
    if "matplotlib.pyplot" in sys.modules and not isinstance(shown, Image.Image):
        sys.modules["matplotlib.pyplot"].close(shown)
