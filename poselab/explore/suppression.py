"""The explorer of notebook 09 about people who are found twice: four suppressions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from poselab.boxes import nms
from poselab.datasets import SyntheticPeople
from poselab.datasets.box_errors import UniformErrors
from poselab.draw import paint_pose, to_pil
from poselab.draw.captions import counted
from poselab.draw.overlay import legend, titled
from poselab.draw.paint import grid
from poselab.draw.styles import PREDICTION, SERIES
from poselab.explore.base import Explorer
from poselab.explore.controls import slider
from poselab.explore.inputs import neighbours, remembered
from poselab.geometry import box_iou, xywh_to_xyxy
from poselab.pipelines.pose_nms import RMPE, PoseNms, parametric_pose_nms
from poselab.pipelines.suppression import oks_nms, pose_oks, soft_oks_nms
from poselab.records import Poses, Sample

__all__ = ["SuppressionExplorer", "found_twice", "suppressed"]

COPIES = 3  # candidates of each person: one that is right, and doubles
_ZOOM = 1.6


def found_twice(
    sample: Sample, joints: float, boxes: float, seed: int = 0
) -> tuple[Poses, Tensor]:
    """What a detector that finds everybody `COPIES` times leads to, and whose each is.

    Of a single sample with P people: `Poses` of COPIES x P candidates, and [COPIES P]
    indices of people. Of each person the first candidate is right; of the others every
    joint is off by `joints` px (the spread) and the box by up to the share `boxes` of
    its sides. Scores fall from candidate to candidate.
    """
    draws = torch.Generator().manual_seed(seed)
    people = int(sample.present.sum())
    points, frames = sample.keypoints[sample.present], sample.boxes[sample.present]
    owner = torch.arange(people).repeat(COPIES)
    which = torch.arange(COPIES).repeat_interleave(people)  # 0: the right one
    noise = torch.randn(points[owner].shape, generator=draws)
    noise = noise * (joints * (which > 0))[:, None, None]
    wrong = UniformErrors(boxes).draw(frames[owner], draws)
    frame = torch.where((which > 0)[:, None], wrong, frames[owner])
    sure = 0.9 - 0.1 * which - 0.02 * owner
    scores = sure[:, None].expand(-1, points.shape[1]).contiguous()
    found = Poses(points[owner] + noise, scores, boxes=frame, person_scores=sure)
    return found, owner


def suppressed(
    poses: Poses,
    iou_threshold: float = 0.6,
    oks_threshold: float = 0.9,
    least: float = 0.3,
    version: PoseNms = RMPE,
) -> dict[str, Tensor]:
    """The indices of the poses that stay, by four ways of suppression.

    Box NMS at `iou_threshold`, OKS-NMS at `oks_threshold`, soft OKS-NMS at the same
    (those that still score `least`), and parametric pose NMS with `version`.
    """
    boxes, scores = poses.known("boxes"), poses.known("person_scores")
    alike = pose_oks(poses.keypoints, boxes[:, 2:].prod(1))
    sunk, values = soft_oks_nms(alike, scores, oks_threshold)
    kept = parametric_pose_nms(poses.keypoints, poses.scores, boxes, version)
    return {
        "box NMS": nms(xywh_to_xyxy(boxes), scores, iou_threshold),
        "OKS-NMS": oks_nms(alike, scores, oks_threshold),
        "soft OKS-NMS": sunk[values >= least],
        "pose NMS": kept.index,
    }


class SuppressionExplorer(Explorer):
    """Two people come closer, each found three times: who stays, by four suppressions.

    `distance` and `depth` are the people's, in mm; `joints` px and `boxes` say how
    much the doubles differ from the right answers (see `found_twice`). The thresholds
    are those of `suppressed`. One colour per person; pink is a double that stays.
    """

    def __init__(self, *, width: int = 860, **values) -> None:
        self.maker = SyntheticPeople(size=(192, 256), people=2, split="test")
        controls = {
            "distance": slider("distance (mm)", 0, 1500, 300, 50),
            "depth": slider("behind (mm)", 0, 1500, 500, 50),
            "seed": slider("who", 0, 9, 3),
            "joints": slider("joints off (px)", 0, 12, 3),
            "boxes": slider("boxes off", 0.0, 0.4, 0.2, 0.02),
            "iou_threshold": slider("IoU threshold", 0.1, 0.9, 0.6, 0.05),
            "oks_threshold": slider("OKS threshold", 0.1, 0.95, 0.9, 0.05),
            "gamma": slider("gamma of pose NMS", 2.0, 50.0, 22.48, 0.02),
        }
        groups = {
            "People": ("distance", "depth", "seed"),
            "Doubles": ("joints", "boxes"),
            "Suppression": ("iou_threshold", "oks_threshold", "gamma"),
        }
        super().__init__(
            self._paint, controls, groups=groups, values=values, width=width
        )

    @remembered
    def scene(self, distance: float, depth: float, seed: int) -> Sample:
        return neighbours(self.maker, distance, depth, seed, away=3000.0, focal=300.0)

    @remembered
    def answer(self, distance, depth, seed, joints, boxes, **thresholds) -> tuple:
        """The scene, candidates, whose each is, and who stays by four ways."""
        sample = self.scene(distance, depth, seed)
        poses, owner = found_twice(sample, joints, boxes, seed)
        gamma = thresholds.pop("gamma")
        version = replace(RMPE, gamma=gamma)
        return sample, poses, owner, suppressed(poses, **thresholds, version=version)

    def _paint(self, **values) -> tuple[Image.Image, str]:
        sample, poses, owner, kept = self.answer(**values)
        panels, words, photo = [], [], to_pil(sample.image, _ZOOM)
        people = int(sample.present.sum())
        for name, index in kept.items():
            mine = [int((owner[index] == p).sum()) for p in range(people)]
            found, double = sum(n > 0 for n in mine), sum(max(0, n - 1) for n in mine)
            text = f"{found} of {people} people, {counted(double, 'double')}"
            picture = _painted(photo, sample, poses, owner, index)
            panels.append(titled(picture, f"{name}: {text}"))
            words.append(f"{name} {text}")
        marks: dict[str, Any] = {
            "person 1": (SERIES[0], "line"),
            "person 2": (SERIES[1], "line"),
            "a double that stays": (PREDICTION, "line"),
        }
        overlap = _overlap(sample)
        caption = (
            f"Two people {values['distance']} mm apart, one {values['depth']} mm "
            f"behind (their boxes overlap with IoU {overlap:.2f}), each found {COPIES} "
            f"times. Left after {'; '.join(words)}."
        )
        return legend(grid(panels, 2), marks), caption


def _overlap(sample: Sample) -> float:
    """The IoU of the first two people's boxes; 0 where one cannot be seen."""
    boxes = sample.boxes[sample.present]
    return float(box_iou(boxes[:1], boxes[1:2])[0, 0]) if len(boxes) > 1 else 0.0


def _painted(photo, sample: Sample, poses: Poses, owner: Tensor, index: Tensor):
    """The poses that stay on the photo: the best of each person in their colour."""
    picture, seen = photo, set()
    best_first = sorted(index.tolist(), key=lambda i: -float(poses.scores[i, 0]))
    layers = []
    for i in best_first:
        person = int(owner[i])
        layers.append((i, PREDICTION if person in seen else SERIES[person]))
        seen.add(person)
    for i, colour in reversed(layers):  # doubles below
        pose = poses.keypoints[i][None]
        picture = paint_pose(picture, pose, None, sample.skeleton, _ZOOM, colour=colour)
    return picture
