"""Joints in 2D as input, joints in 3D as answer: what a lifting network learns.

Martinez, Hossain, Romero & Little 2017 (1705.03098), section 3.1: both are relative to
the root, and brought to one scale.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets
from poselab.codecs.space import METRE, root_joint, truth_3d
from poselab.errors import require_shape
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton


def relative_points(points: Tensor, known: Tensor | None = None) -> Tensor:
    """Points [B, J, 2] px minus their middle, over their spread; unknown ones are 0.

    Neither place nor size of the person is left: what a picture says of the pose alone.
    """
    require_shape("points", points, None, None, 2)
    known = points.new_ones(points.shape[:2]) if known is None else known.to(points)
    weight = known[..., None] / known.sum(1)[:, None, None].clamp(min=1)  # [B, J, 1]
    centred = points - (weight * points).sum(1, keepdim=True)
    spread = (weight * centred.square()).sum((1, 2), keepdim=True).sqrt()
    return known[..., None] * centred / spread.clamp(min=1e-6)


class LiftingCodec(Codec, name="lifting"):
    """Points [B, J, 2] -> joints [B, J, 3] in metres relative to the root.

    `noise` px is added to the training input at random, as a 2D network's error would
    be. `size` (H, W) is that of the pictures that the points are of.
    """

    def __init__(
        self,
        size: tuple[int, int] = (128, 96),
        noise: float = 0.0,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        self.size, self.noise = (int(size[0]), int(size[1])), float(noise)
        self.skeleton = skeleton

    def encode(
        self, sample: Sample, generator: torch.Generator | None = None
    ) -> tuple[Inputs, Targets]:
        """(points,); "metres" [B, J, 3], "visibility" [B, J]."""
        sample, joints, root = truth_3d(sample)
        points, visibility = sample.keypoints[:, 0], sample.visibility[:, 0]
        if self.noise and generator is not None:
            draws = torch.randn(
                points.shape, generator=generator, device=generator.device
            )
            points = points + self.noise * draws.to(points)
        targets = {"metres": (joints - root) / METRE, "visibility": visibility}
        return (relative_points(points, visibility > 0),), targets

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """The mean squared error in dm^2 over the labelled joints."""
        known = targets["visibility"] > 0
        error = 10 * (output.float() - targets["metres"])
        total = torch.where(known[..., None], error, 0.0).square().sum()
        return total / known.sum().clamp(min=1)

    def mirror_inputs(self, inputs: Inputs) -> Inputs:
        """Points of mirrored people: x changes its sign, sides change places."""
        (points,) = inputs
        order = list(self.skeleton.flip_index)
        return (points[:, order] * points.new_tensor([-1, 1]),)

    def mirror(self, output: Tensor) -> Tensor:
        """The same for joints in 3D."""
        order = list(self.skeleton.flip_index)
        return output[:, order] * output.new_tensor([-1, 1, 1])

    def decode(self, output: Tensor) -> Poses:
        """-> stacked `Poses` with joints_3d in mm; the keypoints are not known here."""
        joints = METRE * output.float()
        joints = joints - root_joint(joints, self.skeleton)
        nowhere = torch.full_like(joints[..., :2], torch.nan)
        scores = torch.ones_like(joints[..., 0])
        return Poses(nowhere[:, None], scores[:, None], joints_3d=joints[:, None])
