"""The explorers of notebook 11: tags on people, and how they are learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image, ImageDraw
from torch import Tensor

from poselab.codecs.heatmap_decode import cells_to_pixels
from poselab.codecs.tag import TagCodec
from poselab.codecs.tag_group import match_tags, top_peaks
from poselab.draw import SERIES, WRONG_ANSWER, style
from poselab.draw.overlay import legend, ringed, titled
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider
from poselab.explore.inputs import device_of, expect, fitting, remembered
from poselab.explore.openpose_scene import View, people_in_a_row
from poselab.explore.pictures import Chart, beside
from poselab.explore.tag_scene import (
    match_places,
    own_person,
    owners_of,
    right_share,
    tagged_output,
    tags_of_people,
    tags_of_weights,
)
from poselab.records import Sample
from poselab.skeleton import COCO_17

__all__ = ["LearningExplorer", "TagsExplorer"]

_INKS = SERIES[:4]  # of people A, B, C, D
_OTHER = "#888888"  # of groups that are nobody
_JOINTS, _MOST = 6, 6  # of a person whose tags are learned, and people
_ARMS = {"pull and push": (1, 1), "pull alone": (1, 0), "push alone": (0, 1)}


class TagsExplorer(Explorer):
    """Four people in a row: tags as colours, joints grouped by tags and by place.

    `gap` is between the tags of neighbours, `noise` is added to each joint's tag (both
    change true tags only), `threshold` is how near a tag has to be.
    """

    def __init__(self, codec, network=None, *, width: int = 1100, **values) -> None:
        fix = "zoo.load('associative_embedding_tiny').codec is one."
        self.codec = expect(codec, TagCodec, "codec", fix)
        fix = "Give zoo.load('associative_embedding_tiny') and its codec."
        self.network = None if network is None else fitting(network, codec, fix)
        sources = ("truth",) if network is None else ("truth", "network")
        controls = {
            "distance": slider("distance (mm)", 50, 800, 150, 25),
            "who": slider("who", 0, 9, 0),
            "source": choice("maps from", sources),
            "threshold": slider("threshold", 0.1, 3.0, 1.0, 0.1, help="of tags"),
            "gap": slider("gap", 0.0, 4.0, 2.0, 0.25, help="between people's tags"),
            "noise": slider("noise", 0.0, 1.5, 0.2, 0.05, help="of each tag"),
        }
        groups = {"People": ("distance", "who"), "Maps": ("source", "threshold")}
        groups |= {"True tags": ("gap", "noise")}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def scene(self, distance: float, who: int) -> Sample:
        return people_in_a_row(distance, who)

    @remembered
    def maps(self, distance, who, source, gap, noise) -> dict[str, Tensor]:
        """Heatmaps and tags as the codec reads them, of one image."""
        scene = self.scene(distance, who)
        if source == "network":
            with torch.no_grad():
                output = self.network(scene.image[None].to(device_of(self.network)))
            output = self.codec.stages(output)[-1]
            several = isinstance(output, tuple)  # a fine map beside the coarse one
            output = tuple(x.cpu() for x in output) if several else output.cpu()
        else:
            tags = tags_of_people(scene, gap, noise, who)
            output = tagged_output(self.codec, scene, tags)
        return {name: maps[0] for name, maps in self.codec.read(output).items()}

    def groups_of(self, distance, who, source, threshold, gap, noise):
        """Groups by tags and by place, [N, J, 3 + T] each, in cells."""
        maps = self.maps(distance, who, source, gap, noise)
        rules = replace(self.codec.rules, tag_threshold=threshold)
        peaks = top_peaks(maps["heatmaps"], maps["tags"], rules)
        return match_tags(peaks, rules), match_places(peaks, rules)

    def _paint(self, **values) -> tuple[Image.Image, str]:
        scene = self.scene(values["distance"], values["who"])
        tagged, placed = self.groups_of(**values)
        stride = (
            self.codec.size[0]
            / self.maps(
                *(values[k] for k in ("distance", "who", "source", "gap", "noise"))
            )["heatmaps"].shape[1]
        )
        view = View.of(scene.keypoints[scene.visibility > 0], 3)
        grey = view.grey(scene.image)
        left = titled(_dots(grey, view, tagged, stride), "tag of each peak", 22)
        views, shares = [left], []
        for name, people in (("tags", tagged), ("nearest joint", placed)):
            share = right_share(people, scene, stride)
            picture = _grouped(grey, view, people, scene, stride)
            views.append(titled(picture, f"by {name}: {share:.0%} right", 22))
            shares.append(f"{share:.0%} by {name} ({len(people)} groups)")
        caption = (
            f"Four people {values['distance']} mm apart, maps from the "
            f"{values['source']}. Joints in their person's group: "
            f"{' and '.join(shares)}."
        )
        marks = {f"person {'ABCD'[i]}": (ink, "line") for i, ink in enumerate(_INKS)}
        marks |= {"no person": (_OTHER, "line"), "wrong group": (WRONG_ANSWER, "ring")}
        return legend(beside(*views), marks), caption


def _dots(grey: Image.Image, view: View, people, stride: float) -> Image.Image:
    """The peaks, coloured by their tags from the lowest to the highest."""
    picture, found = grey.copy(), people[people[..., 2] > 0]
    pen = ImageDraw.Draw(picture)
    if not len(found):
        return picture
    tags = found[:, 3]
    shade = (tags - tags.min()) / max(float(np.ptp(tags)), 1e-6)
    inks = (255 * colormaps["turbo"](0.08 + 0.84 * shade)[:, :3]).astype(int).tolist()
    for place, ink in zip(_pixels(found, view, stride), inks, strict=True):
        pen.ellipse([*(place - 6), *(place + 6)], tuple(ink), "black")
    return picture


def _pixels(rows: np.ndarray, view: View, stride: float) -> np.ndarray:
    """Where peaks [N, 3 + T] in cells stand on the picture, [N, 2]."""
    cells = torch.from_numpy(rows[:, :2].astype(np.float64))
    return view.at(cells_to_pixels(cells, stride).numpy())


def _grouped(grey, view: View, people, scene: Sample, stride: float) -> Image.Image:
    """Each group's limbs in the colour of its person, wrong joints ringed."""
    picture = grey.copy()
    owner = owners_of(people, scene, stride)
    mine = own_person(owner, len(scene.keypoints))
    wrong = []
    for rows, owners, own in zip(people, owner, mine, strict=True):
        pen = ImageDraw.Draw(picture)
        ink, places = _INKS[own] if own >= 0 else _OTHER, _pixels(rows, view, stride)
        for a, b in COCO_17.limbs:
            if rows[a, 2] > 0 and rows[b, 2] > 0:
                pen.line([*places[a], *places[b]], ink, 4)
        for place in places[rows[:, 2] > 0]:
            pen.ellipse([*(place - 4), *(place + 4)], ink, "black")
        wrong += list(places[(owners >= 0) & (owners != own)])
    if not wrong:
        return picture
    return ringed(picture, torch.from_numpy(np.stack(wrong)), 1, WRONG_ANSWER, 8)


