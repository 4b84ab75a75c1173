"""A second look at each box: it moves to the person whose joints are seen in it.

A detector that has never seen a photograph finds most people in one, and draws many of
their boxes half beside them. The joints of the person who is partly in a box say where
the box should be; asked again there, the networks see more of the person. Boxes that
began apart end on the same person, and all but one go. (Carreira et al., 1507.06550,
feed an answer back in the same way; notebook 05.)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from poselab.boxes import clip_xyxy, nms
from poselab.errors import require
from poselab.geometry import xywh_to_xyxy, xyxy_to_xywh
from poselab.pipelines.single import SinglePerson
from poselab.records import Detections

# Of the longer extent of the joints: the hair, hands and feet around them.
AROUND = 0.07


class SecondLook:
    """A detector that looks `rounds` more times where `detector` found somebody.

    `single` says where the joints of the person in a box are; each round the box goes
    half of the way to them. The score becomes that of the box times that of the joints
    (see `Votes`), boxes whose score was not above `least` are not looked at, and of
    those that then overlap by more than `iou_threshold` the best one stays. Raises
    `ArgumentError` for a number of rounds below 1.
    """

    def __init__(
        self,
        detector: Any,
        single: SinglePerson,
        rounds: int = 2,
        least: float = 0.2,
        iou_threshold: float = 0.4,
    ) -> None:
        require(
            isinstance(rounds, int) and rounds >= 1,
            "must be a whole number from 1",
            where="SecondLook",
            field="rounds",
            value=rounds,
        )
        self.detector, self.single, self.rounds = detector, single, rounds
        self.least, self.iou_threshold = least, iou_threshold

    @torch.no_grad()
    def detect(self, image: Tensor, **thresholds: Any) -> Detections:
        """Who is in an image [3, H, W] in [0, 1], best first.

        `thresholds` are those of the detector.
        """
        found = self.detector.detect(image, **thresholds)
        found = found.people(found.scores > self.least)
        boxes, size = found.boxes, (image.shape[-2], image.shape[-1])
        if not len(boxes):
            return found
        for _ in range(self.rounds):
            poses = self.single.poses(image, boxes, flip=False)
            boxes = (boxes + around(poses.keypoints, size)) / 2
        scores = found.scores * poses.known("person_scores").to(found.scores)
        kept = nms(xywh_to_xyxy(boxes), scores, self.iou_threshold)
        return Detections(boxes[kept], scores[kept], found.labels[kept])


def around(keypoints: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes [N, 4] xywh px around joints [N, J, 2], inside a picture of (H, W)."""
    low, high = keypoints.amin(1) + 0.5, keypoints.amax(1) + 0.5  # pixel edges
    air = AROUND * (high - low).amax(-1, keepdim=True)
    corners = clip_xyxy(torch.cat([low - air, high + air], -1), size)
    box = xyxy_to_xywh(corners)
    return torch.cat([box[:, :2], box[:, 2:].clamp(min=1.0)], -1)
