"""The explorers of notebook 03: what each resolution sees, what the others expect."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor, nn

from poselab.codecs.heatmap import HeatmapCodec, gaussian_heatmaps
from poselab.codecs.heatmap_decode import cells_to_pixels, peaks, pixels_to_cells
from poselab.draw import BOX, TRUTH, font, paint_box, paint_pose, to_pil
from poselab.draw.overlay import heated, legend, ringed, titled
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, joint_menu, slider, toggle
from poselab.explore.inputs import device_of, expect, remembered, single_people
from poselab.explore.pictures import beside
from poselab.geometry import crop_boxes
from poselab.models.tompson import CoarseToFine, PyramidNet, SpatialModel
from poselab.records import Sample

__all__ = ["PyramidExplorer", "SpatialExplorer"]

_LEVELS = ("full", "half", "quarter", "eighth")
_INKS = ("#F0E442", "#56B4E9", "#009E73", "#CC79A7")  # of the levels' fields
_WORDS = 22  # px, since a page shows the pictures at about half their size
EVERYBODY = "all"  # no menu can show that None is chosen


def coarse_net(network: nn.Module) -> PyramidNet:
    """The pyramid of a network that is one or has one; else an `ArgumentError`."""
    net = network.coarse if isinstance(network, CoarseToFine) else network
    fix = "zoo.load('tompson_tiny') has one."
    return expect(net, PyramidNet, "network", fix).eval()


class PyramidExplorer(Explorer):
    """Which resolution finds a joint: levels on and off, and what each of them sees.

    `network` is a `PyramidNet` (or a `CoarseToFine`, whose pyramid is taken) trained
    with the cross-entropy of cells, `samples` a stacked `Sample` with one person per
    image. The picture shows the pose, the joint's map, the true joint in green, and
    around the answer the square that each level sees, in pixels of the input. To the
    right are the same squares as the levels get them: all have the same number of
    pixels. Switching a level off leaves out what it adds to the sum.
    """

    def __init__(
        self, network: nn.Module, samples: Sample, *, width: int = 700, **values
    ) -> None:
        self.network, self.samples = coarse_net(network), single_people(samples)
        self.skeleton = samples.skeleton
        self.levels = _LEVELS[: len(self.network.banks)]
        self.codec = HeatmapCodec(samples.size, criterion="cross_entropy")
        shown = ("map", "pose", "fields")
        controls = {
            "image": image_slider(samples),
            "joint": joint_menu(self.skeleton),
            **{level: toggle(level, True) for level in self.levels},
            **{name: toggle(name, True) for name in shown},
        }
        groups = {"Input": ("image", "joint"), "Levels": self.levels, "Show": shown}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def _features(self, index: int) -> list[Tensor]:
        image = self.samples.image[index][None]
        return self.network.features(image.to(device_of(self.network)))

    @torch.no_grad()
    def answer(self, image: int, levels: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """Maps [J, h, w] and joints [J, 2] px of the chosen levels together."""
        chosen = [
            feature if level in levels else torch.zeros_like(feature)
            for level, feature in zip(self.levels, self._features(image), strict=True)
        ]
        output = self.network.merge(chosen).cpu()
        joints = self.codec.decode(output).keypoints[0, 0]
        return self.codec.heatmaps(output)[0], joints

    def fields(self, point: Tensor) -> Tensor:
        """What the cell of a point [2] px sees at each level: boxes [L, 4] xywh px."""
        size = self.samples.size
        cells = pixels_to_cells(point, self.network.stride).round()
        middle = cells_to_pixels(cells, self.network.stride)
        last = middle.new_tensor([size[1] - 1, size[0] - 1])
        middle = middle.clamp(min=0).minimum(last)
        sides = [self.network.field * 2.0**i for i in range(len(self.levels))]
        return torch.stack(
            [
                torch.cat([middle + 0.5 - side / 2, middle.new_full((2,), side)])
                for side in sides
            ]
        )

    def _paint(self, image, joint, **switches) -> tuple[Image.Image, str]:
        levels = tuple(level for level in self.levels if switches[level])
        maps, joints = self.answer(image, levels)
        place, sample, scale = self.skeleton.index(joint), self.samples[image], 4
        photo = to_pil(sample.image, scale)
        if switches["map"]:
            photo = heated(sample.image, maps[place], scale)
        if switches["pose"]:
            photo = paint_pose(photo, joints, None, self.skeleton, scale, size=4)
        boxes = self.fields(joints[place])
        if switches["fields"]:
            for level, box, ink in zip(self.levels, boxes, _INKS, strict=False):
                if level in levels:
                    photo = paint_box(photo, box, scale, colour=ink)
        if sample.visibility[0, place]:
            photo = ringed(photo, sample.keypoints[0, place], scale, TRUTH)
        views = self._views(sample.image, boxes, levels, photo.height)
        marks = {"the true joint": (TRUTH, "ring")}
        marks |= {
            level: (ink, "box")
            for level, ink in zip(self.levels, _INKS, strict=False)
            if level in levels and switches["fields"]
        }
        picture = legend(beside(photo, views), marks, _WORDS)
        return picture, self._describe(image, joint, levels, joints)

    def _views(self, image, boxes, levels, height: int) -> Image.Image:
        """What each level gets to see around the answer, one square above another."""
        gap, field = _WORDS + 11, self.network.field
        side = height // len(self.levels) - gap
        page = Image.new("RGB", (max(side, 9 * _WORDS), height), "white")
        pen = ImageDraw.Draw(page)
        for i, (level, box) in enumerate(zip(self.levels, boxes, strict=True)):
            top = i * (side + gap)
            text = f"{level}: {box[2]:.0f} px" if level in levels else f"{level}: off"
            pen.text((2, top), text, "black", font(_WORDS))
            if level in levels:
                seen = crop_boxes(image[None], box[None, None], (field, field))[0, 0]
                view = to_pil(to_pil(seen).resize((side, side), 0))
                ImageDraw.Draw(view).rectangle(
                    [0, 0, side - 1, side - 1], outline=_INKS[i], width=4
                )
                page.paste(view, (0, top + gap - 2))
        return page

    def _describe(self, image, joint, levels, joints) -> str:
        place, sample = self.skeleton.index(joint), self.samples[image]
        error = (joints - sample.keypoints[0]).norm(dim=-1)
        known = sample.visibility[0] > 0
        used = ", ".join(levels) if levels else "none"
        own = f"{error[place]:.1f} px off" if known[place] else "not labelled"
        wide = self.network.field * 2 ** max(
            (self.levels.index(level) for level in levels), default=0
        )
        sees = f"a cell sees {wide} px" if levels else "no cell sees anything"
        return (
            f"Image {image}, levels: {used}; {sees}. {joint.replace('_', ' ')} "
            f"{own}; mean over the labelled joints "
            f"{error[known].mean():.1f} px."
        )


class SpatialExplorer(Explorer):
    """A false peak that the other joints vote away.

    `network` and `samples` as for `PyramidExplorer`; `spatial` is a `SpatialModel` of
    the same map size. A bump of the chosen `height` (1: as high as the joint's own
    peak) is planted in a joint's map at `x`, `y` pixels. Left the joint's map, in the
    middle what the other joints say, right both together at the chosen `strength`; the
    highest cell has a yellow ring, the truth a green one. `sender` is the joint whose
    message is shown and counted, or "all".
    `bias` is the power of ten of b in equation 1, what a joint without evidence says.
    """

    def __init__(
        self,
        network: nn.Module,
        spatial: SpatialModel,
        samples: Sample,
        *,
        width: int = 900,
        **values,
    ) -> None:
        self.network, self.samples = coarse_net(network), single_people(samples)
        self.spatial = expect(spatial, SpatialModel, "spatial").cpu()
        self.skeleton = samples.skeleton
        self.codec = HeatmapCodec(samples.size, criterion="cross_entropy")
        height, across = samples.size
        names, givers = (self._names(spatial.pairs[:, end]) for end in (0, 1))
        known = [name for _, name in names]
        first = "left_wrist" if "left_wrist" in known else known[-1]
        senders = [("all others", EVERYBODY), *givers]
        controls = {
            "image": image_slider(samples),
            "joint": choice("joint", names, first),
            "x": slider("false peak x", 0, across - 1, across // 5),
            "y": slider("false peak y", 0, height - 1, height // 6),
            "height": slider("its height", 0.0, 2.0, 1.2, 0.1),
            "strength": slider("strength", 0.0, 1.0, 1.0, 0.05),
            "bias": slider("bias (10^)", -8.0, 0.0, -3.0, 0.25),
            "sender": choice("messages of", senders),
        }
        groups = {
            "Input": ("image", "joint"),
            "A false peak": ("x", "y", "height"),
            "Spatial model": ("strength", "bias", "sender"),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    def _names(self, joints: Tensor) -> list[tuple[str, str]]:
        """The words and the names of the joints in a column of pairs."""
        there = {self.skeleton.joints[i] for i in joints.tolist()}
        names = [name for name in self.skeleton.joints if name in there]
        return [(name.replace("_", " "), name) for name in names]

    @remembered
    def _maps(self, index: int) -> Tensor:
        image = self.samples.image[index][None].to(device_of(self.network))
        output = self.network(image).cpu()
        return self.codec.heatmaps(output)[0]  # [J, h, w]

    @remembered
    def _spread(self, index: int) -> Tensor:
        """All messages without their bias, [E, h, w]."""
        bias = F.softplus(self.spatial.raw_bias)[:, None, None]
        return (self.spatial.messages(self._maps(index)[None])[0] - bias).clamp(min=0)

    def planted(self, image: int, joint: str, x: int, y: int, height: float) -> Tensor:
        """The joint's map [h, w] with the false peak in it."""
        own = self._maps(image)[self.skeleton.index(joint)]
        cell = pixels_to_cells(torch.tensor([float(x), float(y)]), self.codec.stride)
        false = gaussian_heatmaps(cell, self.codec.heatmap_size, self.codec.sigma)
        return torch.maximum(own, height * own.amax() * false)

    def opinions(self, image: int, joint: str, bias: float, sender: str) -> Tensor:
        """The sum of the logarithms of what the others say to a joint, [h, w]."""
        to, given = self.spatial.pairs.T
        chosen = to == self.skeleton.index(joint)
        if sender != EVERYBODY:
            chosen &= given == self.skeleton.index(sender)
        return (self._spread(image)[chosen] + 10.0**bias).log().sum(0)

    def _paint(self, image, joint, x, y, height, strength, bias, sender) -> tuple:
        sample, scale, place = self.samples[image], 3, self.skeleton.index(joint)
        own = self.planted(image, joint, x, y, height)
        said = self.opinions(image, joint, bias, sender)
        floor = F.softplus(self.spatial.raw_own[place].detach())
        total = (own + floor).log() + strength * said
        heats = (own, (said - said.amax()).exp(), (total - total.amax()).exp())
        one = "messages" if sender == EVERYBODY else "message"
        titles = ("its own map", one, f"together, {strength:.2f}")
        panels, errors = [], []
        for heat, text in zip(heats, titles, strict=True):
            cell, _ = peaks(heat)
            point = cells_to_pixels(cell.float(), self.codec.stride)
            errors.append(float((point - sample.keypoints[0, place]).norm()))
            panel = heated(sample.image, heat, scale)
            if sample.visibility[0, place]:
                panel = ringed(panel, sample.keypoints[0, place], scale, TRUTH)
            panels.append(titled(ringed(panel, point, scale, BOX), text, _WORDS))
        who = f"the message of {sender.replace('_', ' ')}"
        who = "all messages" if sender == EVERYBODY else who
        caption = self._describe(joint, x, y, height, strength, bias, who, errors)
        marks = {"the highest cell": (BOX, "ring"), "the true joint": (TRUTH, "ring")}
        return legend(beside(*panels), marks, _WORDS), f"Image {image}. {caption}"

    def _describe(self, joint, x, y, height, strength, bias, who, errors) -> str:
        return (
            f"A false {joint.replace('_', ' ')} at ({x}, {y}), {height:.1f} times as "
            f"high as the network's own peak. The highest cell is {errors[0]:.0f} px "
            f"from the truth without the spatial model; {who} alone would put it "
            f"{errors[1]:.0f} px off, both together at strength {strength:.2f} "
            f"{errors[2]:.0f} px (bias {math.pow(10, bias):.1g})."
        )
