"""The explorers of notebook 08 about CPN: maps side by side, and which joints count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor, nn

from poselab.codecs import HeatmapCodec
from poselab.codecs.base import Codec
from poselab.codecs.ohkm import hardest, loss_of_joints
from poselab.draw import TRUTH, style, to_pil
from poselab.draw.overlay import covered, heated, legend, ringed, titled
from poselab.draw.styles import PREDICTION
from poselab.errors import require
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, joint_menu, slider
from poselab.explore.inputs import device_of, expect, remembered, single_people
from poselab.explore.pictures import Chart, beside
from poselab.records import Sample

__all__ = ["MapsExplorer", "OhkmExplorer"]

_SIZES = (("192x144", 1.5), ("128x96", 1.0), ("96x72", 0.75), ("64x48", 0.5))
_WORDS, _ANSWER = 20, "#F0E442"  # letters of titles in px; an answer is yellow
_PAIRS = 'Such as {"CPN": (network, network.codec)}.'
_MULTIPLE = 32  # px: the networks' sides have to be multiples of it


@torch.no_grad()
def maps_at(net: nn.Module, codec: Any, image: Tensor, scale: float) -> tuple:
    """What a network says of an image [3, H, W] that is resized by `scale` first.

    Maps [J, h, w] of the image (its last stage's), joints [J, 2] in px of the image as
    it was, and what the network saw, [3, scale H, scale W]. Sides that are no multiple
    of 32 are filled up with black, and the maps cut.
    """
    size = [round(scale * n) for n in image.shape[-2:]]
    small = F.interpolate(image[None], size, mode="bilinear", antialias=True)
    room = [-(-n // _MULTIPLE) * _MULTIPLE for n in size]
    wide = F.pad(small, (0, room[1] - size[1], 0, room[0] - size[0]))
    device = device_of(net)
    output = codec.stages(net(wide.to(device)))[-1]
    reader = HeatmapCodec(
        tuple(room), codec.stride, codec.sigma, codec.criterion, codec.decoder
    )
    output = output.cpu()
    joints = reader.decode(output).keypoints[0, 0]
    joints = (joints + 0.5) / scale - 0.5
    h, w = (n // codec.stride for n in size)
    return reader.heatmaps(output)[0, :, :h, :w], joints, small[0]


class MapsExplorer(Explorer):
    """What several networks say about one joint, side by side.

    `networks` maps names to (network, its codec), all with maps of stride 4; `samples`
    is a stacked `Sample` with one person per image. Each panel shows the picture as
    the network gets it (resized to `size`), its map, the true joint in green and its
    answer in yellow. `cover` is the side of a grey square at (`x`, `y`) px; 0 is none.
    """

    def __init__(
        self,
        networks: Mapping[str, tuple[nn.Module, Any]],
        samples: Sample,
        *,
        width: int = 980,
        **values,
    ) -> None:
        expect(networks, Mapping, "networks", _PAIRS)
        for pair in networks.values():
            network, codec = expect(pair, tuple, "networks", _PAIRS)
            expect(network, nn.Module, "networks", _PAIRS)
            expect(codec, Codec, "networks", _PAIRS)
        require(
            len(networks) > 0,
            "at least one network is needed",
            where="networks",
            value=dict(networks),
        )
        self.networks = {k: (net.eval(), codec) for k, (net, codec) in networks.items()}
        self.samples, self.skeleton = single_people(samples), samples.skeleton
        height, across = samples.size
        controls = {
            "image": image_slider(samples),
            "joint": joint_menu(self.skeleton),
            "size": choice("input size", _SIZES, 1.0),
            "cover": slider("grey square (px)", 0, 64, 0, 4),
            "x": slider("its x (px)", 0, across - 1, across // 2),
            "y": slider("its y (px)", 0, height - 1, height // 2),
        }
        # A square of no size has no place to see: the sweep starts from one.
        groups = {"Input": ("image", "joint", "size"), "Occluder": ("cover", "x", "y")}
        super().__init__(
            self._paint,
            controls,
            groups=groups,
            needs={"x": "cover", "y": "cover"},
            values={"cover": 24, **values},
            width=width,
        )

    @remembered
    def answer(self, name, image, size, cover, x, y) -> tuple:
        net, codec = self.networks[name]
        picture = self.samples.image[image]
        picture = covered(picture, x, y, cover) if cover else picture
        return maps_at(net, codec, picture, size)

    def _paint(self, image, joint, size, cover, x, y) -> tuple[Image.Image, str]:
        sample, place, scale = self.samples[image], self.skeleton.index(joint), 2
        truth, known = sample.keypoints[0, place], sample.visibility[0, place] > 0
        panels, words = [], []
        for name in self.networks:
            maps, joints, seen = self.answer(name, image, size, cover, x, y)
            view = F.interpolate(seen[None], sample.size)[0]
            panel = heated(view, maps[place], scale)
            if known:
                panel = ringed(panel, truth, scale, TRUTH)
            panel = ringed(panel, joints[place], scale, _ANSWER)
            error = (joints - sample.keypoints[0]).norm(dim=-1)
            own = f"{error[place]:.1f} px" if known else "?"
            panels.append(titled(panel, f"{_short(name)}\n{own}", _WORDS))
            mean = error[sample.visibility[0] > 0].mean()
            words.append(f"{_short(name)} {own} (mean of all joints {mean:.1f} px)")
        hidden = {0: "not labelled", 1: "hidden", 2: "visible"}
        state = hidden[int(sample.visibility[0, place])]
        text = dict((value, label) for label, value in _SIZES)[size]
        grey = f"a grey square of {cover} px at ({x}, {y})" if cover else "no occluder"
        caption = (
            f"Image {image} at {text}, {grey}. {joint.replace('_', ' ')} "
            f"({state}), distance from the truth: {'; '.join(words)}."
        )
        marks = {"truth": (TRUTH, "ring"), "answer": (_ANSWER, "ring")}
        return legend(beside(*panels), marks), caption


def _short(name: str) -> str:
    return name.removesuffix("_tiny").replace("_", " ")


class OhkmExplorer(Explorer):
    """Which joints the loss looks at, when only the `hard` worst of a person count.

    `network` gives a list of stages (a CPN), `codec` reads them. Left a person: joints
    that are learned from are filled, the others hollow. Right, over all `samples`: the
    share of the loss that each joint gets, against an equal share for all. `stage` is
    whose losses are ranked.
    """

    def __init__(
        self,
        network: nn.Module,
        codec: Any,
        samples: Sample,
        *,
        width: int = 900,
        **values,
    ) -> None:
        self.samples, self.skeleton = single_people(samples), samples.skeleton
        expect(network, nn.Module, "network", 'zoo.load("cpn_tiny")')
        expect(codec, Codec, "codec", 'zoo.load("cpn_tiny").codec')
        self.losses, self.counts = self._measure(network.eval(), codec)
        stages, joints = len(self.losses), len(self.skeleton)
        names = [(f"level {i + 1}", i) for i in range(stages - 1)]
        controls = {
            "image": image_slider(samples),
            "hard": slider("M, joints kept", 1, joints, min(8, joints)),
            "stage": choice(
                "losses of", [*names, ("the last stage", stages - 1)], stages - 1
            ),
        }
        self._bars = _Bars(self.skeleton)
        super().__init__(self._paint, controls, values=values, width=width)

    @torch.no_grad()
    def _measure(self, network, codec) -> tuple[list[Tensor], Tensor]:
        _, goal = codec.encode(self.samples)
        device = device_of(network)
        parts = [network(x.to(device)) for x in self.samples.image.split(64)]
        stages = [torch.cat(stage).cpu() for stage in zip(*parts, strict=True)]
        found = [
            loss_of_joints(codec.criterion, stage, goal["heatmaps"], goal["weight"])
            for stage in stages
        ]
        return [each for each, _ in found], found[0][1]

    def shares(self, hard: int, stage: int) -> Tensor:
        """How much of the loss each joint gets, [J], with the sum 1."""
        chosen = hardest(self.losses[stage], self.counts, hard)
        return chosen.sum(0) / chosen.sum().clamp(min=1)

    def _paint(self, image, hard, stage) -> tuple[Image.Image, str]:
        sample, scale = self.samples[image], 4
        chosen = hardest(self.losses[stage], self.counts, hard)[image]
        picture = to_pil(sample.image, scale)
        for j, point in enumerate(sample.keypoints[0]):
            if self.counts[image, j]:
                picture = _dotted(picture, point, scale, bool(chosen[j]))
        share = self.shares(hard, stage)
        self._bars.follow(share, int(self.counts.sum()), self.counts)
        names = [
            self.skeleton.joints[j].replace("_", " ")
            for j in chosen.nonzero()[:, 0].tolist()
        ]
        top = share.argmax()
        caption = (
            f"Image {image}: of {int(self.counts[image].sum())} labelled joints the "
            f"{len(names)} with the largest loss are kept: {', '.join(names)}. Over "
            f"{len(self.samples)} people the {self.skeleton.joints[top]} gets most, "
            f"{100 * share[top]:.1f} % of the loss; an equal share is "
            f"{100 / len(self.skeleton):.1f} %."
        ).replace("_", " ")
        marks = {
            "learned from": PREDICTION,
            "left out": ("#888888", "ring"),
            "an equal share": ("black", "line"),
        }
        return legend(beside(picture, self._bars.chart.image()), marks), caption


def _dotted(picture, point: Tensor, scale: int, filled: bool) -> Image.Image:
    """A picture with a disc, or a hollow ring, at a point in px of the image."""
    x, y = ((point + 0.5) * scale - 0.5).tolist()
    box = [x - 9, y - 9, x + 9, y + 9]
    pen = ImageDraw.Draw(picture)
    if filled:
        pen.ellipse(box, fill=PREDICTION, outline="black", width=2)
    else:
        pen.ellipse(box, outline="black", width=4)
        pen.ellipse(
            [v + d for v, d in zip(box, (1, 1, -1, -1), strict=True)],
            outline="white",
            width=2,
        )
    return picture


class _Bars:
    """One bar per joint, and a line at the share that each has if all count."""

    def __init__(self, skeleton) -> None:
        with style():
            self.chart = Chart(480, 512)
            axes = self.chart.axes
            names = [name.replace("_", " ") for name in skeleton.joints]
            self.bars = axes.barh(names, [0] * len(names), color=PREDICTION)
            axes.set(xlim=(0, 0.25), axisbelow=True)  # bars above the ticks
            axes.invert_yaxis()
            axes.tick_params(labelsize=13)
            axes.set_xlabel("share of the loss")
            self.equal = axes.plot([], [], "k|", ms=16, mew=3)[0]

    def follow(self, share: Tensor, total: int, counts: Tensor) -> None:
        """Show other shares; `counts` says who is labelled."""
        for bar, value in zip(self.bars, share.tolist(), strict=True):
            bar.set_width(min(value, 0.25))
        self.equal.set_data((counts.sum(0) / total).tolist(), range(len(share)))
