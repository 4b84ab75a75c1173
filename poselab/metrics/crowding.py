"""How crowded a picture is: the crowd index of CrowdPose.

Li, Wang, Zhu, Mao, Fang & Lu, "CrowdPose: Efficient Crowded Scenes Pose Estimation and
A New Benchmark", CVPR 2019 (1812.00324), section 4.1.
"""

from __future__ import annotations

from typing import Any

import torch

from poselab.metrics.base import as_tensor, check_shape

EASY, HARD = 0.1, 0.8  # CrowdPose's limits between easy, medium and hard pictures


def crowd_index(keypoints: Any, visibility: Any, boxes: Any) -> float:
    """The mean over people of others' joints in their box, per joint of their own.

    keypoints [P, J, 2] px, visibility [P, J] (labelled joints count, > 0), boxes [P, 4]
    xywh px. A person whose box holds none of their own joints is left out; 0 where
    nobody is left. 0 is a picture in which nobody stands in another's box; above 1 a
    box holds more joints of others than of its own. Raises `ShapeError` for shapes that
    do not fit.
    """
    where = "crowd_index"
    points = as_tensor(keypoints, "keypoints", where)
    people, joints = (*points.shape, 0, 0)[:2]
    flags = as_tensor(visibility, "visibility", where)
    frames = as_tensor(boxes, "boxes", where)
    check_shape(points, "keypoints", (people, joints, 2), where)
    check_shape(flags, "visibility", (people, joints), where)
    check_shape(frames, "boxes", (people, 4), where)
    if not people:
        return 0.0
    corner, side = frames[:, None, None, :2], frames[:, None, None, 2:]
    at = points + 0.5  # pixels count from their centre, boxes from an edge
    inside = ((at >= corner) & (at < corner + side)).all(-1)  # [box, person, joint]
    counts = (inside & (flags > 0)).sum(-1)  # [box, person]
    own = counts.diagonal()
    others = counts.sum(1) - own
    there = own > 0
    return float((others[there] / own[there]).mean()) if bool(there.any()) else 0.0


def crowding_of(crowd: Any) -> torch.Tensor:
    """The crowd index of each sample of a stacked one; [N]."""
    return torch.tensor(
        [crowd_index(s.keypoints, s.visibility, s.boxes) for s in crowd]
    )
