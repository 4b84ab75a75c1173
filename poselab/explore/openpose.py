"""The explorers of notebook 10: one limb's field, and people who grow limb by limb."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.codecs.part_affinity import TREE
from poselab.codecs.part_affinity_group import (
    Candidates,
    Peaks,
    assemble,
    line_integrals,
    match_all,
    match_limbs,
    nearest_limbs,
    score_all,
    score_limbs,
)
from poselab.draw import SERIES, WRONG_ANSWER, font
from poselab.draw.captions import counted
from poselab.draw.overlay import legend, titled
from poselab.explore.controls import choice, slider
from poselab.explore.inputs import fitting, remembered
from poselab.explore.openpose_scene import SIZE, RowExplorer, View, whose_joints
from poselab.explore.pictures import beside
from poselab.skeleton import OPENPOSE_18

__all__ = ["AssemblyExplorer", "FieldExplorer"]

_LIMBS, _PARTS = OPENPOSE_18.limbs, OPENPOSE_18.joints
_NAMES = [f"{_PARTS[a]} to {_PARTS[b]}".replace("_", " ") for a, b in _LIMBS]
_INKS = SERIES[:4]  # of people A, B, C, D
_FEW = 6  # peaks of a joint that a table can show
_PEOPLE = {f"person {'ABCD'[i]}": (_INKS[i], "line") for i in range(4)}


class FieldExplorer(RowExplorer):
    """One limb's field as arrows, and the integrals of all pairs of its joints.

    `codec` is a `PartAffinityCodec`, whose rules decide but for the number of samples
    and the threshold. A `network` may answer in place of the truth. Only the six
    highest peaks of each joint take part.
    """

    def __init__(self, codec, network=None, *, width: int = 1000, **values) -> None:
        self.begin(codec)
        fix = "Give zoo.load('openpose_tiny') and its codec."
        self.network = None if network is None else fitting(network, codec, fix)
        sources = ("truth",) if network is None else ("truth", "network")
        controls = {
            "distance": slider("distance (mm)", 100, 800, 250, 25),
            "who": slider("who", 0, 9, 0),
            "limb": choice(
                "limb", list(zip(_NAMES, range(len(_LIMBS)), strict=True)), 2
            ),
            "source": choice("field from", sources),
            "noise": slider("noise", 0.0, 1.0, 0.0, 0.05, help="added to a true field"),
            "points": slider("samples", 2, 20, 10),
            "threshold": slider("threshold", 0.0, 0.9, 0.05, 0.05),
        }
        groups = {
            "People": ("distance", "who"),
            "Field": ("limb", "source", "noise"),
            "Integral": ("points", "threshold"),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def answer(self, distance: float, who: int) -> tuple[Tensor, Tensor]:
        """The network's last fields [38, h, w] and heatmaps [19, h, w] of a scene."""
        device = next(self.network.parameters()).device
        output = self.network(self.scene(distance, who).image[None].to(device))
        fields, heatmaps = self.codec.stages(output)[-1]
        return fields[0, self.codec.channels].cpu(), heatmaps[0].cpu()

    def read(self, limb, distance, who, points, threshold, noise, source):
        """The field [2, h, w], peaks, candidates that pass, and those taken of them."""
        if source == "network":
            fields, heatmaps = self.answer(distance, who)
        else:
            fields, heatmaps = self.maps(distance, who, 0.0, noise)
        peaks, field = self.peaks(heatmaps, _FEW), fields[2 * limb : 2 * limb + 2]
        rules = replace(self.codec.rules, points=points, point_threshold=threshold)
        found = score_limbs(self.enlarged(field), peaks, _LIMBS[limb], rules)
        return field, peaks, found, match_limbs(found)

    def _paint(self, **values) -> tuple[Image.Image, str]:
        field, peaks, passed, taken = self.read(**values)
        place, pair = (values["distance"], values["who"]), _LIMBS[values["limb"]]
        points, there = self.truth(*place)
        owner = whose_joints(peaks, points, there)
        view = _View.of(points[there], 4)
        picture = view.arrows(self.scene(*place).image, field, self.codec.stride)
        ends = [np.flatnonzero(peaks.part == part) for part in pair]
        ends = [part[np.argsort(owner[part], kind="stable")] for part in ends]
        picture = view.limbs(picture, peaks, [taken], owner, np.concatenate(ends))
        a, b = np.repeat(ends[0], len(ends[1])), np.tile(ends[1], len(ends[0]))
        large = self.enlarged(field)
        values_of = line_integrals(large, peaks.xy[a], peaks.xy[b], values["points"])
        integrals = values_of.mean(1).reshape(len(ends[0]), len(ends[1]))
        chosen, good = _pairs(taken), _pairs(passed)
        table = _matrix(ends, integrals, owner, chosen, good, picture.height)
        right = sum(owner[i] == owner[j] for i, j in chosen)
        caption = (
            f"{_NAMES[values['limb']].capitalize()}, people {values['distance']} mm "
            f"apart, field from the {values['source']}: {len(a)} pairs of "
            f"{len(ends[0])} and {len(ends[1])} peaks, {len(good)} pass the samples, "
            f"{len(chosen)} are taken (framed), {right} of them are one person's."
        )
        marks = _PEOPLE | {"joins two people": (WRONG_ANSWER, "line")}
        row = beside(titled(picture, "the field, and the limbs that are taken"), table)
        return legend(row, marks), caption


