"""Top-down: find each person, then the joints of each by themselves.

The arrangement of Simple Baseline (1804.06208): boxes of a detector, crops with a
margin and the network's aspect ratio, one heatmap per joint, joints back in the
picture, score of the box times mean score of the joints, and OKS-NMS, since a detector
may find somebody twice.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from poselab.codecs.base import Codec
from poselab.errors import require
from poselab.geometry import expand_box
from poselab.models.normalise import PLAIN, Normalise
from poselab.pipelines.base import ImageEstimator
from poselab.pipelines.single import SinglePerson
from poselab.pipelines.suppression import oks_nms, pose_oks, rescore
from poselab.records import Detections, Poses
from poselab.skeleton import COCO_17, Skeleton

PERSON = 1  # the detectors' label


class Detector(Protocol):
    """What finds boxes: an image [3, H, W] in [0, 1] -> `Detections`, best first."""

    def detect(self, image: Tensor, **thresholds: Any) -> Detections: ...


class TopDown(ImageEstimator):
    """An image [3, H, W] in [0, 1] -> `Poses` of everybody in it, best first.

    `detector` has `detect(image)`; `pose_net` takes crops of the codec's size and
    `codec` reads its last stage. `margin`, `flip` and `normalise` are those of
    `SinglePerson`. Boxes that are not above `score_threshold` are left out, joints that
    are not above `joint_threshold` do not count for the score of a person, and a pose
    whose OKS with a better one is above `oks_threshold` is dropped; `skeleton` has the
    sigmas of that OKS.
    """

    def __init__(
        self,
        detector: Detector,
        pose_net: nn.Module,
        codec: Codec,
        *,
        margin: float = 1.25,
        flip: bool = False,
        normalise: Normalise = PLAIN,
        score_threshold: float = 0.05,
        joint_threshold: float = 0.2,
        oks_threshold: float = 0.9,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        require(
            hasattr(detector, "detect"),
            "a detector has a method detect(image)",
            where=type(self).__name__,
            field="detector",
            value=detector,
        )
        self.detector, self.skeleton = detector, skeleton
        self.single = SinglePerson(
            pose_net, codec, margin=margin, flip=flip, normalise=normalise
        )
        self.score_threshold, self.joint_threshold = score_threshold, joint_threshold
        self.oks_threshold = oks_threshold

    def image(
        self,
        image: Tensor,
        *,
        score_threshold: float | None = None,
        oks_threshold: float | None = None,
        flip: bool | None = None,
        **detection: Any,
    ) -> Poses:
        """Everybody in the image, best first.

        The thresholds and `flip` replace those of the system for this call; `detection`
        is handed to the detector (`iou_threshold`, `max_detections`).
        """
        found = self.detector.detect(image, **detection)
        least = self.score_threshold if score_threshold is None else score_threshold
        people = found.people((found.labels == PERSON) & (found.scores > least))
        poses = self.poses(image, people.boxes, people.scores, flip)
        return self.best(poses, oks_threshold)

    @torch.no_grad()
    def poses(
        self,
        image: Tensor,
        boxes: Tensor,
        scores: Tensor | None = None,
        flip: bool | None = None,
    ) -> Poses:
        """One pose for each box [N, 4] (xywh px), in their order; nothing is dropped.

        `scores` [N] of the boxes (1) enter into the person_scores; see `rescore`.
        """
        poses = self.single.poses(image, boxes, flip)
        sure = boxes.new_ones(len(boxes)) if scores is None else scores
        total = rescore(sure.to(poses.scores), poses.scores, self.joint_threshold)
        return poses.replace(person_scores=total)

    def best(self, poses: Poses, oks_threshold: float | None = None) -> Poses:
        """The poses that stay after OKS-NMS, best first."""
        least = self.oks_threshold if oks_threshold is None else oks_threshold
        single = self.single
        grown = expand_box(poses.known("boxes"), single.codec.size, single.margin)
        alike = pose_oks(
            poses.keypoints,
            grown[:, 2:].prod(1),
            self.skeleton,
            poses.scores,
            self.joint_threshold,
        )
        return poses.people(oks_nms(alike, poses.known("person_scores"), least))
