"""The explorer of notebook 09 about crowds: how dense they are, and what is lost."""

from __future__ import annotations

import torch
from PIL import Image

from poselab.datasets import SyntheticPeople
from poselab.draw import TRUTH, paint_box, paint_pose, to_pil
from poselab.draw.captions import counted
from poselab.draw.overlay import crossed, legend
from poselab.draw.styles import SERIES
from poselab.explore.base import Explorer
from poselab.explore.controls import slider
from poselab.explore.inputs import expect, remembered
from poselab.geometry import box_iou
from poselab.metrics import crowd_index, oks
from poselab.pipelines import TopDown
from poselab.records import Poses, Sample

__all__ = ["CrowdExplorer", "fate"]

_GOOD = 0.5  # OKS and IoU from which a person is found
_NEAR = 0.1  # of the longer box side: a joint so near is found
_MISSED = {2: ("a visible joint is missed", "#CC0000"), 1: ("a hidden one", "#FFE100")}


def fate(sample: Sample, poses: Poses) -> dict[str, list[int]]:
    """What became of each person of a single sample: indices by the words below.

    "found" has a pose with an OKS of 0.5 or more; "without a box" has no box with an
    IoU of 0.5 or more; who has a box, but no such pose, is "badly posed".
    """
    fates: dict[str, list[int]] = {"found": [], "without a box": [], "badly posed": []}
    people = sample.present.nonzero()[:, 0].tolist()
    if not len(poses.keypoints):
        return {**fates, "without a box": people}
    alike = oks(poses.keypoints, sample.keypoints, sample.visibility, sample.areas)
    overlap = box_iou(poses.known("boxes"), sample.boxes)  # [found, people]
    for i in people:
        good, boxed = alike[:, i].max() >= _GOOD, overlap[:, i].max() >= _GOOD
        fates["found" if good else "badly posed" if boxed else "without a box"].append(
            i
        )
    return fates


class CrowdExplorer(Explorer):
    """A row of people moves together: what a top-down system finds of them.

    `system` is a `TopDown`. `people` stand `gap` mm apart, every second one half a
    metre behind, `distance` mm away. Green boxes: found; orange: no box of the detector
    fits; red: a box, but the pose is wrong. One colour per pose; a cross is where a
    joint is that no pose has.
    """

    def __init__(self, system: TopDown, *, width: int = 700, **values) -> None:
        self.system = expect(system, TopDown, "system", "Make one: zoo.top_down().")
        controls = {
            "people": slider("people", 2, 8, 5),
            "gap": slider("gap (mm)", 100, 1000, 600, 50),
            "distance": slider("distance (mm)", 4000, 12000, 6000, 500),
            "seed": slider("who", 0, 9, 0),
        }
        groups = {"People": ("people", "gap", "seed"), "Camera": ("distance",)}
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def scene(self, people: int, gap: float, distance: float, seed: int) -> Sample:
        maker = SyntheticPeople(size=(288, 384), people=people, split="test")
        middle = (people - 1) / 2
        return maker.scene(
            x=[gap * (i - middle) for i in range(people)],
            z=[-500.0 * (i % 2) for i in range(people)],
            yaw=[0.0] * people,
            activity=["standing", "walking", "waving"][seed % 3],
            distance=float(distance),
            focal_length=450.0,
            pitch=4.0,
            seed=seed,
            background="room",
        )

    @remembered
    def answer(self, people, gap, distance, seed) -> tuple[Sample, Poses]:
        sample = self.scene(people, gap, distance, seed)
        return sample, self.system(sample.image, score_threshold=0.3)

    def _paint(self, **values) -> tuple[Image.Image, str]:
        sample, poses = self.answer(**values)
        fates, picture, zoom = fate(sample, poses), to_pil(sample.image, 2), 2
        for i, points in enumerate(poses.keypoints):
            ink = SERIES[(0, 3, 5, 6)[i % 4]]
            picture = paint_pose(
                picture, points[None], None, sample.skeleton, zoom, colour=ink
            )
        inks = {"found": TRUTH, "without a box": SERIES[1], "badly posed": SERIES[4]}
        for name, who in fates.items():
            picture = paint_box(
                picture, sample.boxes[who], zoom, colour=inks[name], width=3
            )
        index = crowd_index(
            sample.keypoints[sample.present],
            sample.visibility[sample.present],
            sample.boxes[sample.present],
        )
        near, flags = _near(sample, poses), sample.visibility
        for flag, (_, ink) in _MISSED.items():
            lost = (flags == flag) & sample.present[:, None] & ~near
            picture = crossed(picture, sample.keypoints[lost], zoom, ink, radius=4)
        counts = ", ".join(f"{len(who)} {name}" for name, who in fates.items())
        shares = {
            flag: f"{int((near & own).sum())} of {int(own.sum())}"
            for flag in (1, 2)
            for own in [(flags == flag) & sample.present[:, None]]
        }
        caption = (
            f"{int(sample.present.sum())} people {values['gap']} mm apart, crowd index "
            f"{index:.2f}: {counts}; {counted(len(poses.keypoints), 'pose')}. Of the "
            f"visible joints {shares[2]} are found, of the hidden ones {shares[1]}."
        )
        marks = {k: (v, "box") for k, v in inks.items()}
        crosses = {text: (ink, "cross") for text, ink in _MISSED.values()}
        return legend(picture, {**marks, **crosses}), caption


def _near(sample: Sample, poses: Poses) -> torch.Tensor:
    """Which joints each person's best pose has, [P, J] bool."""
    if not len(poses.keypoints):
        return torch.zeros_like(sample.visibility, dtype=torch.bool)
    alike = oks(poses.keypoints, sample.keypoints, sample.visibility, sample.areas)
    best = poses.keypoints[alike.argmax(0)]  # [P, J, 2]
    limit = _NEAR * sample.boxes[:, 2:].amax(1, keepdim=True)
    return (best - sample.keypoints).norm(dim=-1) <= limit
