"""One person's dance for another body: global pose normalisation in the picture.

Chan, Ginosar, Zhou & Efros, "Everybody Dance Now", ICCV 2019 (1808.07371), global pose
normalisation: where somebody stands in depth is read from the ankles' height in the
picture, and between the farthest and the nearest place everything is linear. Here these
places are the ends of the range; noisy tracks need a rule that is harder to fool.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require_shape
from poselab.skeleton import COCO_17

_ANKLES = [COCO_17.index(f"{side}_ankle") for side in ("left", "right")]
_NOSE = COCO_17.index("nose")
_SHARE = 0.1  # of the range: frames that count as nearest or farthest
_STILL = 1.0  # px: who moves less in depth stands at one place


class Stance(NamedTuple):
    """Where and how large somebody is in a film, in px.

    `near` and `far` are the lowest and the highest y of the ankles' middle (who is
    nearer stands lower in the picture), `tall` and `small` the height from ankles to
    nose there, upright; `centre` is the mean x of the ankles.
    """

    near: float
    far: float
    tall: float
    small: float
    centre: float


def feet(keypoints: Tensor) -> Tensor:
    """The middle of the ankles [T, 2] px of COCO's joints [T, 17, 2]."""
    require_shape("keypoints", keypoints, None, len(COCO_17), 2)
    return keypoints[:, _ANKLES].mean(1)


def stance(keypoints: Tensor) -> Stance:
    """The `Stance` of a film's joints [T, 17, 2] px; T is at least 1."""
    at = feet(keypoints)
    if len(at) == 0:
        raise ArgumentError("needs at least one frame", where="stance", value=0)
    height = at[:, 1] - keypoints[:, _NOSE, 1]  # [T]
    near, far = at[:, 1].max(), at[:, 1].min()
    room = _SHARE * (near - far)
    tall = height[at[:, 1] >= near - room].max()
    small = height[at[:, 1] <= far + room].max()
    if near - far < _STILL:
        tall = small = height.max()
    if not small > 0:
        raise ArgumentError(
            "the ankles are never below the nose",
            where="stance",
            field="keypoints",
            value=round(float(small), 1),
            fix="A dancer has to be seen upright in some frame near and far.",
        )
    return Stance(*(float(v) for v in (near, far, tall, small, at[:, 0].mean())))


def retarget(keypoints: Tensor, source: Stance, target: Stance) -> Tensor:
    """The source's joints [T, 17, 2] px where and as large as the target would be.

    Each frame has one scale and one shift, so directions of limbs stay, and so do the
    source's proportions.
    """
    at = feet(keypoints)  # [T, 2]
    depth = source.near - source.far
    share = (at[:, 1] - source.far) / depth if depth >= _STILL else 0 * at[:, 1]
    far, near = target.small / source.small, target.tall / source.tall
    scale = far + share * (near - far)  # [T]
    y = target.far + share * (target.near - target.far)
    x = target.centre + scale * (at[:, 0] - source.centre)
    moved = (keypoints - at[:, None]) * scale[:, None, None]
    return moved + torch.stack([x, y], 1)[:, None]
