"""The bug hunt of notebook 18: one pipeline, eight bugs, and the traces they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from poselab.datasets import crop_people
from poselab.draw import TRUTH, style, to_pil
from poselab.draw.overlay import legend, titled
from poselab.draw.paint import paint_pose
from poselab.draw.styles import PREDICTION
from poselab.explore.base import Explorer
from poselab.explore.controls import choice, slider
from poselab.explore.inputs import expect
from poselab.explore.pictures import Chart, beside
from poselab.geometry import xyxy_to_xywh
from poselab.records import Sample

__all__ = ["BugExplorer", "Trace", "bug_hunt", "people_of"]

# Number of a bug -> what it is. The numbers are what an exercise asks for.
BUGS = {
    1: "half a cell is forgotten where a heatmap cell becomes a pixel",
    2: "red and blue are exchanged",
    3: "the mirror image is mirrored back without exchanging left and right",
    4: "the stride is forgotten: cells are taken for pixels",
    5: "the picture is divided by 255 a second time",
    6: "joints without a label count as errors",
    7: "the network was trained on the people it is tested on",
    8: "boxes (x, y, width, height) are read as two corners",
}
FAR = 0.1  # of the box's longer side: beyond it a joint is wrong


@dataclass(frozen=True)
class Trace:
    """What a pipeline leaves behind: all that a hunter may look at.

    `seen` [N, 3, H, W] is what the network saw, `found` and `truth` [N, J, 2] px of the
    crop, `counted` [N, J] which joints the metric counted, `side` [N] px the length
    that it measures by, `fresh` its score on people drawn anew, by the same pipeline.
    """

    seen: Tensor
    found: Tensor
    truth: Tensor
    counted: Tensor
    side: Tensor
    fresh: float

    @property
    def right(self) -> Tensor:
        """Joints within a tenth of the longer side; [N, J]."""
        gap = (self.found - self.truth).norm(dim=-1)
        return (gap <= FAR * self.side[:, None]) & self.counted

    @property
    def score(self) -> float:
        """PCK@0.1 as the pipeline reports it."""
        return float(self.right.sum() / self.counted.sum())

    @property
    def off(self) -> Tensor:
        """The median error along x and along y; [2] px, with its sign."""
        gap = (self.found - self.truth)[self.counted]
        return gap.median(0).values

    def other_side(self, skeleton: Any) -> float:
        """The share of wrong joints that lie on the same joint of the other side."""
        mirrored = self.truth[:, list(skeleton.flip_index)]
        near = (self.found - mirrored).norm(dim=-1) <= FAR * self.side[:, None]
        wrong = self.counted & ~self.right
        return float((near & wrong).sum() / wrong.sum().clamp(min=1))


def people_of(
    scenes: Sample, size: tuple[int, int], wrong_boxes: bool = False
) -> Sample:
    """The people of stacked scenes, cut out by their true boxes; stacked.

    As in some data sets, hidden joints have no label: v = 0 and the point (0, 0).
    `wrong_boxes`: width and height are taken for the second corner.
    """
    change = _misread if wrong_boxes else lambda scene: scene
    people = Sample.cat([crop_people(change(scene), size)[0] for scene in scenes])
    seen = people.visibility == 2
    return people.replace(
        visibility=people.visibility * seen,
        keypoints=people.keypoints * seen[..., None],
    )


def _misread(scene: Sample) -> Sample:
    wrong = xyxy_to_xywh(scene.boxes)
    wrong[:, 2:] = wrong[:, 2:].abs().clamp(min=8)  # a program that lets it pass
    return scene.replace(boxes=wrong)


def _answers(net: nn.Module, images: Tensor, bug: int) -> tuple[Tensor, Tensor]:
    """What the network saw and the joints it found [N, J, 2], with a bug."""
    codec: Any = net.codec
    seen = images.flip(1) if bug == 2 else images / 255 if bug == 5 else images
    with torch.no_grad():
        maps = net(seen)
        back = net(seen.flip(-1)).flip(-1)  # the mirror image, mirrored back
    order = list(range(maps.shape[1])) if bug == 3 else list(codec.skeleton.flip_index)
    found = codec.decode((maps + back[:, order]) / 2).keypoints[:, 0]
    half = (codec.stride - 1) / 2
    found = found - half if bug == 1 else found
    return seen, (found - half) / codec.stride if bug == 4 else found


def _trace(net: nn.Module, people: Sample, bug: int) -> Trace:
    seen, found = _answers(net, people.image, bug)
    counted = people.visibility[:, 0] > 0
    counted = torch.ones_like(counted) if bug == 6 else counted
    side = people.boxes[:, 0, 2:].amax(-1)
    return Trace(seen, found, people.keypoints[:, 0], counted, side, float("nan"))


def bug_hunt(
    net: nn.Module, spoilt: nn.Module, scenes: Sample, fresh: Sample
) -> dict[int, Trace]:
    """The traces of the pipeline without a bug (0) and with each of `BUGS`.

    `net` comes from `zoo.load` and gives heatmaps, `spoilt` is the same network after
    training on the people of `scenes`; `scenes` and `fresh` are stacked crowds.
    """
    size, found = tuple(net.codec.size), {}
    right = [people_of(s, size) for s in (scenes, fresh)]
    wrong = [people_of(s, size, wrong_boxes=True) for s in (scenes, fresh)]
    for bug in (0, *BUGS):
        used, people = spoilt if bug == 7 else net, wrong if bug == 8 else right
        one, two = (_trace(used, p, bug) for p in people)
        found[bug] = replace(one, fresh=two.score)
    return found


class BugExplorer(Explorer):
    """A pipeline's traces: a person, where joints lie off, which joints are right.

    `traces` maps a letter to a `Trace`; "healthy" should be one of them, to compare
    with. Left the crop as the network saw it, with truth and answer; in the middle the
    error of every counted joint; right the share of right joints for each joint.
    """

    def __init__(
        self, traces: Mapping[str, Trace], skeleton: Any, *, width=1000, **values
    ) -> None:
        expect(traces, Mapping, "traces", "A Trace for each letter.")
        self.traces, self.skeleton = dict(traces), skeleton
        people = min(len(t.seen) for t in self.traces.values())
        names = [(name, name) for name in self.traces]
        controls: dict[str, Any] = {
            "case": choice("pipeline", names, names[0][1], help="one bug each"),
            "person": slider("person", 0, people - 1, 0, help="whose crop is shown"),
        }
        self._errors, self._bars = _Errors(), _Shares(skeleton)
        super().__init__(self._paint, controls, values=values, width=width)

    def _paint(self, case: str, person: int) -> tuple[Image.Image, str]:
        trace = self.traces[case]
        self._errors.follow(trace)
        self._bars.follow(trace)
        crop = self._crop(trace, person)
        charts = self._errors.chart.image(), self._bars.chart.image()
        marks = {"truth": TRUTH, "answer": PREDICTION}
        shown = legend(beside(crop, *charts), marks)
        x, y = trace.off.tolist()
        caption = (
            f"Pipeline {case}: PCK@0.1 {trace.score:.3f}, on people drawn anew "
            f"{trace.fresh:.3f}. Median error {x:+.1f} px in x, {y:+.1f} px in y. "
            f"{100 * trace.other_side(self.skeleton):.0f} % of the wrong joints lie on "
            f"the same joint of the other side. The network saw a mean brightness of "
            f"{trace.seen.mean():.3f}; {int(trace.counted.sum())} joints were counted."
        )
        return shown, caption

    def _crop(self, trace: Trace, person: int) -> Image.Image:
        scale = 3
        picture = to_pil(trace.seen[person].clamp(0, 1), scale)
        flags = 2 * trace.counted[person].int()
        pairs = ((trace.truth, TRUTH), (trace.found, PREDICTION))
        for points, ink in pairs:
            picture = paint_pose(
                picture, points[person], flags, self.skeleton, scale=scale, colour=ink
            )
        return titled(picture, f"person {person}", 22)


class _Errors:
    """A point for the error of each counted joint, in px."""

    def __init__(self, reach: float = 40.0) -> None:
        with style():
            self.chart = Chart(400, 400)
            axes = self.chart.axes
            (self.points,) = axes.plot([], [], ".", ms=4, alpha=0.5, color=PREDICTION)
            axes.axhline(0, color="0.5", lw=1)
            axes.axvline(0, color="0.5", lw=1)
            axes.set(xlim=(-reach, reach), ylim=(reach, -reach))
            axes.set(xlabel="error in x, px", ylabel="error in y, px")

    def follow(self, trace: Trace) -> None:
        gap = (trace.found - trace.truth)[trace.counted]
        self.points.set_data(gap[:, 0].tolist(), gap[:, 1].tolist())


class _Shares:
    """A bar for each joint: how often it is right."""

    def __init__(self, skeleton: Any) -> None:
        with style():
            self.chart = Chart(400, 400)
            axes = self.chart.axes
            names = [name.replace("_", " ") for name in skeleton.joints]
            self.bars = axes.barh(names, [0] * len(names), color=PREDICTION)
            axes.set(xlim=(0, 1), xlabel="share of right joints", axisbelow=True)
            axes.invert_yaxis()
            axes.tick_params("y", labelsize=12)
            axes.set_xticks((0, 0.5, 1))

    def follow(self, trace: Trace) -> None:
        share = trace.right.sum(0) / trace.counted.sum(0).clamp(min=1)
        for bar, value in zip(self.bars, share.tolist(), strict=True):
            bar.set_width(value)
