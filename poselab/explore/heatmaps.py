"""The explorer of notebook 02: a target is drawn, disturbed, and read again."""

from __future__ import annotations

from typing import NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.codecs.heatmap import MERGES, draw_targets
from poselab.codecs.heatmap_decode import (
    blur_of,
    cells_to_pixels,
    decode_argmax,
    decode_dark,
    decode_quarter,
    decode_soft_argmax,
    local_maxima,
)
from poselab.codecs.reference import decode_quarter_reference
from poselab.draw import SERIES, TRUTH, style
from poselab.draw.overlay import crossed, legend, ringed, viridis
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider, toggle
from poselab.explore.pictures import Chart, beside

__all__ = ["HeatmapLab"]

SIZE = 64  # px, the side of the image
STRIDES = (1, 2, 4, 8)
DECODERS = (
    ("argmax", "argmax"),
    ("quarter of a cell", "quarter"),
    ("DARK", "dark"),
    ("soft-argmax of the log", "soft_argmax"),
    ("quarter, read as s u", "quarter_reference"),
)
INKS = dict(zip((key for _, key in DECODERS), SERIES[:2] + SERIES[3:], strict=False))
SHORT = {"soft_argmax": "soft-argmax", "quarter_reference": "quarter, s u"}
DRAWS = 20  # of the noise
_SIDE = 448  # px, the painted map
_ROW = 30.4  # px, the first height of both joints: no row of cells has its centre there
_WORDS = 18  # px, of the legend
_PEAK = 0.3  # a local maximum above it counts as a peak


class Reading(NamedTuple):
    """One map, where its joints are, and where the decoder puts the first."""

    map: Tensor  # [h, w]
    truth: Tensor  # [P, 2] px
    answer: Tensor  # [2] px
    error: float  # px from the nearest joint
    peaks: int


def read(maps: Tensor, decoder: str, stride: int, sigma: float) -> Tensor:
    """Maps [..., h, w] -> px [..., 2] by a decoder of `DECODERS`."""
    if decoder == "soft_argmax":  # its softmax asks for logits
        return decode_soft_argmax(maps.clamp(min=1e-10).log(), stride)[0]
    if decoder == "dark":
        return decode_dark(maps, stride, blur_of(sigma))[0]
    plain = {
        "argmax": decode_argmax,
        "quarter": decode_quarter,
        "quarter_reference": decode_quarter_reference,
    }
    return plain[decoder](maps, stride)[0]


