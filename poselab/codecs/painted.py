"""Poses as pictures, and the frames that a network paints from them.

Chan, Ginosar, Zhou & Efros 2019 (1808.07371), section 3: a drawn pose is all that the
generator learns of the dance.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets
from poselab.codecs.regression import single_person
from poselab.errors import ArgumentError, require_shape
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton

WIDTH = 0.8  # px, half of a limb's
AT_ONCE = 64  # poses: each keeps two numbers for every limb and pixel


def pose_pictures(
    keypoints: Tensor, size: tuple[int, int], skeleton: Skeleton = COCO_17
) -> Tensor:
    """Points [B, J, 2] px -> drawn poses [B, 3, H, W] in [-1, 1].

    Limbs of the left side are in the first channel, of the right side in the second,
    all others in the third: a left arm is not to be taken for a right one.
    """
    require_shape("keypoints", keypoints, None, len(skeleton), 2)
    rows = torch.arange(size[0]).to(keypoints)
    columns = torch.arange(size[1]).to(keypoints)
    pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)  # [H, W, 2]
    parts = keypoints.split(AT_ONCE)
    return torch.cat([_drawn(part, pixels, skeleton) for part in parts])


def _drawn(keypoints: Tensor, pixels: Tensor, skeleton: Skeleton) -> Tensor:
    """Points [B, J, 2] px, the pixels' places [H, W, 2] -> drawn poses [B, 3, H, W]."""
    a, b = (keypoints[:, [limb[i] for limb in skeleton.limbs]] for i in (0, 1))
    a, way = a[:, :, None, None], (b - a)[:, :, None, None]  # [B, L, 1, 1, 2]
    share = ((pixels - a) * way).sum(-1) / way.square().sum(-1).clamp(min=1e-6)
    nearest = a + share.clamp(0, 1)[..., None] * way
    away = (pixels - nearest).norm(dim=-1)  # [B, L, H, W] px from each limb
    ink = (WIDTH + 0.5 - away).clamp(0, 1)
    planes = [ink[:, rows_of].amax(1) for rows_of in _limbs_by_side(skeleton)]
    return 2 * torch.stack(planes, 1) - 1


def _limbs_by_side(skeleton: Skeleton) -> list[list[int]]:
    """Which limbs are left, right, and neither."""
    left, right = ({pair[i] for pair in skeleton.flip_pairs} for i in (0, 1))
    groups: list[list[int]] = [[], [], []]
    for number, limb in enumerate(skeleton.limbs):
        ends = set(limb)
        groups[0 if ends <= left else 1 if ends <= right else 2].append(number)
    return groups


class PaintedCodec(Codec, name="painted"):
    """Drawn pose and the frame before -> a frame: Everybody Dance Now's generator.

    Inputs [B, 6, H, W] are the pose's picture and the frame before; `encode` leaves the
    latter black (0), as for the first frame of a film, and `previous` says whether
    whoever paints a film fills it in. Outputs [B, 3, H, W] are in [-1, 1]. `who` is the
    drawn dancer that the network can paint, the only one.
    """

    def __init__(
        self,
        size: tuple[int, int] = (64, 48),
        previous: bool = True,
        who: int = 0,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        self.size, self.previous = (int(size[0]), int(size[1])), bool(previous)
        self.who, self.skeleton = int(who), skeleton

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(pose pictures and black,); "frames" [B, 3, H, W], "person" [B, 1, H, W]."""
        require_shape("image", sample.image, None, 3, *self.size)
        sample = single_person(sample)
        poses = pose_pictures(sample.keypoints[:, 0], self.size, self.skeleton)
        person = sample.known("masks").to(poses)
        targets = {"frames": 2 * sample.image - 1, "person": person}
        return (torch.cat([poses, torch.zeros_like(poses)], 1),), targets

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """The mean absolute error; the person's pixels count five times."""
        gap = (output - targets["frames"]).abs() * (1 + 4 * targets["person"])
        return gap.mean()

    def decode(self, output: Tensor) -> Poses:
        """Raises `ArgumentError`: a painted frame holds no joints to be read."""
        raise ArgumentError(
            "a painted frame has no joints",
            where="PaintedCodec",
            field="decode",
            fix="Ask a pose network, such as zoo.load('hrnet_tiny').",
        )
