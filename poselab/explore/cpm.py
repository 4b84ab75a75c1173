"""The explorer of notebook 04: hide a limb, and watch the stages infer it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.codecs.heatmap import HeatmapCodec
from poselab.codecs.heatmap_decode import cells_to_pixels, peaks
from poselab.draw import BOX, PREDICTION, TRUTH, paint_box, paint_pose, to_pil
from poselab.draw.overlay import covered, heated, legend, ringed, titled
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, joint_menu, slider, toggle
from poselab.explore.inputs import device_of, expect, remembered, single_people
from poselab.explore.pictures import beside
from poselab.models.cpm import CPM
from poselab.records import Sample

__all__ = ["PoseMachineExplorer"]

_BIG, _SMALL = 4, 2  # picture pixels per image pixel
_WORDS = 20  # px, since a page shows the pictures at about half their size


class Answer(NamedTuple):
    """What the stages said about one input."""

    image: Tensor  # [3, H, W], with the painted square
    maps: tuple[Tensor, ...]  # [J, h, w] each
    joints: tuple[Tensor, ...]  # [J, 2] px each


class PoseMachineExplorer(Explorer):
    """The belief maps of all stages, with a square painted over the image.

    `network` is a `CPM` trained with the cross-entropy of cells, `samples` a stacked
    `Sample` with one person per image. Left the input that the network is given, with
    the pose of the chosen stage, the window that its cell at the answer depends on, the
    answer (pink ring) and the truth (green ring) for the chosen joint; right the
    joint's map after every stage, the chosen one framed. Answers are remembered, so
    make a new explorer after more training.
    """

    def __init__(
        self, network: CPM, samples: Sample, *, width: int = 800, **values
    ) -> None:
        fix = "zoo.load('cpm_tiny') is one."
        expect(network, CPM, "network", fix)
        self.network, self.samples = network.eval(), single_people(samples)
        self.skeleton, self.fields = samples.skeleton, network.fields()
        self.codec = HeatmapCodec(
            samples.size, network.stride, criterion="cross_entropy"
        )
        super().__init__(
            self._paint,
            self._make_controls(),
            groups=_GROUPS,
            needs={"x": "side", "y": "side"},
            values=values,
            width=width,
        )

    def _make_controls(self) -> dict:
        height, width = self.samples.size
        stages = [(f"stage {t}", t) for t in range(1, self.network.stages + 1)]
        return {
            "image": image_slider(self.samples),
            "joint": joint_menu(self.skeleton),
            "stage": choice("stage", stages, self.network.stages),
            "x": slider("square x (px)", 0, width - 1, width // 2),
            "y": slider("square y (px)", 0, height - 1, height // 2),
            "side": slider("its side (px)", 0, 64, 0),
            "pose": toggle("pose", True),
            "window": toggle("window", True),
        }

    # --- the network -----------------------------------------------------------------

    @remembered
    def _answer(self, index: int, x: int, y: int, side: int) -> Answer:
        device = device_of(self.network)
        image = covered(self.samples.image[index], x, y, side)
        outputs = [stage.cpu() for stage in self.network(image[None].to(device))]
        joints = [self.codec.decode(stage).keypoints[0, 0] for stage in outputs]
        maps = [self.codec.heatmaps(stage)[0] for stage in outputs]
        return Answer(image, tuple(maps), tuple(joints))

    def answer(self, image: int, x: int = 0, y: int = 0, side: int = 0) -> Answer:
        """All stages on an image with a square of `side` px around (x, y)."""
        x, y = (x, y) if side else (0, 0)  # without a square its place is all one
        return self._answer(image, x, y, side)

    def errors(self, joint: str, **where) -> list[float]:
        """How far the joint is off after each stage, in px (nan: not labelled)."""
        place, sample = self.skeleton.index(joint), self.samples[where["image"]]
        if not sample.visibility[0, place]:
            return [math.nan] * self.network.stages
        truth = sample.keypoints[0, place]
        return [float((y[place] - truth).norm()) for y in self.answer(**where).joints]

    def window(self, map: Tensor, stage: int) -> Tensor:
        """What the highest cell of a map [h, w] of `stage` depends on: xywh px."""
        cell, _ = peaks(map)
        middle = cells_to_pixels(cell.float(), self.network.stride)
        side = float(self.fields[stage - 1])
        return torch.cat([middle + 0.5 - side / 2, middle.new_full((2,), side)])

    # --- the picture -----------------------------------------------------------------

    def _paint(self, joint, stage, pose, window, **where) -> tuple[Image.Image, str]:
        place, sample = self.skeleton.index(joint), self.samples[where["image"]]
        seen = self.answer(**where)
        errors = self.errors(joint, **where)
        photo = to_pil(seen.image, _BIG)
        if pose:
            photo = paint_pose(
                photo, seen.joints[stage - 1], None, self.skeleton, _BIG, size=4
            )
        if window:
            box = self.window(seen.maps[stage - 1][place], stage)
            photo = paint_box(photo, _inside(box, sample.size), _BIG)
        photo = self._rings(photo, sample, seen.joints[stage - 1], place, _BIG)
        side = self.fields[stage - 1]
        photo = titled(photo, f"stage {stage}: a cell sees {side} px", _WORDS)
        maps = [
            self._map(seen, sample, place, t, errors[t - 1], t == stage)
            for t in range(1, self.network.stages + 1)
        ]
        marks = {"answer": (PREDICTION, "ring"), "truth": (TRUTH, "ring")}
        marks |= {"what its cell sees, and the stage": (BOX, "box")} if window else {}
        picture = beside(photo, _columns(maps, photo.height))
        picture = legend(picture, marks, _WORDS)
        return picture, self._describe(joint, stage, errors, **where)

    def _map(self, seen, sample, place, t, error, chosen) -> Image.Image:
        """The joint's map after stage t over the grey image, under a title."""
        panel = heated(seen.image, seen.maps[t - 1][place], _SMALL)
        panel = self._rings(panel, sample, seen.joints[t - 1], place, _SMALL)
        if chosen:
            edge = [0, 0, panel.width - 1, panel.height - 1]
            ImageDraw.Draw(panel).rectangle(edge, outline=BOX, width=4)
        off = "" if math.isnan(error) else f": {error:.1f} px off"
        return titled(panel, f"stage {t}{off}", _WORDS)

    def _rings(self, picture, sample, joints, place, scale) -> Image.Image:
        if sample.visibility[0, place]:
            truth = sample.keypoints[0, place]
            picture = ringed(picture, truth, scale, TRUTH)
        return ringed(picture, joints[place], scale, PREDICTION)

    def _describe(self, joint, stage, errors, image, x, y, side) -> str:
        off = ", ".join(f"{error:.1f}" for error in errors)
        said = f"{off} px off" if not math.isnan(errors[0]) else "not labelled"
        square = f"a grey square of {side} px at ({x}, {y})" if side else "no square"
        heights = self.answer(image, x, y, side).maps
        place = self.skeleton.index(joint)
        peak = ", ".join(f"{float(m[place].amax()):.2f}" for m in heights)
        return (
            f"Image {image}, {square}. {joint.replace('_', ' ')} after stages 1 to "
            f"{len(errors)}: {said}; peaks {peak}. Shown is stage {stage}, whose "
            f"cells see {self.fields[stage - 1]} px."
        )


_GROUPS = {
    "Input": ("image", "joint"),
    "Paint it out": ("x", "y", "side"),
    "Show": ("stage", "pose", "window"),
}


def _inside(box: Tensor, size: tuple[int, int]) -> Tensor:
    """The part of a box [4] xywh that lies in the image, so that its edge is seen."""
    limit = box.new_tensor([size[1] - 0.5, size[0] - 0.5])
    low = (box[:2] - 0.5).clamp(min=-0.5) + 0.5
    high = torch.minimum(box[:2] - 0.5 + box[2:], limit) + 0.5
    return torch.cat([low, high - low])


def _columns(panels: list[Image.Image], height: int, gap: int = 8) -> Image.Image:
    """Panels in two rows, first to last from left to right; `height` px in all."""
    across = -(-len(panels) // 2)
    rows = [beside(*panels[i : i + across]) for i in range(0, len(panels), across)]
    width = max(row.width for row in rows)
    tall = max(height, sum(row.height for row in rows) + gap * (len(rows) - 1))
    page, top = Image.new("RGB", (width, tall), "white"), 0
    for row in rows:
        page.paste(row, (0, top))
        top += row.height + gap
    return page
