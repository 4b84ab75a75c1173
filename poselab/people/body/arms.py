"""Arms that pass through the trunk, the head or the ground, moved out of them.

Like `inverse_kinematics`, on the average body in fractions of stature.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.body.kinematics import ABDUCTION, BONE, FLEXION, Frames, clamp
from poselab.people.body.shape import FOREARM, HAND, UPPER_ARM

_SHOULDERS = [BONE["left_shoulder"], BONE["right_shoulder"]]
_ELBOWS = [BONE["left_elbow"], BONE["right_elbow"]]
_WRISTS = [BONE["left_wrist"], BONE["right_wrist"]]
# Semi-axes of the trunk around the waist and of the head, with room for an arm.
_TRUNK, _TRUNK_ENDS, _HEAD, _HEAD_UP = (0.118, 0.092), (-0.12, 0.20), 0.115, 0.05


def free_arms(angles: Tensor, frames: Frames, height: Tensor) -> None:
    """One step that spreads, raises or stretches arms, in place in angles [N, B, 3].

    `frames` has the pelvis at the origin, `height` [N] is that of the pelvis.
    """
    points = _arm_points(frames)  # [N, 2, 3, 3]: elbow, wrist, fingertips
    trunk = _inside_trunk(frames, points).amax(-1)  # [N, 2], 0 outside to 1
    head = _inside_head(frames, points).amax(-1)
    low = (0.02 - height[:, None] - points[:, :, 2, 1]).clamp(min=0)
    spread, raised = 1.1 * trunk, low / (UPPER_ARM + FOREARM)
    angles[:, _SHOULDERS, ABDUCTION] += spread
    angles[:, _SHOULDERS, FLEXION] += raised
    angles[:, _ELBOWS, FLEXION] += 1.5 * raised - 0.9 * head
    angles[:] = clamp(angles)


def _arm_points(frames: Frames) -> Tensor:
    elbow, wrist = frames.origin[:, _ELBOWS], frames.origin[:, _WRISTS]
    fingers = wrist - frames.rotation[:, _WRISTS][..., 1] * HAND
    return torch.stack([elbow, wrist, fingers], 2)


def _inside_trunk(frames: Frames, points: Tensor) -> Tensor:
    """How deep points [N, 2, 3, 3] are in the trunk: 0 at the skin, 1 at the axis."""
    waist = BONE["waist"]
    from_waist = (points - frames.origin[:, None, None, waist]).flatten(1, 2)
    x, y, z = (from_waist @ frames.rotation[:, waist]).unbind(-1)  # [N, 6]
    depth = 1 - ((x / _TRUNK[0]) ** 2 + (z / _TRUNK[1]) ** 2).sqrt()
    level = (y > _TRUNK_ENDS[0]) & (y < _TRUNK_ENDS[1])
    return (depth.clamp(min=0) * level).unflatten(1, (2, 3))


def _inside_head(frames: Frames, points: Tensor) -> Tensor:
    centre = frames.point("head", 0.0, _HEAD_UP, 0.0)
    away = (points - centre[:, None, None]).norm(dim=-1)
    return (1 - away / _HEAD).clamp(min=0)
