"""The kinematic tree: bones, joint limits, forward kinematics, contact with the ground.

A person in the rest pose stands upright at the origin, faces +z with +y up, so that the
own left is +x, and lets the arms hang with the palms towards the thighs. Every bone has
three angles in radians (flexion, twist, abduction) that mean the same on both sides:
mirroring a person swaps left and right bones and changes nothing else, except for
the twist and bend of the bones in the middle.

  flexion    spine, neck, head, shoulder, elbow, hip forwards; knee backwards; toes up
  twist      spine and head to the own left; limbs outwards
  abduction  limbs away from the middle; spine and head bend to the own left
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from math import pi

import torch
from torch import Tensor

from poselab.people.body.shape import Shape, measures
from poselab.people.table import Table

FLEXION, TWIST, ABDUCTION = range(3)
SEAT = 0.066  # from the hips down to what a seated person sits on, of stature
# Bone: parent, then the limits of flexion, twist and abduction in degrees.
_MIDDLE = {
    "pelvis": (None, (0, 0), (0, 0), (0, 0)),
    "waist": ("pelvis", (-15, 45), (-20, 20), (-20, 20)),
    "chest": ("waist", (-15, 35), (-25, 25), (-18, 18)),
    "neck": ("chest", (-25, 30), (-35, 35), (-20, 20)),
    "head": ("neck", (-20, 25), (-35, 35), (-15, 15)),
}
_SIDED = {
    "clavicle": ("chest", (0, 0), (-10, 20), (-5, 30)),
    "shoulder": ("clavicle", (-50, 170), (-85, 85), (-25, 165)),
    "elbow": ("shoulder", (0, 145), (-85, 85), (0, 0)),
    "wrist": ("elbow", (-25, 30), (0, 0), (-60, 60)),
    "hip": ("pelvis", (-25, 125), (-40, 45), (-20, 50)),
    "knee": ("hip", (0, 150), (0, 0), (0, 0)),
    "ankle": ("knee", (-50, 40), (-20, 20), (-20, 20)),
    "toe": ("ankle", (-10, 60), (0, 0), (0, 0)),
}


def _tree() -> dict[str, tuple]:
    tree = dict(_MIDDLE)
    for name, (parent, *limits) in _SIDED.items():
        for side in ("left_", "right_"):
            above = parent if parent in _MIDDLE else side + parent
            tree[side + name] = (above, *limits)
    return tree


_TREE = _tree()
BONES = tuple(_TREE)
BONE = {name: index for index, name in enumerate(BONES)}
PARENTS = tuple(-1 if row[0] is None else BONE[row[0]] for row in _TREE.values())
LIMITS = torch.tensor([row[1:] for row in _TREE.values()]) * (pi / 180)  # [B, 3, 2]
_FORWARD_DOWN = ("shoulder", "elbow", "wrist", "hip", "ankle", "toe")


def _mirror(name: str) -> str:
    swap = {"left": "right", "right": "left"}
    side, _, rest = name.partition("_")
    return f"{swap[side]}_{rest}" if side in swap else name


MIRROR = tuple(BONE[_mirror(name)] for name in BONES)


def _signs() -> Tensor:
    """Signs that turn anatomical angles into rotations about +x, +y, +z, [B, 3]."""
    rows = []
    for name in BONES:
        bends_down = name.split("_")[-1] in _FORWARD_DOWN
        side = {"right": -1.0}.get(name.split("_")[0], 1.0)
        bend = side if name in _SIDED_BONES else -1.0
        rows.append([-1.0 if bends_down else 1.0, side, bend])
    return torch.tensor(rows)


_SIDED_BONES = {name for name in BONES if name not in _MIDDLE}
SIGNS = _signs()


@dataclass
class BodyPose(Table):
    """N poses, the same for a tall and a small body.

    angles [N, B, 3] radians of BONES; turn [N, 3] yaw (to the own left), pitch
    (forwards) and roll (to the own left) of the pelvis; position [N, 2] mm, x and z of
    the pelvis on the ground; lift [N], height above the ground of the lowest point as
    a fraction of stature (a runner in flight); seat [N] 1 where a stool is under them.
    """

    angles: Tensor
    turn: Tensor
    position: Tensor
    lift: Tensor
    seat: Tensor

    def at(self, position: Tensor, yaw: Tensor) -> BodyPose:
        """The same people standing at `position` [N, 2] mm and turned by `yaw` [N]."""
        turn = torch.cat([yaw[:, None], self.turn[:, 1:]], 1)
        return replace(self, position=position, turn=turn)

    def flipped(self) -> BodyPose:
        """Left and right swapped (the mirror image across the plane x = 0)."""
        angles = self.angles[:, list(MIRROR)]
        middle = torch.tensor([1.0, -1.0, -1.0], device=angles.device)
        angles[:, : len(_MIDDLE)] *= middle
        flip = torch.tensor([-1.0, 1.0], device=angles.device)
        turn = self.turn * torch.tensor([-1.0, 1.0, -1.0], device=angles.device)
        return replace(self, angles=angles, turn=turn, position=self.position * flip)


def rest_pose(n: int = 1, device=None) -> BodyPose:
    """`n` people upright, arms hanging."""
    zeros = torch.zeros(n, len(BONES), 3, device=device)
    return BodyPose(
        zeros,
        zeros[:, 0].clone(),
        zeros[:, 0, :2].clone(),
        zeros[:, 0, 0].clone(),
        zeros[:, 0, 0].clone(),
    )


def rotations(angles: Tensor) -> Tensor:
    """Rx(a) Rz(c) Ry(b) of angles (a, b, c) [..., 3] -> [..., 3, 3]."""
    (sa, sb, sc), (ca, cb, cc) = angles.sin().unbind(-1), angles.cos().unbind(-1)
    first = torch.stack([cc * cb, -sc, cc * sb], -1)
    p = torch.stack([sc * cb, cc, sc * sb], -1)
    q = torch.stack([-sb, torch.zeros_like(sb), cb], -1)
    sa, ca = sa[..., None], ca[..., None]
    return torch.stack([first, ca * p - sa * q, sa * p + ca * q], -2)


def mirrored(rotation: Tensor) -> Tensor:
    """The same of people in the mirror x -> -x: matrices [..., B, 3, 3] of BONES."""
    sign = rotation.new_tensor([-1.0, 1.0, 1.0])
    return sign[:, None] * rotation[..., list(MIRROR), :, :] * sign


def euler(rotation: Tensor) -> Tensor:
    """The angles (a, b, c) of `rotations`, [..., 3, 3] -> [..., 3]."""
    a = torch.atan2(rotation[..., 2, 1], rotation[..., 1, 1])
    b = torch.atan2(rotation[..., 0, 2], rotation[..., 0, 0])
    c = -rotation[..., 0, 1].clamp(-1, 1).asin()
    return torch.stack([a, b, c], -1)


def turned(turn: Tensor) -> Tensor:
    """Ry(yaw) Rx(pitch) Rz(-roll) of `BodyPose.turn` [..., 3] -> [..., 3, 3]."""
    yaw, pitch, roll = turn.unbind(-1)
    zero = torch.zeros_like(yaw)
    both = torch.stack([pitch, zero, -roll, zero, yaw, zero], -1).unflatten(-1, (2, 3))
    lean, heading = rotations(both).unbind(-3)
    return heading @ lean


def clamp(angles: Tensor) -> Tensor:
    """Angles [N, B, 3] moved into the joint limits."""
    limits = LIMITS.to(angles)
    return angles.maximum(limits[..., 0]).minimum(limits[..., 1])


def offsets(m: dict[str, Tensor]) -> Tensor:
    """Where each bone starts in its parent's frame, [N, B, 3], from `measures`."""
    zero = torch.zeros_like(m["hip"])
    rows: dict[str, tuple] = {
        "pelvis": (zero, zero, zero),
        "waist": (zero, m["waist"], zero),
        "chest": (zero, m["chest"], zero),
        "neck": (zero, m["back"], -0.006 * m["scale"]),
        "head": (zero, m["neck"], 0.006 * m["scale"]),
    }
    for side, sign in (("left_", 1), ("right_", -1)):
        rows |= {side + name: row for name, row in _limb_offsets(m, zero, sign).items()}
    return torch.stack([torch.stack(rows[name], -1) for name in BONES], 1)


