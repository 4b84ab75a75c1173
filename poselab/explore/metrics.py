"""The first explorer of notebook 16: drag a joint and see every metric.

Precision and recall are in `poselab.explore.metrics_ap`, tracks in
`poselab.explore.metrics_tracks`.
"""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from poselab.draw import TRUTH, paint_pose, to_bytes, to_pil
from poselab.errors import require
from poselab.explore.base import Explorer
from poselab.explore.canvas import JointCanvas
from poselab.explore.controls import choice, joint_menu, slider, toggle
from poselab.explore.inputs import remembered, single_people
from poselab.explore.metrics_ap import PrecisionRecall
from poselab.explore.metrics_panel import Answer, paint_discs, paint_panel
from poselab.explore.metrics_tracks import TrackingErrors
from poselab.explore.pictures import beside
from poselab.metrics import everything, oks_per_joint, oks_radius, reference_length
from poselab.records import Sample

__all__ = ["MetricLab", "PrecisionRecall", "TrackingErrors"]

_LOUPE, _ZOOM = 30, 6  # image px around the selected joint, and their enlargement
REFERENCES = (
    ("longer side of the box", "box"),
    ("torso", "torso"),
    ("diagonal of the box", "diagonal"),
)
FACTORS = (("k = 2σ (COCO)", 2.0), ("k = σ (misread)", 1.0))
SCALES = (
    ("s² = segment area", "segment"),
    ("s² = box area", "box"),
    ("s² = √area (misread)", "root"),
)


