"""The explorer of notebook 01: what each stage of a DeepPose cascade sees and says."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.draw import (
    BOX,
    LEFT,
    PREDICTION,
    RIGHT,
    TRUTH,
    font,
    paint_arrows,
    paint_box,
    paint_pose,
    to_pil,
)
from poselab.draw.overlay import legend, ringed
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, joint_menu, slider, toggle
from poselab.explore.inputs import device_of, expect, remembered, single_people
from poselab.explore.pictures import beside
from poselab.geometry import crop_boxes
from poselab.models.deeppose import Cascade
from poselab.records import Sample

__all__ = ["CascadeExplorer"]

_TALL = 512  # px, the height of the painted image
_SIDE = 240  # px, the side of the painted crop


class Answer(NamedTuple):
    """What the cascade said about one input."""

    image: Tensor  # [3, H, W], the shifted input
    stages: tuple[Tensor, ...]  # [J, 2] px each
    boxes: tuple[Tensor, ...]  # [J, 4] xywh px, where stage s + 1 looked


def shifted(image: Tensor, dx: int, dy: int) -> Tensor:
    """The image [..., H, W] moved by (dx, dy) px; the border is repeated."""
    height, width = image.shape[-2:]
    rows = (torch.arange(height) - dy).clamp(0, height - 1)
    columns = (torch.arange(width) - dx).clamp(0, width - 1)
    return image[..., rows, :][..., columns]


class CascadeExplorer(Explorer):
    """A cascade at work on single-person images.

    `network` is a `Cascade`, `samples` a stacked `Sample` with one person per image.
    The picture shows the pose of a chosen stage in the colours of the sides, the truth
    in green, arrows from stage to stage, the window that the next stage looks at around
    a chosen joint, that window enlarged, and the mean error of every stage. Moving the
    input by dx, dy shows how exactly a regressor follows a shift. The network is
    put into eval mode; its answers are remembered, so make a new explorer after more
    training.
    """

    def __init__(
        self, network: Cascade, samples: Sample, *, width: int = 660, **values
    ) -> None:
        fix = "zoo.load('deeppose_tiny') is one."
        expect(network, Cascade, "network", fix)
        self.network, self.samples = network.eval(), single_people(samples)
        self.skeleton = samples.skeleton
        super().__init__(
            self._paint,
            self._make_controls(),
            groups=_GROUPS,
            values=values,
            width=width,
        )

    def _make_controls(self) -> dict:
        stages = 1 + len(self.network.refiners)
        options = [(f"stage {s}", s) for s in range(1, stages + 1)]
        sigma = round(self.network.sigma, 2)
        return {
            "image": image_slider(self.samples),
            "stage": choice("show", options, stages),
            "joint": joint_menu(self.skeleton, self.skeleton.joints[-1]),
            "sigma": slider("crop size σ", 0.25, max(3.0, 2 * sigma), sigma, 0.05),
            "dx": slider("shift x (px)", -32, 32, 0),
            "dy": slider("shift y (px)", -32, 32, 0),
            "truth": toggle("truth", True),
            "arrows": toggle("arrows", True),
            "window": toggle("window", True),
        }

    # --- the network -----------------------------------------------------------------

    @remembered
    def _answer(self, index: int, sigma: float, dx: int, dy: int) -> Answer:
        device = device_of(self.network)
        cascade = copy.copy(self.network)  # shares the weights, has its own sigma
        cascade.sigma = sigma
        image = shifted(self.samples.image[index], dx, dy)
        stages = [points[0].cpu() for points in cascade(image[None].to(device))]
        boxes = [cascade.boxes(points[None])[0] for points in stages]
        return Answer(image, tuple(stages), tuple(boxes))

    def errors(self, image: int, sigma: float, dx: int = 0, dy: int = 0) -> list[float]:
        """Mean distance in px to the labelled joints in sight, after every stage."""
        truth, flags = self._truth(image, dx, dy)
        stages = self._answer(image, sigma, dx, dy).stages
        return [_mean((points - truth).norm(dim=-1), flags) for points in stages]

    def followed(self, image: int, sigma: float, dx: int, dy: int) -> list[list[float]]:
        """How far (x, y) the answer moved with the input, mean in px, per stage."""
        still = self._answer(image, sigma, 0, 0).stages
        moved = self._answer(image, sigma, dx, dy).stages
        _, flags = self._truth(image, dx, dy)
        return [
            [_mean((b - a)[:, k], flags) for k in (0, 1)]
            for a, b in zip(still, moved, strict=True)
        ]

    def _truth(self, index: int, dx: int, dy: int) -> tuple[Tensor, Tensor]:
        """True joints [J, 2] of the shifted image, and flags [J], 0 where outside."""
        truth = self.samples.keypoints[index, 0] + torch.tensor([dx, dy])
        height, width = self.samples.size
        inside = (truth > -0.5) & (truth < torch.tensor([width, height]) - 0.5)
        return truth, self.samples.visibility[index, 0] * inside.all(-1)

    # --- the picture -----------------------------------------------------------------

    def _paint(self, image, stage, joint, sigma, dx, dy, **show) -> tuple:
        sigma = round(sigma, 4)
        answer = self._answer(image, sigma, dx, dy)
        truth, flags = self._truth(image, dx, dy)
        errors = self.errors(image, sigma, dx, dy)
        place = self.skeleton.index(joint)
        photo = self._photo(answer, stage, place, truth, flags, show)
        looked = min(stage, max(1, len(answer.stages) - 1)) - 1
        crop = self._crop(answer, looked, place, truth, flags)
        sees = f"what stage {looked + 2} sees" if self.network.refiners else "a window"
        title = f"{sees} of the {joint.replace('_', ' ')}"
        panel = _panel(crop, title, errors, stage, photo.height)
        caption = self._describe(image, joint, sigma, dx, dy, errors, answer, truth)
        return legend(beside(photo, panel), _MARKS), caption

    def _photo(self, answer, stage, place, truth, flags, show) -> Image.Image:
        scale = max(1, round(_TALL / answer.image.shape[-2]))
        photo = to_pil(answer.image, scale)
        if show["truth"]:
            photo = paint_pose(
                photo,
                truth,
                flags,
                self.skeleton,
                scale,
                colour=TRUTH,
                hidden="hollow",
                size=3,
            )
        photo = paint_pose(photo, answer.stages[stage - 1], None, self.skeleton, scale)
        if show["arrows"]:
            for a, b in pairwise(answer.stages[:stage]):
                photo = paint_arrows(photo, a, b, scale)
        if show["window"]:
            looked = min(stage, max(1, len(answer.stages) - 1)) - 1
            photo = paint_box(photo, answer.boxes[looked][place], scale)
        return photo

    def _crop(self, answer, looked, place, truth, flags) -> Image.Image:
        """The window of one joint, its middle, and where the next stage puts it."""
        box = answer.boxes[looked][place]
        pixels = self.network.refiners[0].crop if self.network.refiners else 32
        crop = crop_boxes(answer.image[None], box[None, None], (pixels, pixels))[0, 0]
        scale = _SIDE / pixels
        shown = [answer.stages[looked][place], truth[place]]
        if looked + 1 < len(answer.stages):
            shown.append(answer.stages[looked + 1][place])
        at = (torch.stack(shown) + 0.5 - box[:2]) * pixels / box[2:] - 0.5
        picture = to_pil(to_pil(crop).resize((_SIDE, _SIDE), Image.Resampling.NEAREST))
        if flags[place]:
            picture = ringed(picture, at[1], scale, TRUTH, 8)
        if len(at) == 3:
            picture = paint_arrows(picture, at[:1], at[2:], scale)
        return ringed(picture, at[0], scale, BOX, 8)

    def _describe(self, image, joint, sigma, dx, dy, errors, answer, truth) -> str:
        place = self.skeleton.index(joint)
        own = [float((s[place] - truth[place]).norm()) for s in answer.stages]
        side = float(answer.boxes[0][place, 2])
        parts = [
            f"Image {image}: mean error {_steps(errors)} px from stage to stage; "
            f"{joint.replace('_', ' ')} {_steps(own)} px.",
            f"Crop {side:.0f} px wide (σ = {sigma:.2f}).",
        ]
        if dx or dy:
            moves = self.followed(image, sigma, dx, dy)
            moves = " and ".join(f"({x:.1f}, {y:.1f})" for x, y in moves)
            before = _steps(self.errors(image, sigma))
            parts.append(
                f"Input moved by ({dx}, {dy}) px, the answers by {moves}; "
                f"without the shift the error is {before} px."
            )
        return " ".join(parts)


_MARKS = {
    "truth": (TRUTH, "line"),
    "left side": LEFT,
    "right side": RIGHT,
    "what the stage changed": (PREDICTION, "line"),
    "where the later stage looks": (BOX, "box"),
}
_GROUPS = {
    "Input": ("image", "dx", "dy"),
    "Cascade": ("stage", "joint", "sigma"),
    "Show": ("truth", "arrows", "window"),
}


def _mean(values: Tensor, flags: Tensor) -> float:
    known = flags > 0
    return float(values[known].mean()) if bool(known.any()) else 0.0


def _steps(values: list[float]) -> str:
    return " → ".join(f"{value:.1f}" for value in values)


def _panel(crop, title: str, errors: list[float], stage: int, height: int):
    """The crop under its title, and below it a bar per stage for the mean error."""
    panel = Image.new("RGB", (_SIDE, height), "white")
    pen = ImageDraw.Draw(panel)
    pen.multiline_text((0, 2), title.replace(" of ", "\nof "), "black", font(15))
    panel.paste(crop, (0, 44))
    top = 44 + _SIDE + 14
    pen.text((0, top), "mean error", "black", font(15))
    longest = max(20.0, *errors)
    for s, error in enumerate(errors, 1):
        y = top + 26 * s
        colour = PREDICTION if s == stage else "#BBBBBB"
        pen.rectangle([0, y, 2 + (_SIDE - 90) * error / longest, y + 18], fill=colour)
        text = f"{s}: {error:.1f} px"
        pen.text((10 + (_SIDE - 90) * error / longest, y), text, "black", font(15))
    return panel
