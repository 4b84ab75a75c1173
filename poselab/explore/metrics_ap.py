"""The second explorer of notebook 16: precision and recall, one detection at a time."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from poselab.datasets import to_coco, to_results
from poselab.draw import (
    PREDICTION,
    SERIES,
    TRUTH,
    WRONG_ANSWER,
    paint_pose,
    paint_text,
    style,
    to_pil,
)
from poselab.draw.overlay import legend
from poselab.errors import require
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider
from poselab.explore.inputs import expect, remembered
from poselab.explore.pictures import Chart, beside
from poselab.metrics import coco_curves
from poselab.metrics.ap.curves import CocoCurves, DetectionCurve
from poselab.records import Poses, Sample

_SIDE = 440  # px, the chart
_HEIGHT = 336  # px of the painted scene
_RIGHTLY = SERIES[0]  # the ranking that COCO makes of the scores as they are
_TAKEN = "black"  # a palette of few colours keeps it apart from the truth
_MARKS = {
    "truth": TRUTH,
    "this detection": PREDICTION,
    "taken so far": (_TAKEN, "line"),
    "envelope": (SERIES[1], "line"),
    "envelope of the scores as they are, over the whole set": (_RIGHTLY, "line"),
}
THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
MAPS = (
    ("as they are", "same"),
    ("squared", "squared"),
    ("times 0.01", "small"),
    ("their logarithm", "log"),
    ("1 - score", "reversed"),
)
ORDERS = (("the whole set", "set"), ("image by image (wrong)", "image"))


# --- the ranking ---------------------------------------------------------------------


class Ranking(NamedTuple):
    """Detections in an order, with what follows from it; arrays [N]."""

    score: np.ndarray
    image_id: np.ndarray
    index: np.ndarray  # in the list of results
    right: np.ndarray
    precision: np.ndarray  # after this detection
    recall: np.ndarray
    envelope: np.ndarray  # the best precision from here on
    ap: float
    people: int


def ranked(found: DetectionCurve, rows: np.ndarray) -> Ranking:
    """Precision and recall of the detections `rows` of a curve, in that order."""
    right = found.right[rows]
    hits = right.cumsum()
    precision = hits / np.arange(1, len(rows) + 1)
    recall = hits / found.people
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, np.linspace(0, 1, 101))
    ap = np.append(envelope, 0.0)[place].mean()
    return Ranking(
        found.score[rows],
        found.image_id[rows],
        found.index[rows],
        right,
        precision,
        recall,
        envelope,
        float(ap),
        found.people,
    )


# --- the explorer --------------------------------------------------------------------


class PrecisionRecall(Explorer):
    """The curve behind AP, built from the surest detection to the least sure.

    `crowd` is a stacked `Sample`, `found` one `Poses` per image. `taken` detections of
    the ranking count so far; the picture shows the last of them in its image, right or
    wrong at `threshold`; the chart shows precision over recall. `noise` is added to the
    scores, `scores` maps them, `order` sorts them over the set or (wrongly) in each
    image.
    """

    def __init__(
        self, crowd: Sample, found: list[Poses], *, width: int = 900, **values
    ) -> None:
        expect(crowd, Sample, "crowd")
        expect(found, list, "found", "One Poses per image.")
        require(
            crowd.is_stacked and len(crowd) == len(found),
            "one Poses per image is needed",
            where="PrecisionRecall",
            field="found",
            value=len(found),
        )
        self.crowd = crowd
        height, across = crowd.size
        self._scale = _HEIGHT / height
        self._size = round(self._scale * across), _HEIGHT
        self._truth = to_coco(list(crowd))
        self._ids = [image["id"] for image in self._truth["images"]]
        self._found = [
            entry
            for key, poses in zip(self._ids, found, strict=True)
            for entry in to_results(poses, key)
        ]
        draws = torch.Generator().manual_seed(0)
        self._noise = torch.randn(len(self._found), generator=draws).tolist()
        self._chart = _Curve()
        super().__init__(
            self._paint,
            self._make_controls(),
            groups=_GROUPS,
            values=values,
            width=width,
        )

    def _make_controls(self) -> dict:
        total = len(self._found)
        return {
            "taken": slider("detections", 1, total, total // 3),
            "threshold": choice("right if OKS ≥", THRESHOLDS, 0.5),
            "noise": slider("score noise", 0.0, 1.0, 0.0, 0.05),
            "scores": choice("scores", MAPS),
            "order": choice("sorted over", ORDERS),
        }

    def ranking(self, threshold: float, noise: float, scores: str, order: str):
        """The detections in their order with precision and recall; a `Ranking`."""
        found = self._curves(noise, scores).detections(threshold=threshold)
        keep = ~found.ignored  # they count neither way
        rows = np.flatnonzero(keep)
        if order == "image":
            rows = rows[np.argsort(found.image_id[rows], kind="stable")]
        return ranked(found, rows)

    @remembered
    def _curves(self, noise: float, scores: str) -> CocoCurves:
        pairs = zip(self._found, self._noise, strict=True)
        records = [
            {**entry, "score": mapped(entry["score"] + noise * draw, scores)}
            for entry, draw in pairs
        ]
        return coco_curves(copy.deepcopy(self._truth), records)

    def _paint(self, taken, threshold, noise, scores, order) -> tuple:
        curve = self.ranking(threshold, noise, scores, order)
        last = min(taken, len(curve.score)) - 1
        right = self.ranking(threshold, 0.0, "same", "set")
        self._chart.follow(curve, last, threshold, right)
        picture = beside(self._scene(curve, last, threshold), self._chart.chart.image())
        caption = _describe(curve, last, threshold, noise, scores, order)
        return legend(picture, _MARKS), caption

    @remembered
    def _ground(self, image: int) -> Image.Image:
        scene = self.crowd[image]
        return paint_pose(
            to_pil(scene.image).resize(self._size, Image.Resampling.BILINEAR),
            scene.keypoints,
            scene.visibility,
            scene.skeleton,
            self._scale,
            colour=TRUTH,
            size=2.5,
        )

    def _scene(self, curve: Ranking, last: int, threshold: float) -> Image.Image:
        """The image of the last detection: truth in green, detection in its colour."""
        picture = self._ground(self._ids.index(int(curve.image_id[last])))
        entry = self._found[int(curve.index[last])]
        points = torch.tensor(entry["keypoints"]).view(-1, 3)[:, :2]
        picture = paint_pose(
            picture,
            points,
            None,
            self.crowd.skeleton,
            self._scale,
            colour=PREDICTION,
            size=3,
        )
        place = f"detection {last + 1} of {len(curve.score)}"
        text = f"{place}, score {curve.score[last]:.3g}:\n"
        text += _verdict(curve, last, threshold)
        return paint_text(picture, text, 18)


def mapped(score: float, how: str) -> float:
    """A score on another scale; all of `MAPS` but the last keep the order."""
    score = max(score, 1e-6)  # the noise may leave (0, inf)
    if how == "log":
        return float(torch.tensor(score).log())
    return {
        "same": score,
        "squared": score**2,
        "small": 0.01 * score,
        "reversed": 1 - score,
    }[how]


def _verdict(curve: Ranking, last: int, threshold: float) -> str:
    if curve.right[last]:
        return f"right: OKS of {threshold:.2f} or more with a person who was free"
    return f"wrong: no free person with an OKS of {threshold:.2f} or more"


class _Curve:
    """Precision over recall as a kept chart."""

    def __init__(self) -> None:
        with style():
            self.chart = Chart(_SIDE + 40, _SIDE)
        axes = self.chart.axes
        with style():
            axes.set(xlim=(0, 1), ylim=(0, 1.04), axisbelow=True)
            axes.set_xlabel("recall: people found")
            axes.set_ylabel("precision: answers right")
            self._title = axes.set_title("OKS ≥ 0.50: AP 0.00")
        (self._right,) = axes.plot([], [], color=_RIGHTLY, lw=2)
        (self._whole,) = axes.plot([], [], color="#BBBBBB", lw=2)
        (self._line,) = axes.plot([], [], color=_TAKEN, lw=3)
        (self._envelope,) = axes.plot([], [], color=SERIES[1], lw=2, ls="--")
        (self._dot,) = axes.plot([], [], "o", ms=12, mec="black")
        self._area = axes.fill_between([0, 1], 0, color=SERIES[1], alpha=0.15, lw=0)

    def follow(
        self, curve: Ranking, last: int, threshold: float, right: Ranking
    ) -> None:
        """Show a ranking up to its detection `last`, and the envelope of another."""
        self._right.set_data(*_outline(right))
        self._whole.set_data(curve.recall, curve.precision)
        self._line.set_data(curve.recall[: last + 1], curve.precision[: last + 1])
        recall, best = _outline(curve)
        self._envelope.set_data(recall, best)
        self._dot.set_data([curve.recall[last]], [curve.precision[last]])
        self._dot.set_color(TRUTH if curve.right[last] else WRONG_ANSWER)
        ends = np.array([[recall[0], 0], [recall[-1], 0]])
        outline = [ends[:1], np.stack([recall, best], 1), ends[1:]]
        self._area.set_verts([np.concatenate(outline)])
        self._title.set_text(f"OKS ≥ {threshold:.2f}: AP {curve.ap:.3f}")


def _outline(curve: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """The envelope over recall, from recall 0 on."""
    best = np.concatenate([curve.envelope[:1], curve.envelope])
    return np.concatenate([[0], curve.recall]), best


_GROUPS = {"Curve": ("taken", "threshold"), "Scores": ("noise", "scores", "order")}


def _describe(curve: Ranking, last: int, threshold, noise, scores, order) -> str:
    right = int(curve.right[: last + 1].sum())
    names = {value: text for text, value in (*MAPS, *ORDERS)}
    return (
        f"After {last + 1} of {len(curve.score)} detections {right} of {curve.people} "
        f"people are found at OKS ≥ {threshold:.2f}: precision "
        f"{curve.precision[last]:.3f}, recall {curve.recall[last]:.3f}. The last one, "
        f"with score {curve.score[last]:.3g}, is "
        f"{'right' if curve.right[last] else 'wrong'}. Scores {names[scores]}, noise "
        f"{noise:.2f}, sorted over {names[order]}: the area under the envelope is "
        f"{curve.ap:.3f}."
    )
