"""People in the camera's frame from boxes: RootNet and PoseNet behind a detector.

Moon, Chang & Lee 2019 (1907.11346), section 3: each box is cut out twice over, once for
the root's place and depth and once for the joints around it, and both are put together
by projecting back.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from poselab.codecs.space import SPAN, depth_of_box, place_in_camera
from poselab.errors import ArgumentError, require, require_shape
from poselab.geometry import back_to_image, crop_matrix, expand_box, homogeneous, warp
from poselab.records import Poses


def focal_guess(size: tuple[int, int], degrees: float = 60.0) -> Tensor:
    """Intrinsics [3, 3] for a picture (H, W) whose camera is unknown.

    The longer side is taken to see `degrees`, the principal point to be the middle. A
    focal length that is off by a factor puts everybody off by the same factor, in
    depth; who stands before whom does not change.
    """
    require(
        0 < degrees < 180,
        "must be between 0 and 180",
        where="focal_guess",
        field="degrees",
        value=degrees,
    )
    height, width = size
    half = torch.deg2rad(torch.tensor(degrees / 2, dtype=torch.float64))
    focal = max(size) / 2 / half.tan()
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[0, 0] = matrix[1, 1] = focal
    matrix[:2, 2] = middle
    return matrix.float()


class PeopleInSpace:
    """Boxes of people -> `Poses` with joints_3d and roots in the camera's frame, mm.

    `root_net` and `pose_net` are networks that know their codecs, such as
    `zoo.load("rootnet_tiny")` and `zoo.load("posenet3d_tiny")`; `margin` grows each box
    before it gets the aspect ratio of the input, as in training.
    """

    def __init__(self, root_net: Any, pose_net: Any, *, margin: float = 1.25) -> None:
        same = tuple(root_net.codec.size) == tuple(pose_net.codec.size)
        require(
            same,
            "both networks need crops of one size",
            where="PeopleInSpace",
            field="size",
            value=(root_net.codec.size, pose_net.codec.size),
        )
        self.root_net, self.pose_net = root_net.eval(), pose_net.eval()
        self.size, self.margin = tuple(root_net.codec.size), margin

    @torch.no_grad()
    def __call__(self, image: Tensor, boxes: Tensor, intrinsics: Tensor) -> Poses:
        """Image [3, H, W], tight boxes [P, 4] xywh px, [3, 3] px -> P `Poses`.

        Raises `ArgumentError` for a box without a size, or a focal length that is not
        positive.
        """
        require_shape("image", image, 3, None, None)
        require_shape("boxes", boxes, None, 4)
        matrix, cameras = self.crops(boxes, intrinsics)
        pictures = warp(image.expand(len(boxes), *image.shape), matrix, self.size)
        k = depth_of_box(cameras, self.size).to(pictures)
        codec = self.pose_net.codec
        logits = self.pose_net(pictures)
        cells, scores = codec.coordinates(logits)
        flat = codec.decode(logits).keypoints[:, 0]  # [P, J, 2] px of the crop
        deep = ((cells[..., 2] + 0.5) / codec.cells - 0.5) * codec.span  # [P, J] mm
        found = self.root_net.codec.decode(self.root_net(pictures, k), cameras)
        roots = found.roots[:, 0]
        joints = place_in_camera(flat, deep, cameras, roots)
        points = back_to_image(flat, matrix)
        return Poses(points, scores, boxes=boxes, joints_3d=joints, roots=roots)

    def crops(self, boxes: Tensor, intrinsics: Tensor) -> tuple[Tensor, Tensor]:
        """Maps from image to crops [P, 2, 3], and the crops' intrinsics [P, 3, 3]."""
        require_shape("intrinsics", intrinsics, 3, 3)
        focal = intrinsics[[0, 1], [0, 1]]
        if not ((focal > 0) & focal.isfinite()).all():
            raise ArgumentError(
                "the focal lengths must be above 0 px",
                where="PeopleInSpace",
                field="intrinsics",
                value=focal.tolist(),
                fix="Unknown? `focal_guess(size)` takes a usual one.",
            )
        require(
            bool((boxes[:, 2:] > 0).all()),
            "a box needs a positive width and height",
            where="PeopleInSpace",
            field="boxes",
            value=boxes.tolist(),
        )
        grown = expand_box(boxes, self.size, self.margin)
        matrix = crop_matrix(grown, self.size)
        return matrix, homogeneous(matrix) @ intrinsics.to(matrix)

    def k(self, boxes: Tensor, intrinsics: Tensor, real: float = SPAN) -> Tensor:
        """What the boxes alone say: k [P] mm, before any network."""
        return depth_of_box(self.crops(boxes, intrinsics)[1], self.size, real)[:, 0]