class LearningExplorer(Explorer):
    """The tags of one picture's joints while the loss is minimised, step by step.

    Three losses side by side; `pull` and `push` are their weights, `start` is the
    standard deviation of the tags at the beginning.
    """

    def __init__(self, *, steps: int = 150, width: int = 1100, **values) -> None:
        self.steps = steps
        controls = {
            "step": slider("step", 0, steps, steps),
            "people": slider("people", 2, _MOST, 4),
            "start": slider("start", 0.0, 1.0, 0.1, 0.05, help="spread at step 0"),
            "pull": slider("pull", 0.1, 3.0, 1.0, 0.1, help="its weight"),
            "push": slider("push", 0.1, 3.0, 1.0, 0.1, help="its weight"),
            "seed": slider("seed", 0, 9, 0),
        }
        groups = {"Time": ("step", "seed"), "Loss": ("pull", "push")}
        groups |= {"Tags": ("people", "start")}
        with style():
            self.chart = Chart(1100, 420, ncols=3, sharey=True)
            for ax, name in zip(self.chart.axes, _ARMS, strict=True):
                ax.set(xlim=(-5, steps + 5), ylim=(-8, 8), title=name, xlabel="step")
            self.chart.axes[0].set_ylabel("tag")
        self._lines = [_lines_of_people(ax) for ax in self.chart.axes]
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def learned(self, people, start, pull, push, seed) -> Tensor:
        """Tags [arms, steps + 1, P, J] for these weights."""
        arms = [(a * pull, b * push) for a, b in _ARMS.values()]
        return tags_of_weights(people, arms, start, seed, self.steps, _JOINTS)

    def _paint(self, step, people, start, pull, push, seed):
        words, every = [], self.learned(people, start, pull, push, seed)
        for lines, name, tags in zip(self._lines, _ARMS, every, strict=True):
            _follow(lines, tags[: step + 1].numpy())
            means = tags[step].mean(1).sort().values
            within = (tags[step] - tags[step].mean(1, keepdim=True)).square().mean()
            words.append(
                f"{name}: spread within a person {within.sqrt():.2f}, smallest gap "
                f"between people {means.diff().min():.2f}"
            )
        caption = f"After {step} steps, a colour per person. {'; '.join(words)}."
        return self.chart.image(), caption


def _lines_of_people(ax: Any) -> list[tuple[list[Any], Any]]:
    """Empty lines of the joints and dots at their ends, for as many as may come."""
    return [
        (ax.plot(np.zeros((0, _JOINTS)), color=ink, lw=1.2), ax.plot([], "o", c=ink)[0])
        for ink in SERIES[:_MOST]
    ]


def _follow(lines: list[tuple[list[Any], Any]], tags: np.ndarray) -> None:
    """Show tags [steps, P, J]; whom nobody needs now has nothing to show."""
    steps, people, _ = tags.shape
    for person, (curves, dots) in enumerate(lines):
        own = tags[:, person] if person < people else tags[:0, 0]  # [steps or 0, J]
        for curve, values in zip(curves, own.T, strict=True):
            curve.set_data(range(len(values)), values)
        ends = own[-1:].flatten()
        dots.set_data([steps - 1] * len(ends), ends)