def _limb_offsets(m: dict[str, Tensor], zero: Tensor, sign: int) -> dict[str, tuple]:
    return {
        "clavicle": (sign * m["clavicle"], m["clavicle_up"], zero),
        "shoulder": (sign * m["shoulder"], zero, -0.004 * m["scale"]),
        "elbow": (zero, -m["upper_arm"], zero),
        "wrist": (zero, -m["forearm"], zero),
        "hip": (sign * m["hip"], zero, zero),
        "knee": (zero, -m["thigh"], zero),
        "ankle": (zero, -m["shin"], zero),
        "toe": (zero, m["ball_radius"] - m["ankle"], m["ball"]),
    }


@cache
def _levels(device: torch.device) -> tuple[Tensor, Tensor, list[int], list[Tensor]]:
    """The bones, one generation after the other.

    Their order [B], its inverse, how many are in each generation, and for all but the
    first where their parents are in the generation before.
    """
    depth = [0]
    for parent in PARENTS[1:]:
        depth.append(depth[parent] + 1)
    levels = [[b for b, d in enumerate(depth) if d == n] for n in range(max(depth) + 1)]
    parents = [
        torch.tensor([above.index(PARENTS[b]) for b in level], device=device)
        for above, level in pairwise(levels)
    ]
    order = torch.tensor(sum(levels, []), device=device)
    return order, order.argsort(), [len(level) for level in levels], parents


