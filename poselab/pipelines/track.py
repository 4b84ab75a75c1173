"""Identities over time: any estimator's poses, linked from frame to frame.

Girdhar, Gkioxari, Torresani, Paluri & Tran, "Detect-and-Track: Efficient Pose
Estimation in Videos", CVPR 2018 (1712.09184), section 3.2. The people of a frame take
over the identities of those of the frame before, by the assignment that costs least;
whoever is left begins a new track.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require
from poselab.pipelines.linking import (
    METHODS,
    NEW,
    appearance_costs,
    assign,
    box_costs,
    joint_costs,
    pose_costs,
)
from poselab.records import Poses
from poselab.skeleton import COCO_17, Skeleton

HEAD = 0.5  # of the trunk: COCO has no head segment, and a head is about half a trunk
Cost = Callable[[Poses, Poses], Tensor]


def boxes_of(poses: Poses) -> Tensor:
    """The people's boxes [P, 4] xywh px; without any, those around their joints."""
    if poses.boxes is not None:
        return poses.boxes
    low, high = poses.keypoints.amin(1), poses.keypoints.amax(1)
    return torch.cat([low, high - low], 1)


def head_lengths(keypoints: Tensor, skeleton: Skeleton = COCO_17) -> Tensor:
    """About the length of each head, [P] px, from poses [P, J, 2]: half the trunk."""
    sides = [
        (
            keypoints[:, skeleton.index(f"{side}_shoulder")]
            - keypoints[:, skeleton.index(f"{side}_hip")]
        ).norm(dim=-1)
        for side in ("left", "right")
    ]
    return HEAD * torch.stack(sides).amax(0)


def box_cost(before: Poses, now: Poses) -> Tensor:
    """1 - IoU of the boxes; [A, B]. What the paper's final system uses."""
    return box_costs(boxes_of(before), boxes_of(now))


def pose_cost(before: Poses, now: Poses, skeleton: Skeleton = COCO_17) -> Tensor:
    """1 - PCKh between the poses; [A, B]. Joints with a score of 0 are left out."""
    lengths = head_lengths(before.keypoints, skeleton)
    known = before.scores > 0, now.scores > 0
    return pose_costs(before.keypoints, now.keypoints, lengths, *known)


def joint_cost(before: Poses, now: Poses, skeleton: Skeleton = COCO_17) -> Tensor:
    """The mean distance of the joints in heads; [A, B]. As `pose_cost`, but endless."""
    lengths = head_lengths(before.keypoints, skeleton)
    known = before.scores > 0, now.scores > 0
    return joint_costs(before.keypoints, now.keypoints, lengths, *known)


def appearance_cost(before: Poses, now: Poses) -> Tensor:
    """Half of 1 - cosine of `features`, which both must have; [A, B] in [0, 1]."""
    return appearance_costs(before.known("features"), now.known("features"))


COSTS: dict[str, Cost] = {
    "box": box_cost,
    "pose": pose_cost,
    "joints": joint_cost,
    "appearance": appearance_cost,
}


class Tracker:
    """Frames [3, H, W], or their `Poses` -> the same `Poses` with `track_ids`.

    `estimator` takes an image and gives `Poses`; None where frames are `Poses` already.
    `cost` is a key of `COSTS` or a function of two `Poses` that gives [A, B], those of
    the frame before with their identities. A cost or an estimator that remembers has a
    method `reset`, which is called before each clip. `method` and `gate` are those of
    `linking.assign`. A person below `person_score` is left out. An identity that nobody
    continues waits for `patience` frames (0, as in the released program: it ends at
    once).
    """

    def __init__(
        self,
        estimator: Callable[[Tensor], Poses] | None = None,
        cost: str | Cost = "box",
        method: str = "hungarian",
        gate: float | None = None,
        person_score: float = 0.0,
        patience: int = 0,
    ) -> None:
        if isinstance(cost, str):
            require(
                cost in COSTS,
                "unknown cost",
                where="Tracker",
                field="cost",
                value=cost,
                fix=f"Known: {', '.join(COSTS)}.",
            )
            cost = COSTS[cost]
        require(
            method in METHODS,
            "unknown way to assign",
            where="Tracker",
            field="method",
            value=method,
            fix=f"Known: {', '.join(METHODS)}.",
        )
        self.estimator, self.cost, self.method = estimator, cost, method
        self.gate, self.person_score, self.patience = gate, person_score, patience
        self.reset()

    def reset(self) -> None:
        """Forget everybody; the next frame is a clip's first."""
        parts: tuple[Any, ...] = (self.cost, self.estimator)
        for part in parts:
            if hasattr(part, "reset"):
                part.reset()
        self._before: Poses | None = None
        self._ages = torch.zeros(0, dtype=torch.int64)
        self._next = 0

    def __call__(self, frames: Iterable) -> list[Poses]:
        """All frames of a clip, from its beginning."""
        self.reset()
        return [self.step(frame) for frame in frames]

    def step(self, frame: Tensor | Poses) -> Poses:
        """The next frame's people with their identities."""
        now = self._poses(frame)
        now = now.replace(track_ids=self._identities(now))
        self._remember(now)
        return now

    def _poses(self, frame: Tensor | Poses) -> Poses:
        if isinstance(frame, Poses):
            poses = frame
        elif self.estimator is None:
            raise ArgumentError(
                "has no estimator, so frames must be Poses",
                where="Tracker",
                value=type(frame).__name__,
            )
        else:
            poses = self.estimator(frame)
        poses = poses.people(poses.present)
        if poses.person_scores is None or self.person_score <= 0:
            return poses
        return poses.people(poses.person_scores >= self.person_score)

    def _identities(self, now: Poses) -> Tensor:
        count = len(now.keypoints)
        ids = torch.full((count,), NEW)
        if self._before is not None and len(self._before.keypoints) and count:
            costs = self.cost(self._before, now)
            match = assign(costs, self.method, self.gate)
            old = match != NEW
            ids[old] = self._before.known("track_ids")[match[old]]
        new = ids == NEW
        ids[new] = torch.arange(self._next, self._next + int(new.sum()))
        self._next += int(new.sum())
        return ids

    def _remember(self, now: Poses) -> None:
        """The people to match with next: now's, and who is missing for a short time."""
        ages = torch.zeros(len(now.keypoints), dtype=torch.int64)
        if self._before is not None and self.patience > 0:
            before = self._before.known("track_ids")
            gone = ~torch.isin(before, now.known("track_ids"))
            gone &= self._ages < self.patience
            lost = self._before.people(gone)
            ages = torch.cat([ages, self._ages[gone] + 1])
            now = _together(now, lost)
        self._before, self._ages = now, ages


def _together(first: Poses, second: Poses) -> Poses:
    """The people of two records of one picture in one; fields that both have."""
    own, other = first.tensors(), second.tensors()
    joined = {k: torch.cat([v, other[k]]) for k, v in own.items() if k in other}
    missing = dict.fromkeys(own.keys() - joined.keys())
    return first.replace(**joined, **missing)
