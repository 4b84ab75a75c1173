"""A dressed, posed person as capsules and ellipsoids, and the joints of every skeleton.

`primitives` gives what to draw, `joints` where the joints are; both follow from
`kinematics.forward`. Joints lie inside the body, at the centres of rotation; nose,
eyes, ears and the top of the head lie on the head's surface.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.people.body.clothes import Clothes, sample_clothes
from poselab.people.body.head import add_head, face_points
from poselab.people.body.kinematics import (
    BONES,
    SEAT,
    BodyPose,
    Frames,
    forward,
    rest_pose,
    turned,
)
from poselab.people.body.limbs import add_arms, add_feet, add_legs
from poselab.people.body.parts import Parts
from poselab.people.body.shape import Shape, average_shape, measures, sample_shape
from poselab.people.body.torso import add_torso
from poselab.people.raster.primitives import Capsules, Ellipsoids, Look
from poselab.skeleton import COCO_17, Skeleton

__all__ = [
    "JOINT_SEGMENTS",
    "Clothes",
    "BodyPose",
    "Shape",
    "average_shape",
    "forward",
    "joints",
    "primitives",
    "rest_pose",
    "sample_clothes",
    "sample_shape",
    "stool",
]


def _joint_segments() -> dict[str, tuple[str, ...]]:
    around = {
        "shoulder": "torso upper_arm",
        "elbow": "upper_arm forearm",
        "wrist": "forearm hand",
        "hip": "pelvis thigh",
        "knee": "thigh shin",
        "ankle": "shin foot",
        "eye": "eye",
        "ear": "ear",
    }
    table = {}
    for side in ("left_", "right_"):
        for joint, parts in around.items():
            names = (p if p in ("torso", "pelvis") else side + p for p in parts.split())
            table[side + joint] = tuple(names)
    table |= {"nose": ("nose",), "head_top": ("head", "hair")}
    table |= {"upper_neck": ("neck", "head"), "neck": ("torso", "neck")}
    return table | {
        "thorax": ("torso", "neck"),
        "spine": ("torso",),
        "pelvis": ("pelvis",),
    }


# The body segments around each joint: their surface does not hide the joint.
JOINT_SEGMENTS = _joint_segments()


def primitives(
    shape: Shape,
    clothes: Clothes,
    pose: BodyPose,
    frames: Frames | None = None,
    m: dict[str, Tensor] | None = None,
) -> tuple[Capsules, Ellipsoids]:
    """The surfaces of N people, [N, K] in world mm, the same K for everybody.

    `frames` and the `measures` m, where already known, save their computation.
    """
    m = measures(shape) if m is None else m
    frames = forward(shape, pose, m) if frames is None else frames
    parts = Parts(m, frames, shape, clothes)
    add_torso(parts)
    add_head(parts)
    add_arms(parts)
    add_legs(parts)
    add_feet(parts)
    return parts.capsules(), parts.ellipsoids()


def joints(
    shape: Shape,
    pose: BodyPose,
    skeleton: Skeleton = COCO_17,
    frames: Frames | None = None,
    m: dict[str, Tensor] | None = None,
) -> Tensor:
    """World positions of a skeleton's joints, [N, J, 3] mm.

    Neck, thorax, pelvis and spine are means of shoulders and hips, as in
    `skeleton.convert`, so that the four skeletons agree. `frames` and the `measures`
    m, where already known, save their computation.
    """
    m = measures(shape) if m is None else m
    frames = forward(shape, pose, m) if frames is None else frames
    points = dict(zip(BONES, frames.origin.unbind(1), strict=True))
    points |= face_points(m, frames)
    shoulders = (points["left_shoulder"] + points["right_shoulder"]) / 2
    hips = (points["left_hip"] + points["right_hip"]) / 2
    points |= {"neck": shoulders, "thorax": shoulders, "pelvis": hips}
    points["spine"] = (shoulders + hips) / 2
    return torch.stack([points[name] for name in skeleton.joints], 1)


def stool(
    shape: Shape,
    pose: BodyPose,
    frames: Frames | None = None,
    m: dict[str, Tensor] | None = None,
) -> tuple[Capsules, Ellipsoids]:
    """What seated people sit on: a cushion on three legs, not drawn for the others."""
    m = measures(shape) if m is None else m
    frames = forward(shape, pose, m) if frames is None else frames
    on = pose.seat * m["scale"]  # [N]
    pelvis = frames.point("pelvis")
    top = pelvis[:, 1] - SEAT * m["scale"]
    middle = torch.stack([pelvis[:, 0], top - 0.022 * m["scale"], pelvis[:, 2]], -1)
    turn = turned(pose.turn * torch.tensor([1.0, 0, 0]).to(pose.turn))
    sizes = on[:, None] * torch.tensor([0.115, 0.024, 0.105]).to(on)
    wood = torch.tensor([0.45, 0.30, 0.18]).to(on).expand(len(on), 3, 3)
    axes = turn.transpose(1, 2) * sizes[..., None]
    look = Look(
        wood,
        wood,
        torch.zeros_like(wood[..., 0]).long(),
        torch.full_like(wood[..., 0], 100.0),
    )
    seat = Ellipsoids(
        middle[:, None],
        axes[:, None],
        look.each(lambda colour: colour[:, :1]),
        ("stool",),
    )
    return _stool_legs(middle, turn, on, look), seat


def _stool_legs(middle: Tensor, turn: Tensor, on: Tensor, look: Look) -> Capsules:
    angles = torch.tensor([0.5, 2.6, 4.7]).to(on)
    ring = torch.stack([angles.cos(), 0 * angles, angles.sin()], -1)  # [3, 3]
    out = torch.einsum("nij,kj->nki", turn, ring) * on[:, None, None]
    feet = middle[:, None] + 0.095 * out
    feet[..., 1] = 0.011 * on[:, None]
    radius = (0.011 * on)[:, None].expand(-1, 3)
    return Capsules(
        middle[:, None] + 0.06 * out, feet, radius, radius, look, ("stool",) * 3
    )
