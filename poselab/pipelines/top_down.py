"""Top-down: find each person, then the joints of each by themselves.

The arrangement of Simple Baseline (1804.06208): boxes of a detector, crops
with a margin and the network's aspect ratio, one map per joint, places back in the
picture, score of the box times mean score of the joints, and OKS-NMS, since a detector
may find somebody twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs import HeatmapCodec, ReleasedCodec
from poselab.errors import ArgumentError, require, require_shape
from poselab.geometry import expand_box
from poselab.pipelines.crops import back_to_image, flip_test, people_crops
from poselab.pipelines.suppression import oks_nms, pose_oks, rescore
from poselab.records import Poses
from poselab.skeleton import COCO_17, Skeleton

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PERSON = 1  # the detectors' label
READS_MAPS = ("hrnet", "simple_baseline")  # released networks that `official` knows


class TopDown:
    """An image [3, H, W] in [0, 1] -> `Poses` of everybody in it.

    `detector` has `detect(image)` with boxes, scores and labels; `pose_net` takes crops
    of the codec's size and `codec` reads its last stage. Boxes below `box_score` are
    not looked at, joints below `joint_score` do not count for the score of a person,
    and a pose whose OKS with a better one is above `overlap` is dropped. `flip`
    averages with the mirror image. `mean_std` normalises the crops; `released` places
    crops as the field's released weights learned them.
    """

    def __init__(
        self,
        detector: Any,
        pose_net: nn.Module,
        codec: HeatmapCodec,
        *,
        margin: float = 1.25,
        flip: bool = False,
        box_score: float = 0.05,
        joint_score: float = 0.2,
        overlap: float = 0.9,
        mean_std: tuple | None = None,
        released: bool = False,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        require(
            hasattr(detector, "detect"),
            "a detector has a method detect(image)",
            where="TopDown",
            field="detector",
            value=detector,
        )
        require(
            margin > 0,
            "must be positive",
            where="TopDown",
            field="margin",
            value=margin,
        )
        self.detector, self.pose_net, self.codec = detector, pose_net, codec
        self.margin, self.flip, self.skeleton = margin, flip, skeleton
        self.box_score, self.joint_score = box_score, joint_score
        self.overlap, self.mean_std, self.released = overlap, mean_std, released

    @classmethod
    def official(
        cls,
        detector: str = "keypointrcnn_r50_fpn",
        pose_net: str = "hrnet_w32_coco",
        detector_path: str | Path | None = None,
        pose_path: str | Path | None = None,
        **options: Any,
    ) -> TopDown:
        """Released weights in both places, fetched once unless paths are given.

        `TopDown.official()(datasets.read_image("me.jpg"))`. Raises `ArgumentError` for
        a name that is not of this kind, `CheckpointError`, `DownloadError`.
        """
        from poselab.zoo.released import entry, official  # which knows the networks

        for field, name, kinds in (
            ("detector", detector, ("fpn",)),
            ("pose_net", pose_net, READS_MAPS),
        ):
            builder = entry(name).builder
            if not builder.endswith(kinds):
                raise ArgumentError(
                    f"is a {builder}, which does not belong here",
                    where="official",
                    field=field,
                    value=name,
                    fix=f"Choose one of {', '.join(kinds)}.",
                )
        finder = official(detector, path=detector_path)
        net = official(pose_net, path=pose_path)
        codec = ReleasedCodec((256, 192), 4, sigma=2.0)
        options = {"flip": True, "mean_std": IMAGENET, "released": True, **options}
        return cls(finder, net, codec, **options)

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Poses:
        """Everybody in the image, surest first. Raises `ShapeError`."""
        require_shape("image", image, 3, None, None)
        found = self.detector.detect(image)
        person = (found.labels == PERSON) & (found.scores > self.box_score)
        found = found.people(person)
        poses = self.poses(image, found.boxes, found.scores)
        return self.best(poses)

    @torch.no_grad()
    def poses(
        self, image: Tensor, boxes: Tensor, scores: Tensor | None = None
    ) -> Poses:
        """One pose for each box [N, 4] (xywh px), in their order; nothing is dropped.

        `scores` [N] of the boxes (1) enter into the person_scores.
        """
        require_shape("boxes", boxes, None, 4)
        sure = boxes.new_ones(len(boxes)) if scores is None else scores
        if not len(boxes):
            return Poses.empty(len(self.skeleton), boxes.device)
        crops, matrix = people_crops(
            image, boxes, self.codec.size, self.margin, reference=self.released
        )
        read = self.codec.decode(self.maps(crops))
        points = back_to_image(read.keypoints[:, 0], matrix.to(read.keypoints))
        joints = read.scores[:, 0]
        total = rescore(sure.to(joints), joints, self.joint_score)
        return Poses(points, joints, boxes=boxes, person_scores=total)

    def maps(self, crops: Tensor) -> Tensor:
        """What the network says about crops [N, 3, h, w]; for the codec to read."""
        if self.mean_std is not None:
            mean, std = (crops.new_tensor(v)[:, None, None] for v in self.mean_std)
            crops = (crops - mean) / std
        if self.flip:
            return flip_test(self.pose_net, (crops,), self.codec)
        return self.codec.stages(self.pose_net(crops))[-1]

    def best(self, poses: Poses) -> Poses:
        """The poses that stay after OKS-NMS, surest first."""
        area = expand_box(poses.known("boxes"), self.codec.size, self.margin)[
            :, 2:
        ].prod(1)
        alike = pose_oks(
            poses.keypoints, area, self.skeleton, poses.scores, self.joint_score
        )
        return poses.people(oks_nms(alike, poses.known("person_scores"), self.overlap))