class HeatmapLab(Explorer):
    """A joint (or the same joint of two people) as a map, and read from it.

    The map of a 64x64 image with cells of `stride` px: truth as green rings, what each
    decoder reads as a small cross, that of `decoder` large; beside it the row of the
    map through the joint, and under both how far each cross is from the nearest joint.
    `x` and `y` move the joint through its cell, `distance` is how far the second
    person's joint lies from it, `noise` is added to the map, `draw` says which noise.
    """

    def __init__(self, *, width: int = 860, **values) -> None:
        generator = torch.Generator().manual_seed(0)
        self._noise = {
            s: torch.randn(DRAWS, SIZE // s, SIZE // s, generator=generator)
            for s in STRIDES
        }
        self._slice = _Slice()
        super().__init__(
            self._paint, _controls(), groups=_GROUPS, values=values, width=width
        )

    def reading(self, **values) -> Reading:
        """The map of these values (the others: as they are now) and what is read."""
        v = {**self.values, **values}
        xs = [v["x"], v["x"] + v["distance"]] if v["second"] else [v["x"]]
        truth = torch.tensor([[x, v["y"]] for x in xs])
        size = (SIZE // v["stride"],) * 2
        flags = torch.full((1, len(xs), 1), 2)
        target = draw_targets(
            truth[None, :, None],
            flags,
            size,
            v["stride"],
            v["sigma"],
            v["merge"],
            v["quantise"],
        )[0, 0]
        heat = target + v["noise"] * self._noise[v["stride"]][v["draw"] - 1]
        answer = read(heat, v["decoder"], v["stride"], v["sigma"])
        error = float((truth - answer).norm(dim=-1).min())
        return Reading(heat, truth, answer, error, int(local_maxima(heat, _PEAK).sum()))

    def _paint(self, **values) -> tuple[Image.Image, str]:
        seen, stride = self.reading(**values), values["stride"]
        places = {
            key: read(seen.map, key, stride, values["sigma"]) for _, key in DECODERS
        }
        row = min(int((values["y"] + 0.5) // stride), len(seen.map) - 1)
        picture = _heat(seen, row, places, values["decoder"])
        self._slice.follow(seen, row, stride, INKS[values["decoder"]])
        both = beside(picture, self._slice.chart.image())
        picture = legend(both, _entries(seen, places), _WORDS)
        return picture, _describe(seen, **values)


class _Slice:
    """The row of the map through the joint, as a kept chart."""

    def __init__(self) -> None:
        with style():
            self.chart = Chart(_SIDE, _SIDE)
        axes = self.chart.axes
        with style():
            axes.set(xlim=(-0.5, SIZE - 0.5), ylim=(-0.6, 2.2))
            axes.set_xlabel("x, px")
            axes.set_title("the row through the joint")
        (self.line,) = axes.plot([], [], color="#444444", lw=1.5, marker="o", ms=6)
        self.truth = [axes.axvline(0, color=TRUTH, lw=4) for _ in range(2)]
        self.answer = axes.axvline(0, lw=3, ls="--")

    def follow(self, seen: Reading, row: int, stride: int, ink: str) -> None:
        """Show another reading; the answer in the colour of its decoder."""
        cells = torch.arange(seen.map.shape[1])
        self.line.set_data(cells_to_pixels(cells, stride), seen.map[row])
        self.line.set_markersize(6 if stride > 1 else 3)
        for line, point in zip(self.truth, seen.truth[[0, -1]], strict=True):
            line.set_xdata([float(point[0])] * 2)
        self.answer.set_xdata([float(seen.answer[0])] * 2)
        self.answer.set_color(ink)


def _heat(seen: Reading, row: int, places: dict, chosen: str) -> Image.Image:
    """The map with its joints, all answers, and the row that is sliced."""
    picture = viridis(seen.map, (_SIDE, _SIDE))
    pen, cell, zoom = ImageDraw.Draw(picture), _SIDE / len(seen.map), _SIDE / SIZE
    pen.rectangle([0, row * cell, _SIDE - 1, (row + 1) * cell], outline="white")
    for point in seen.truth:
        picture = ringed(picture, point, zoom, TRUTH, 12)
    last = sorted(places, key=lambda key: key == chosen)  # the chosen one on top
    for key in last:
        size = 9 if key == chosen else 5
        picture = crossed(picture, places[key], zoom, INKS[key], size)
    return picture


def _entries(seen: Reading, places: dict[str, Tensor]) -> dict[str, tuple[str, str]]:
    """What the legend says: each decoder with its distance from the nearest joint."""
    entries = {"truth; px off it:": (TRUTH, "ring")}
    for key, place in places.items():
        off = float((seen.truth - place).norm(dim=-1).min())
        name = "DARK" if key == "dark" else SHORT.get(key, key)
        entries[f"{name} {off:.2f}"] = (INKS[key], "cross")
    return entries


def _controls() -> dict:
    return {
        "x": slider("joint x (px)", 8.0, 40.0, 20.3, 0.1),
        "y": slider("joint y (px)", 8.0, 56.0, _ROW, 0.1),
        "second": toggle("two people", True),
        "distance": slider("how far apart", 0.0, 40.0, 20.0, 0.5),
        "merge": choice("merge by", MERGES),
        "stride": choice("stride (px)", STRIDES, 4),
        "sigma": slider("σ (cells)", 0.7, 4.0, 2.0, 0.1),
        "quantise": toggle("centre rounded", False),
        "noise": slider("noise", 0.0, 0.5, 0.0, 0.01),
        "draw": slider("which noise", 1, DRAWS, 1),
        "decoder": choice("large cross", DECODERS),
    }


_GROUPS = {
    "Joints": ("x", "y", "second", "distance"),
    "Target": ("stride", "sigma", "merge", "quantise", "noise", "draw"),
    "Decoder": ("decoder",),
}


def _describe(seen: Reading, stride, sigma, merge, second, decoder, **values) -> str:
    cells = len(seen.map)
    name = {value: text for text, value in DECODERS}[decoder]
    who = "One person"
    if second:
        who = f"Two people {values['distance']:.1f} px apart, merged by {merge}"
    x, y = seen.answer.tolist()
    peaks = "1 peak" if seen.peaks == 1 else f"{seen.peaks} peaks"
    return (
        f"{who}: a map of {cells}x{cells} cells of {stride} px, σ = {sigma:.1f} cells, "
        f"{'rounded' if values['quantise'] else 'exact'} centres, noise "
        f"{values['noise']:.2f}. {peaks} above {_PEAK}, highest value "
        f"{seen.map.max():.2f}. {name} reads ({x:.2f}, {y:.2f}); the nearest joint is "
        f"{seen.error:.2f} px away."
    )