class AssemblyExplorer(RowExplorer):
    """People grow limb by limb, by three rules side by side.

    `step` is how many of the 19 limbs were looked at. The rules: integrals of the
    fields, best first; the nearest joints, nearest first; the joints whose distances
    have the smallest sum. `missing` is the share of joints that were not found.
    """

    def __init__(self, codec, *, width: int = 1100, **values) -> None:
        self.begin(codec)
        controls = {
            "distance": slider("distance (mm)", 100, 800, 250, 25),
            "who": slider("who", 0, 9, 0),
            "missing": slider("missing", 0.0, 0.5, 0.0, 0.05, help="share of joints"),
            "noise": slider("noise", 0.0, 1.0, 0.0, 0.05, help="added to the fields"),
            "step": slider(
                "limbs", 0, len(_LIMBS), len(_LIMBS), help="looked at so far"
            ),
        }
        groups = {
            "People": ("distance", "who"),
            "Maps": ("missing", "noise"),
            "Assembly": ("step",),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def connections(self, distance, who, missing, noise):
        """Peaks, and for each rule the limbs that it takes: 19 `Candidates`."""
        fields, heatmaps = self.maps(distance, who, missing, noise)
        peaks, large = self.peaks(heatmaps), self.enlarged(fields)
        near = [nearest_limbs(peaks, pair, (2, *SIZE)) for pair in _LIMBS]
        rules = replace(self.codec.rules, optimal=False)
        scored = score_all(large, peaks, _LIMBS, rules)
        return peaks, {
            "fields": match_all(*scored, _LIMBS, rules),
            "nearest first": [match_limbs(found) for found in near],
            "smallest sum": [match_limbs(found, True) for found in near],
        }

    def _paint(self, step, **place) -> tuple[Image.Image, str]:
        peaks, rules = self.connections(**place)
        points, there = self.truth(place["distance"], place["who"])
        owner, view = whose_joints(peaks, points, there), _View.of(points[there], 3)
        grey = view.grey(self.scene(place["distance"], place["who"]).image)
        views, words = [], []
        for name, taken in rules.items():
            picture = view.limbs(grey, peaks, taken[:step], owner)
            people = assemble(peaks, _LIMBS[:step], taken[:step], len(_PARTS), TREE)
            mixed = sum(len(set(owner[m[m >= 0]])) > 1 for m in people.members)
            wrong = sum(
                int((owner[c.first] != owner[c.second]).sum()) for c in taken[:step]
            )
            found = counted(len(people.members), "person", "people")
            views.append(titled(picture, f"{name}: {found}", 22))
            words.append(
                f"{name}: {found}, {mixed} of them mixed, "
                f"{counted(wrong, 'limb')} between two"
            )
        caption = (
            f"{len(peaks.part)} joints of four people {place['distance']} mm apart, "
            f"after {step} of {len(_LIMBS)} limbs. By {'; by '.join(words)}."
        )
        marks = _PEOPLE | {"joins two people": (WRONG_ANSWER, "line")}
        return legend(beside(*views), marks), caption


class _View(View):
    """The picture of people with a field and limbs on it."""

    def arrows(self, image: Tensor, field: Tensor, stride: int) -> Image.Image:
        """A dark image with an arrow for each cell whose vector is longer than 0.2."""
        grey = self.grey(image)
        picture = Image.blend(grey, Image.new("RGB", grey.size, "black"), 0.5)
        pen, vectors = ImageDraw.Draw(picture), field.numpy()
        y, x = np.nonzero(np.hypot(*vectors) > 0.2)
        middle = self.at(np.stack([x, y], 1) * stride + (stride - 1) / 2)
        along = vectors[:, y, x].T * 0.42 * stride * self.zoom
        tip, across = middle + along, along[:, ::-1] * np.array([-1, 1], along.dtype)
        wings = [tip - 0.7 * along + side * 0.5 * across for side in (-1, 1)]
        lines = np.concatenate([middle - along, tip], 1)
        heads = np.concatenate([tip, *wings], 1)
        seen = self.seen(np.concatenate([lines, heads], 1), grey.size)
        for line, head in zip(lines[seen].tolist(), heads[seen].tolist(), strict=True):
            pen.line(line, "white", 2)
            pen.polygon(head, "white")
        return picture

    def seen(self, corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Which shapes with corners [N, 2 C] px may touch a picture of size (W, H)."""
        corners = corners.reshape(len(corners), -1, 2)
        low, high = corners.min(1), corners.max(1)
        return ((low < np.array(size) + 2) & (high > -2)).all(1)

    def limbs(self, picture, peaks: Peaks, taken, owner, shown=None) -> Image.Image:
        """Limbs and peaks in the colour of their person, limbs of two people in red.

        taken: a list of `Candidates`; `shown`: which peaks are marked (None: all).
        """
        picture, at = picture.copy(), self.at(peaks.xy)
        pen = ImageDraw.Draw(picture)
        for i, j in (pair for limbs in taken for pair in _pairs(limbs)):
            ink = _INKS[owner[i]] if owner[i] == owner[j] else WRONG_ANSWER
            pen.line([*at[i], *at[j]], "white", 8)
            pen.line([*at[i], *at[j]], ink, 5)
        for i in range(len(at)) if shown is None else shown:
            (x, y), r = at[i], 4
            pen.ellipse([x - r, y - r, x + r, y + r], _INKS[owner[i]], "white")
        return picture


def _pairs(found: Candidates) -> list[tuple[int, int]]:
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def _matrix(ends, values, owner, chosen, good, height: int) -> Image.Image:
    """The integrals [N, M] of all pairs as a table; what is taken has a frame."""
    side, left, top = 66, 46, 58
    page = Image.new(
        "RGB", (left + _FEW * side, max(height + 24, top + 6 * side)), "white"
    )
    pen = ImageDraw.Draw(page)
    pen.text((4, 2), "integrals (grey: too few samples)", "black", font(15))
    for axis, part in enumerate(ends):
        for i, peak in enumerate(part):
            place = (
                (18, top + i * side + 20) if axis == 0 else (left + i * side + 26, 28)
            )
            pen.text(place, "ABCD"[owner[peak]], _INKS[owner[peak]], font(22))
    for (i, j), value in np.ndenumerate(values):
        a, b = int(ends[0][i]), int(ends[1][j])
        x, y = left + j * side + 3, top + i * side + 3
        shade = round(255 - 150 * min(1.0, max(0.0, value)))
        style: dict[str, Any] = {"outline": "#BBBBBB", "width": 1}
        if (a, b) in chosen:
            ink = _INKS[owner[a]] if owner[a] == owner[b] else WRONG_ANSWER
            style = {"outline": ink, "width": 5}
        pen.rectangle([x, y, x + side - 6, y + side - 6], (shade, 255, shade), **style)
        ink = "black" if (a, b) in good else "#909090"
        pen.text((x + 9, y + 19), f"{value:.2f}", ink, font(17))
    return page
