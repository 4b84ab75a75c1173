"""What `MetricLab` paints: discs and rings over the truth, and the panel of metrics."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.draw import BOX, MASK, SERIES, TRUTH, WRONG_ANSWER, font
from poselab.skeleton import Skeleton

WIDTH, HEIGHT = 400, 560  # px of the panel
THRESHOLDS = [0.5 + 0.05 * i for i in range(10)]
_BARS = {  # what is written, and its name in `Answer.numbers`
    "PCK": "PCK",
    "PDJ": "PDJ@0.2",
    "PDJ diag.": "PDJ diagonal@0.2",
    "PCP": "PCP",
    "PCP loose": "PCP loose",
    "OKS": "OKS",
}
_GREY = "#D9D9D9"


class Answer(NamedTuple):
    """What metrics say about one predicted person."""

    numbers: dict[str, float]  # of `metrics.everything`
    each: Tensor  # [J] part of each joint in OKS, NaN where not labelled
    error: Tensor  # [J] px
    flags: Tensor  # [J]
    disc: Tensor  # px, within which PCK calls a joint correct; NaN if unknown
    ring: Tensor  # [J] px, where a joint's part in OKS is 0.5

    @property
    def correct(self) -> tuple[int, int]:
        """How many joints PCK calls correct, and of how many."""
        labelled = self.flags > 0
        return int(((self.error <= self.disc) & labelled).sum()), int(labelled.sum())

    @property
    def pck(self) -> float:
        """The fraction of them."""
        right, labelled = self.correct
        return right / max(labelled, 1)

    @property
    def oks(self) -> float:
        """The mean of `each`."""
        return float(self.each.nanmean())

    @property
    def ap(self) -> float:
        """COCO's AP if this were the whole set: the share of thresholds passed."""
        return sum(self.oks >= t - 1e-9 for t in THRESHOLDS) / len(THRESHOLDS)


def paint_discs(
    picture: Image.Image,
    truth: Tensor,
    answer: Answer,
    scale: float,
    discs: bool,
    rings: bool,
) -> Image.Image:
    """PCK's discs (blue, filled) and OKS's rings (yellow) around the truth [J, 2]."""
    cover = Image.new("L", picture.size, 0)
    labelled = [j for j in range(len(truth)) if answer.flags[j] > 0]
    if discs and bool(torch.isfinite(answer.disc)):
        pen = ImageDraw.Draw(cover)
        for j in labelled:
            pen.ellipse(_round(truth[j], float(answer.disc), scale), fill=90)
    blue = Image.new("RGB", picture.size, MASK)
    picture = Image.composite(blue, picture, cover)
    pen = ImageDraw.Draw(picture)
    for j in labelled if rings else ():
        for grow, ink, width in ((1, "black", 4), (0, BOX, 2)):
            around = _round(truth[j], float(answer.ring[j]), scale, grow)
            pen.ellipse(around, outline=ink, width=width)
    return picture


def _round(centre: Tensor, radius: float, scale: float, grow: float = 0) -> list[float]:
    x, y = ((centre + 0.5) * scale - 0.5).tolist()
    r = radius * scale + grow
    return [x - r, y - r, x + r, y + r]


def paint_panel(
    answer: Answer, loupe: Image.Image, skeleton: Skeleton, joint: int
) -> Image.Image:
    """The loupe, a bar per metric, a bar per joint, a box per threshold of AP."""
    panel = _frame(skeleton).copy()
    panel.paste(loupe, (0, 0))
    pen = ImageDraw.Draw(panel)
    _metrics(pen, answer)
    _joints(pen, answer, joint)
    _thresholds(pen, answer)
    return panel


@lru_cache(4)
def _frame(skeleton: Skeleton) -> Image.Image:
    """What never changes: names and titles."""
    panel = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(panel)
    for i, name in enumerate(_BARS):
        pen.text((192, 2 + 29 * i), name, "black", font(15))
    pen.text((0, 186), "part in OKS", "black", font(15))
    pen.text((300, 186), "error", "black", font(15))
    for j, name in enumerate(skeleton.joints):
        pen.text((0, 206 + 16 * j), name.replace("_", " "), "black", font(13))
    pen.text((0, 486), "COCO's thresholds that this OKS passes", "black", font(15))
    return panel


def _metrics(pen: ImageDraw.ImageDraw, answer: Answer) -> None:
    values = {**answer.numbers, "PCK": answer.pck, "OKS": answer.oks}
    for i, name in enumerate(_BARS):
        value, top = values[_BARS[name]], 2 + 29 * i
        _bar(pen, 272, top + 2, 88, 15, value, SERIES[1] if name == "OKS" else MASK)
        pen.text((364, top), f"{value:.2f}", "black", font(15))


def _joints(pen: ImageDraw.ImageDraw, answer: Answer, joint: int) -> None:
    near = (answer.error <= answer.disc).tolist()
    for j, (part, error) in enumerate(
        zip(answer.each.tolist(), answer.error.tolist(), strict=True)
    ):
        top = 206 + 16 * j
        if j == joint:
            pen.polygon([105, top + 3, 105, top + 13, 112, top + 8], fill="black")
        if np.isnan(part):
            pen.text((116, top), "not labelled", "#777777", font(13))
            continue
        _bar(pen, 116, top + 2, 178, 11, part, SERIES[1])
        ink = TRUTH if near[j] else WRONG_ANSWER
        word = "in disc" if near[j] else "outside"
        pen.text((300, top), f"{error:.1f} px {word}", ink, font(12))


def _thresholds(pen: ImageDraw.ImageDraw, answer: Answer) -> None:
    for i, threshold in enumerate(THRESHOLDS):
        left, passed = 40 * i, answer.oks >= threshold - 1e-9
        pen.rectangle([left, 508, left + 36, 530], fill=TRUTH if passed else _GREY)
        ink = "white" if passed else "black"
        pen.text((left + 4, 511), f".{round(100 * threshold)}", ink, font(14))
    text = f"AP of this one answer: {answer.ap:.1f}"
    pen.text((0, 536), text, "black", font(15))


def _bar(pen, left: int, top: int, width: int, height: int, value: float, ink) -> None:
    value = 0.0 if np.isnan(value) else min(max(value, 0.0), 1.0)
    pen.rectangle([left, top, left + width, top + height], fill="#EEEEEE")
    if value > 0:
        pen.rectangle([left, top, left + width * value, top + height], fill=ink)
