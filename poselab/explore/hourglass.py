"""The explorers of notebook 06: inside an hourglass, and what its skips are for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn

from poselab.codecs.heatmap import HeatmapCodec
from poselab.draw import TRUTH, grid, paint_pose
from poselab.draw.overlay import HEAT, heated, legend, ringed, titled, viridis
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, image_slider, joint_menu, toggle
from poselab.explore.inputs import device_of, expect, remembered, single_people
from poselab.explore.pictures import beside
from poselab.models.hourglass import StackedHourglass
from poselab.records import Sample

__all__ = ["HourglassExplorer", "SkipExplorer"]

_TILES, _COLUMNS = 12, 3  # channels that are shown
_SCALE = 3
_WORDS = 23  # px, letters of titles
_MARKS = {"the true joint": (TRUTH, "ring"), "its heatmap": HEAT}
_PLACES = ("on the way down", "skip branch", "on the way up")


class Look(NamedTuple):
    """Features at one level: what comes down, what branches off, what leaves it.

    [C, h, w] each; the bottom has no branch (None).
    """

    down: Tensor
    branch: Tensor | None
    up: Tensor


class Seen(NamedTuple):
    """One forward pass: maps [J, h, w] and joints [J, 2] px per stack, and inside each
    stack a `Look` at every level, the finest first, the bottom last."""

    maps: list[Tensor]
    joints: list[Tensor]
    inside: list[list[Look]]


@contextmanager
def cut(network: StackedHourglass, levels: tuple[int, ...]) -> Iterator[None]:
    """In this block the skips of these levels (0 is the finest) add nothing."""
    chosen = [
        level
        for hg in network.hgs
        for i, level in enumerate(hg[0].levels())
        if i in levels
    ]
    before = [level.skip for level in chosen]
    try:
        for level in chosen:
            level.skip = False
        yield
    finally:
        for level, skip in zip(chosen, before, strict=True):
            level.skip = skip


@torch.no_grad()
def observe(network: StackedHourglass, image: Tensor) -> tuple[list, list[list[Look]]]:
    """The network's outputs for one image [3, H, W], and its looks: [stack][level]."""
    with ExitStack() as hooks:

        def watch(module: nn.Module) -> dict[str, Tensor]:
            seen: dict[str, Tensor] = {}

            def note(_, given: tuple[Tensor, ...], output: Tensor) -> None:
                # Copies: the sum on the way up is formed in place.
                seen.update(
                    input=given[0][0].cpu().clone(), output=output[0].cpu().clone()
                )

            hooks.callback(module.register_forward_hook(note).remove)
            return seen

        notes = []
        for hourglass in network.hgs:
            levels = hourglass[0].levels()
            notes.append(
                [
                    (watch(level), watch(level.up1) if level.skip else {})
                    for level in levels
                ]
            )
            notes[-1].append((watch(levels[-1].low2), {}))  # the bottom
        outputs = network(image[None])
    return [output.cpu() for output in outputs], [
        [
            Look(whole["input"], branch.get("output"), whole["output"])
            for whole, branch in stack
        ]
        for stack in notes
    ]


class _Looker:
    """Forward passes of single images that are remembered with all they contain."""

    def __init__(self, network: nn.Module, samples: Sample) -> None:
        fix = "zoo.load('hourglass_tiny') is one."
        expect(network, StackedHourglass, "network", fix)
        self.network, self.samples = network.eval(), single_people(samples)
        self.skeleton = samples.skeleton
        self.codec = HeatmapCodec(samples.size, criterion="cross_entropy")

    @remembered
    def seen(self, index: int, levels: tuple[int, ...] = ()) -> Seen:
        device = device_of(self.network)
        with cut(self.network, levels):
            image = self.samples.image[index].to(device)
            outputs, inside = observe(self.network, image)
        joints = [self.codec.decode(output).keypoints[0, 0] for output in outputs]
        return Seen([self.codec.heatmaps(o)[0] for o in outputs], joints, inside)

    @property
    def sizes(self) -> list[str]:
        """The levels by the size of their maps, "32x24" first, the bottom last."""
        height, width = self.codec.heatmap_size
        halvings = range(self.network.depth + 1)
        return [f"{height >> i}x{width >> i}" for i in halvings]

    def photo(self, index: int, seen: Seen, stack: int, joint: int) -> Image.Image:
        """The image under a joint's map, with the pose, and the truth as a ring."""
        sample = self.samples[index]
        picture = heated(sample.image, seen.maps[stack][joint], _SCALE)
        picture = paint_pose(
            picture, seen.joints[stack], None, self.skeleton, _SCALE, size=4
        )
        if sample.visibility[0, joint]:
            picture = ringed(picture, sample.keypoints[0, joint], _SCALE, TRUTH)
        return picture

    def found(self, index: int, seen: Seen, stack: int) -> tuple[int, int, int]:
        """How many joints lie within 5 % and 20 % of the box, and of how many."""
        sample = self.samples[index]
        known = sample.visibility[0] > 0
        off = (seen.joints[stack] - sample.keypoints[0]).norm(dim=-1)[known]
        side = float(sample.boxes[0, 2:].max())
        return (
            int((off <= 0.05 * side).sum()),
            int((off <= 0.2 * side).sum()),
            int(known.sum()),
        )


