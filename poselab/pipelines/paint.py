"""A film from poses: each frame is painted after the one before."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poselab.codecs.painted import PaintedCodec, pose_pictures
from poselab.errors import require_shape


@torch.no_grad()
def paint_film(net: nn.Module, keypoints: Tensor, codec: PaintedCodec) -> Tensor:
    """Poses [T, J, 2] px of one film -> painted frames [T, 3, H, W] in [0, 1].

    The first frame follows on a black one (1808.07371, section 3.3); where the codec's
    `previous` is off, every frame does.
    """
    require_shape("keypoints", keypoints, None, len(codec.skeleton), 2)
    place = next(net.parameters())
    poses = pose_pictures(keypoints, codec.size, codec.skeleton).to(place)
    before, frames = torch.zeros_like(poses[:1]), []
    for pose in poses.split(1):
        frames.append(net(torch.cat([pose, before], 1)))
        before = frames[-1] if codec.previous else before
    return torch.cat(frames) / 2 + 0.5