@dataclass
class Frames(Table):
    """Bones in the world: origin [N, B, 3] mm and rotation [N, B, 3, 3]."""

    origin: Tensor
    rotation: Tensor

    def point(self, bone: str, *xyz: Tensor | float) -> Tensor:
        """A point of a bone's own frame in the world, [N, 3] mm."""
        index = BONE[bone]
        return _moved(self.origin[:, index], self.rotation[:, index], xyz)

    def pair(self, bone: str, *xyz: Tensor | float) -> Tensor:
        """The same of the left and the right bone, [N, 2, 3] mm.

        A number or a tensor [N] is for both, a tensor [N, 2] for the one and the other.
        """
        left = BONE["left_" + bone]  # the right one follows it
        both = slice(left, left + 2)
        xyz = tuple(
            v[:, None] if isinstance(v, Tensor) and v.dim() == 1 else v for v in xyz
        )
        return _moved(self.origin[:, both], self.rotation[:, both], xyz)

    def points(self, bone: str, xyz: Tensor) -> Tensor:
        """Points [N, K, 3] of a bone's own frame in the world, [N, K, 3] mm."""
        index = BONE[bone]
        o, r = self.origin[:, None, index], self.rotation[:, None, index]
        return _moved(o, r, xyz.unbind(-1))


def _moved(o: Tensor, r: Tensor, xyz: Sequence[Tensor | float]) -> Tensor:
    """Origins o [..., 3] moved by up to three steps along the columns of r."""
    for axis, value in enumerate(xyz):
        if isinstance(value, Tensor):
            o = o + r[..., axis] * value[..., None]
        elif value:
            o = o + r[..., axis] * value
    return o


def chain(offset: Tensor, angles: Tensor, root: Tensor) -> Frames:
    """Forward kinematics with the pelvis at the origin, turned by `root` [N, 3, 3].

    `offset` [N or 1, B, 3] is that of `offsets`.
    """
    order, inverse, counts, parents = _levels(angles.device)
    local = rotations(angles * SIGNS.to(angles))
    # Turn and step side by side, [N, B, 3, 4]: one product gives both.
    steps = torch.cat([local, offset[..., None].expand(len(local), -1, -1, 1)], -1)
    own = root[:, None]
    at = torch.zeros_like(angles[:, :1])
    turns, places = [own], [at]
    levels = steps.index_select(1, order).split(counts, 1)[1:]
    for level, above in zip(levels, parents, strict=True):
        moved = own.index_select(1, above) @ level
        own, at = moved[..., :3], at.index_select(1, above) + moved[..., 3]
        turns.append(own)
        places.append(at)
    origin, rotation = (
        torch.cat(v, 1).index_select(1, inverse) for v in (places, turns)
    )
    return Frames(origin, rotation)


def forward(shape: Shape, pose: BodyPose, m: dict[str, Tensor] | None = None) -> Frames:
    """Every bone in the world; the lowest point of the body is on the ground.

    `m`, where already known, are the `measures` of `shape`.
    """
    m = measures(shape) if m is None else m
    frames = chain(offsets(m), pose.angles, turned(pose.turn))
    up = pose.lift * shape.height - lowest(m, frames)
    shift = torch.stack([pose.position[:, 0], up, pose.position[:, 1]], -1)
    return Frames(frames.origin + shift[:, None], frames.rotation)


def lowest(m: dict[str, Tensor], frames: Frames) -> Tensor:
    """Height of the lowest point of shoes, knees, hands and seat, [N] mm."""
    low = [
        frames.pair(bone, 0.0, -down, ahead)[..., 1] - radius[:, None]
        for bone, down, ahead, radius in soles(m)
    ]
    low.append(frames.pair("knee")[..., 1] - 0.033 * m["scale"][:, None])
    low.append(frames.pair("wrist", 0.0, -m["hand"])[..., 1])
    low.append(_seat_height(m, frames)[:, None])
    return torch.cat(low, 1).amin(1)


def _seat_height(m: dict[str, Tensor], frames: Frames) -> Tensor:
    return frames.point("pelvis")[:, 1] - SEAT * m["scale"]


def soles(m: dict[str, Tensor]) -> tuple[tuple, ...]:
    """The balls a shoe rolls over: bone, down and ahead of it, radius; mm, each [N]."""
    return (
        ("ankle", m["ankle"] - m["heel_radius"], -m["heel"], m["heel_radius"]),
        ("toe", torch.zeros_like(m["toe"]), 0.0, m["ball_radius"]),
        ("toe", m["ball_radius"] - m["toe_radius"], m["toe"], m["toe_radius"]),
    )