class MetricLab(Explorer):
    """One predicted person, whose joints can be dragged, and their metrics.

    `samples` is a stacked `Sample` with one person per image, `predicted` [N, J, 2] px.
    Truth is green. A disc around each true joint is where PCK calls a prediction
    correct, `alpha` of the `reference` length; a ring is where the joint's part in OKS
    is 0.5, for k and s^2 as chosen. Without the canvas, sliders move the joint.
    """

    def __init__(
        self, samples: Sample, predicted: Tensor, *, width: int = 430, **values
    ) -> None:
        samples = single_people(samples)
        require(
            predicted.shape == samples.keypoints[:, 0].shape,
            "one pose per image is needed",
            where="MetricLab",
            field="predicted",
            value=list(predicted.shape),
        )
        self.samples, self.predicted = samples, predicted.detach().cpu()
        self.skeleton = samples.skeleton
        self._scale = width / samples.size[1]
        self.points = self._start(values.get("person", 0))
        self._shown: Image.Image | None = None
        controls = self._make_controls(values.get("person", 0))
        self.canvas = self._make_canvas(width, values.get("person", 0))
        super().__init__(
            self._paint,
            controls,
            values=values,
            canvas=self.canvas,
            groups=_GROUPS,
            width=400 if self.canvas else 860,
        )

    # --- what the metrics say --------------------------------------------------------

    def answer(self, **values: Any) -> Answer:
        """Every metric of the joints as they are now, for these values of controls."""
        v = {**self.values, **values}
        truth, flags, box, area = self._person(v["person"])
        s2 = {"segment": area, "box": box[2:].prod(), "root": area.sqrt()}[v["scale"]]
        pred = torch.tensor(self.points)
        given = (pred[None], truth[None], flags[None])
        numbers = everything(*given, box[None], area[None], skeleton=self.skeleton)
        each = oks_per_joint(*given, s2[None], self.skeleton, v["k"])[0]
        length = reference_length(truth, flags, v["reference"], box, self.skeleton)
        disc = v["alpha"] * length
        ring = oks_radius(s2, 0.5, self.skeleton, v["k"])
        return Answer(numbers, each, (pred - truth).norm(dim=-1), flags, disc, ring)

    def _person(self, i: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        s = self.samples
        return s.keypoints[i, 0], s.visibility[i, 0], s.boxes[i, 0], s.areas[i, 0]

    def _start(self, person: int) -> list[list[float]]:
        height, width = self.samples.size
        limit = torch.tensor([width - 1.0, height - 1.0])
        inside = torch.minimum(self.predicted[person].clamp(min=0), limit)
        return [[round(float(x), 1) for x in point] for point in inside]

    # --- controls and canvas follow each other ---------------------------------------

    def _make_controls(self, person: int) -> dict[str, Any]:
        height, width = self.samples.size
        x, y = self.points[0]
        controls = {
            "person": slider("person", 0, len(self.samples) - 1, person),
            "joint": joint_menu(self.skeleton, self.skeleton.joints[0]),
            "x": slider("x (px)", 0.0, width - 1.0, x, 0.1),
            "y": slider("y (px)", 0.0, height - 1.0, y, 0.1),
            "alpha": slider("PCK fraction", 0.01, 0.5, 0.1, 0.01),
            "reference": choice("of the", REFERENCES),
            "k": choice("OKS: k", FACTORS),
            "scale": choice("OKS: s²", SCALES),
            "discs": toggle("PCK discs", True),
            "rings": toggle("OKS rings", True),
        }
        controls["person"].observe(self._another, "value")
        controls["joint"].observe(self._select, "value")
        for name in ("x", "y"):
            controls[name].observe(self._store, "value")
        return controls

    def _make_canvas(self, width: int, person: int):
        if JointCanvas is None:
            return None
        skeleton = self.skeleton
        canvas = JointCanvas(
            image=to_bytes(
                self._photo(person)
            ),  # never empty, however late updates are
            size=list(self.samples.size),
            names=list(skeleton.joints),
            sides=list(skeleton.sides),
            limbs=[list(limb) for limb in skeleton.limbs],
            points=[list(p) for p in self.points],
            visibility=[2] * len(skeleton),
            width=width,
            step=0.1,
            label="Predicted joints over the image. Arrow keys move the selected one.",
        )
        canvas.observe(self._hear, ["points", "visibility", "selected"])
        return canvas

    @property
    def _joint(self) -> int:
        return self.skeleton.index(self.controls["joint"].value)

    def _another(self, change: Any) -> None:
        """Another person: start from the network's answer."""
        with self._hold():
            self.points = self._start(change["new"])
            self._select(change)
            self._tell()

    def _begin_again(self) -> None:
        self._another({"new": self.controls["person"].value})

    def _select(self, change: Any) -> None:
        """Show the numbers of the selected joint on the sliders."""
        with self._hold():
            for name, value in zip("xy", self.points[self._joint], strict=True):
                self.controls[name].unobserve(self._store, "value")
                self.controls[name].value = value
                self.controls[name].observe(self._store, "value")
            if self.canvas:
                self.canvas.selected = self._joint

    def _store(self, change: Any) -> None:
        """A slider moved the selected joint: tell the canvas."""
        with self._hold():
            axis = 0 if change["owner"] is self.controls["x"] else 1
            self.points[self._joint][axis] = round(float(change["new"]), 1)
            self._tell()

    def _tell(self) -> None:
        if self.canvas:
            self.canvas.points = [list(p) for p in self.points]

    def _hear(self, change: Any) -> None:
        """The canvas changed: show it on the sliders and redraw."""
        self.canvas.visibility = [2] * len(self.skeleton)  # an answer has no flags
        points = [[float(n) for n in p] for p in self.canvas.points]
        joint = self.skeleton.joints[self.canvas.selected]
        if points == self.points and joint == self.values["joint"]:
            return
        with self._hold():
            self.points = points
            self.controls["joint"].value = joint
            self._select(change)
        self._request()

    # --- pictures --------------------------------------------------------------------

    def _paint(self, **values: Any) -> tuple[Image.Image, str]:
        answer = self.answer(**values)
        ground = self._ground(*(values[n] for n in _GROUND))
        if self.canvas and self._shown is not ground:
            self._shown = ground
            self.canvas.image = to_bytes(ground)
        j = self.skeleton.index(values["joint"])
        panel = paint_panel(answer, self._loupe(ground, j), self.skeleton, j)
        caption = _describe(answer, self.skeleton.joints[j], values)
        return (panel if self.canvas else beside(self._whole(ground), panel)), caption

    def _still(self) -> Image.Image:
        ground = self._ground(*(self.values[n] for n in _GROUND))
        return beside(self._whole(ground), self._image) if self.canvas else self._image

    def _photo(self, person: int) -> Image.Image:
        size = [round(self._scale * n) for n in self.samples.size[::-1]]
        photo = to_pil(self.samples.image[person])
        return photo.resize(size, Image.Resampling.BILINEAR)

    def _whole(self, ground: Image.Image) -> Image.Image:
        return paint_pose(
            ground, torch.tensor(self.points), None, self.skeleton, self._scale, size=5
        )

    def _loupe(self, ground: Image.Image, j: int) -> Image.Image:
        """What is around the selected joint, enlarged."""
        corner = torch.tensor(self.points[j]) - _LOUPE / 2
        left, top = (self._scale * corner).round().int().tolist()
        side = round(self._scale * _LOUPE)
        part = ground.crop((left, top, left + side, top + side))
        part = part.resize((_LOUPE * _ZOOM,) * 2)
        points = torch.tensor(self.points) - corner
        return paint_pose(part, points, None, self.skeleton, _ZOOM, limbs=False, size=6)

    @remembered
    def _ground(self, person, alpha, reference, k, scale, discs, rings):
        """The photograph with the truth, its discs and its rings."""
        truth, flags, _, _ = self._person(person)
        answer = self.answer(
            person=person, alpha=alpha, reference=reference, k=k, scale=scale
        )
        photo = self._photo(person)
        photo = paint_discs(photo, truth, answer, self._scale, discs, rings)
        return paint_pose(
            photo, truth, flags, self.skeleton, self._scale, colour=TRUTH, size=3.5
        )


_GROUND = ("person", "alpha", "reference", "k", "scale", "discs", "rings")
_GROUPS = {
    "Prediction": ("person", "joint", "x", "y"),
    "Metrics": ("alpha", "reference", "k", "scale", "discs", "rings"),
}


def _describe(answer: Answer, joint: str, values: dict) -> str:
    n = answer.numbers
    names = {value: text for text, value in REFERENCES}
    right, labelled = answer.correct
    return (
        f"Person {values['person']}: PCK {right} of {labelled} joints within "
        f"{answer.disc:.1f} px ({values['alpha']:.2f} of the "
        f"{names[values['reference']]}), PDJ@0.2 "
        f"{n['PDJ@0.2']:.2f}, PCP {n['PCP']:.2f} strict, {n['PCP loose']:.2f} loose, "
        f"OKS {answer.oks:.3f}, so COCO's AP of this one answer is {answer.ap:.1f}. "
        f"Selected: {joint.replace('_', ' ')}."
    )