class HourglassExplorer(Explorer):
    """Inside an hourglass: what a level receives, what its branch keeps, what leaves.

    `network` is a `StackedHourglass` trained with the cross-entropy of cells, `samples`
    a stacked `Sample` with one person per image. Left the joint's map after the chosen
    stack. Right the twelve liveliest channels of the chosen level (each from its own
    lowest to its highest value) as they come down, in the skip branch, and as the sum
    that leaves the level on the way up.
    """

    def __init__(
        self, network: nn.Module, samples: Sample, *, width: int = 900, **values
    ) -> None:
        self.looker = _Looker(network, samples)
        sizes = self.looker.sizes
        levels = [(f"{size} cells", i) for i, size in enumerate(sizes)]
        levels[-1] = (f"{sizes[-1]} cells, the bottom", len(sizes) - 1)
        stacks = [(str(i + 1), i) for i in range(network.stages)]
        controls = {
            "image": image_slider(samples),
            "joint": joint_menu(self.looker.skeleton),
            "stack": choice("stack", stacks, len(stacks) - 1),
            "level": choice("level", levels, 0),
        }
        groups = {"Input": ("image", "joint"), "Where to look": ("stack", "level")}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    def _paint(self, image, joint, stack, level) -> tuple[Image.Image, str]:
        seen, place = self.looker.seen(image), self.looker.skeleton.index(joint)
        photo = titled(
            self.looker.photo(image, seen, stack, place),
            f"after stack {stack + 1}: {joint.replace('_', ' ')}",
            _WORDS,
        )
        here = seen.inside[stack][level]
        channels = here.up.std((1, 2)).argsort(descending=True)[:_TILES]
        sheets = [
            titled(
                tiles(part, channels, _SCALE * self.looker.samples.size[0]),
                text,
                _WORDS,
            )
            for part, text in zip(here, _PLACES, strict=True)
        ]
        size = self.looker.sizes[level]
        near, _, known = self.looker.found(image, seen, stack)
        share = (
            "the bottom has no branch"
            if here.branch is None
            else (
                f"the branch holds {_spread(here.branch) / _spread(here.up):.2f} "
                "times the spread of the sum"
            )
        )
        return legend(beside(photo, *sheets), _MARKS), (
            f"Image {image}, stack {stack + 1}: {near} of {known} joints within 5 % of "
            f"the box. Level {size}: the {len(channels)} liveliest of "
            f"{here.down.shape[0]} channels; {share}."
        )


class SkipExplorer(Explorer):
    """Cut skip connections of a trained hourglass and see what they were for.

    `network` and `samples` as for `HourglassExplorer`. Left the whole network, right
    the same network without the chosen branches (in all its stacks): the joint's map
    and the pose after the chosen stack.
    """

    def __init__(
        self, network: nn.Module, samples: Sample, *, width: int = 700, **values
    ) -> None:
        self.looker = _Looker(network, samples)
        self._cuts = {f"cut_{i}": size for i, size in enumerate(self.looker.sizes[:-1])}
        stacks = [(str(i + 1), i) for i in range(network.stages)]
        controls = {
            "image": image_slider(samples),
            "joint": joint_menu(self.looker.skeleton),
            "stack": choice("stack", stacks, len(stacks) - 1),
            **{
                name: toggle(size, name == "cut_0") for name, size in self._cuts.items()
            },
        }
        groups = {
            "Input": ("image", "joint", "stack"),
            "Cut the skips at": tuple(self._cuts),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    def _paint(self, image, joint, stack, **cuts) -> tuple[Image.Image, str]:
        levels = tuple(i for i, name in enumerate(self._cuts) if cuts[name])
        place, photos, texts = self.looker.skeleton.index(joint), [], []
        for chosen, title in (((), "whole"), (levels, "cut")):
            seen = self.looker.seen(image, chosen)
            photo = self.looker.photo(image, seen, stack, place)
            photos.append(titled(photo, title, 18))
            near, far, known = self.looker.found(image, seen, stack)
            texts.append(
                f"{title}: {near} joints within 5 % of the box, {far} within "
                f"20 %, of {known}"
            )
        gone = ", ".join(self.looker.sizes[i] for i in levels) or "none"
        return legend(beside(*photos), _MARKS), (
            f"Image {image}, {joint.replace('_', ' ')} after stack {stack + 1}. Skips "
            f"cut: {gone}. {texts[0]}; {texts[1]}."
        )


def tiles(features: Tensor | None, channels: Tensor, height: int) -> Image.Image:
    """Some channels of features [C, h, w] as a page of this height; None is blank."""
    rows, gap = _TILES // _COLUMNS, 4
    high = (height - gap * (rows + 1)) // rows
    wide = high * 3 // 4
    if features is None:
        return Image.new("RGB", (_COLUMNS * (wide + gap) + gap, height), "#DDDDDD")
    pictures = []
    for channel in features[channels]:
        low, top = channel.min(), channel.max()
        shade = (channel - low) / (top - low).clamp(min=1e-6)
        pictures.append(viridis(shade, (wide, high)))
    return grid(pictures, _COLUMNS, gap)


def _spread(features: Tensor) -> float:
    return float(features.std((1, 2)).mean())
