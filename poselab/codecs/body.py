"""Angles and shape of a body model as a network learns them: HMR's losses.

Kanazawa et al. 2018 (1712.06584, section 3.2), with the rotations' truth for every
picture, as SPIN (1909.12828) has it. Drawn people need no prior of angles: their truth
is always at hand.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets
from poselab.codecs.space import METRE, root_joint, truth_3d
from poselab.errors import require_shape
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton

# What one unit of each loss weighs: dm in space, tenths of the picture's height, ...
WEIGHTS = {"rotations": 5.0, "betas": 0.05, "joints": 1.0, "points": 1.0}


class BodyCodec(Codec, name="body"):
    """A body model's numbers and its joints; `size` (H, W) is that of the pictures.

    The output is a dictionary: "rotations" [B, K, 3, 3], "betas" [B, S], "camera"
    [B, 3] (scale s in half picture heights per metre, shift x, y in half heights from
    the middle), "joints" [B, J, 3] m.
    """

    recordable = False  # the body's chain of parents goes to the GPU in every step

    def __init__(
        self, size: tuple[int, int] = (128, 96), skeleton: Skeleton = COCO_17
    ) -> None:
        self.size, self.skeleton = (int(size[0]), int(size[1])), skeleton

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "rotations", "betas", "joints", "points" and "visibility".

        Samples without a body's truth (not `known`) can be asked, and not learned from.
        """
        require_shape("image", sample.image, None, 3, *self.size)
        sample, joints, root = truth_3d(sample)
        targets = {
            "joints": (joints - root) / METRE,
            "points": self._halves(sample.keypoints[:, 0]),
            "visibility": sample.visibility[:, 0],
        }
        for name in ("rotations", "betas"):
            if getattr(sample, name) is not None:
                targets[name] = getattr(sample, name)[:, 0].float()
        return (sample.image,), targets

    def _middle(self, like: Tensor) -> Tensor:
        height, width = self.size
        return like.new_tensor([(width - 1) / 2, (height - 1) / 2])

    def _halves(self, points: Tensor) -> Tensor:
        """Pixels -> half picture heights from the middle."""
        return (points - self._middle(points)) / (self.size[0] / 2)

    def projected(self, output: dict[str, Tensor]) -> Tensor:
        """The joints in the picture, [B, J, 2] half heights: weak perspective."""
        joints, camera = output["joints"], output["camera"]
        flat = (joints - root_joint(joints, self.skeleton))[..., :2]
        return camera[:, None, :1] * flat + camera[:, None, 1:]

    def loss(self, output: dict[str, Tensor], targets: Targets) -> Tensor:
        """|joints| in dm, |points| in tenths, squares of rotations and betas."""
        joints = output["joints"] - root_joint(output["joints"], self.skeleton)
        seen = (targets["visibility"] > 0)[..., None]
        gap = (self.projected(output) - targets["points"]).abs()
        points = torch.where(seen, gap, 0.0).sum() / (2 * seen.sum().clamp(min=1))
        parts = {
            "rotations": (output["rotations"] - targets["rotations"]).square().mean(),
            "betas": (output["betas"] - targets["betas"]).square().mean(),
            "joints": 10 * (joints - targets["joints"]).abs().mean(),
            "points": 10 * points,
        }
        total: Tensor = sum(WEIGHTS[name] * value for name, value in parts.items())
        return total

    def decode(self, output: dict[str, Tensor]) -> Poses:
        """-> stacked `Poses`, one person each: keypoints px, joints_3d mm of the root.

        The scores are 1: such a network does not say how sure it is.
        """
        points = self.projected(output) * (self.size[0] / 2)
        points = points + self._middle(points)
        joints = METRE * output["joints"].float()
        joints = joints - root_joint(joints, self.skeleton)
        scores = torch.ones_like(points[..., 0])
        return Poses(points[:, None], scores[:, None], joints_3d=joints[:, None])
