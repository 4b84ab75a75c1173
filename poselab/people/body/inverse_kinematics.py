"""Legs by inverse kinematics: feet where they are wanted, balance over them.

Everything here happens on the average body in fractions of stature; the angles that
come out suit every body, because thigh, shin and foot keep their ratio.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from math import pi

import torch
from torch import Tensor

from poselab.people.body import shape as lengths
from poselab.people.body.arms import free_arms
from poselab.people.body.kinematics import (
    ABDUCTION,
    BONE,
    BONES,
    FLEXION,
    LIMITS,
    TWIST,
    BodyPose,
    Frames,
    chain,
    clamp,
    euler,
    offsets,
    rotations,
    turned,
)
from poselab.people.body.shape import average_shape, measures
from poselab.people.table import Table

DEGREE = pi / 180
SIDES = ("left_", "right_")
_REACH = 0.996 * (lengths.THIGH + lengths.SHIN)

# Share of the body's mass per segment and where its centre lies between two bones
# (Winter, table 4.1): from, to, fraction, share.
_MASSES = [
    ("neck", "head", 1.0, 0.081),
    ("chest", "neck", 0.5, 0.216),
    ("waist", "chest", 0.5, 0.139),
    ("pelvis", "waist", 0.3, 0.142),
]
for _side in SIDES:
    _MASSES += [
        (_side + "shoulder", _side + "elbow", 0.436, 0.028),
        (_side + "elbow", _side + "wrist", 0.60, 0.022),
        (_side + "hip", _side + "knee", 0.433, 0.100),
        (_side + "knee", _side + "ankle", 0.433, 0.0465),
        (_side + "ankle", _side + "toe", 0.5, 0.0145),
    ]


def _weights() -> Tensor:
    """What each bone's origin counts in the centre of mass, [B]; adds up to 1."""
    weights = torch.zeros(len(BONES))
    for start, end, fraction, share in _MASSES:
        weights[BONE[start]] += share * (1 - fraction)
        weights[BONE[end]] += share * fraction
    return weights


_WEIGHTS = _weights()


@dataclass
class Draft(Table):
    """N poses in the making, in fractions of stature and with the pelvis at x = z = 0.

    angles [N, B, 3] radians; turn [N, 3]; height [N] of the hips; for the left and
    right foot: feet [N, 2, 3] (outwards, up, ahead) of the ankle's place on a flat
    foot, pitch [N, 2] radians (toes up), turnout [N, 2] radians; share [N, 2] of the
    weight that each foot carries; seat [N]; balance [N] 1 where feet move under the
    centre of mass.
    """

    angles: Tensor
    turn: Tensor
    height: Tensor
    feet: Tensor
    pitch: Tensor
    turnout: Tensor
    share: Tensor
    seat: Tensor
    balance: Tensor

    @classmethod
    def of(cls, n: int, device=None) -> Draft:
        """People upright with their feet under the hips."""
        zeros = torch.zeros(n, len(BONES), 3, device=device)
        feet = torch.zeros(n, 2, 3, device=device)
        feet[..., 0] = lengths.HIP
        two = feet[..., 1]
        one = two[:, 0]
        return cls(
            zeros,
            zeros[:, 0].clone(),
            one + 0.53,
            feet,
            two.clone(),
            two.clone(),
            two + 0.5,
            one.clone(),
            one + 1,
        )

    def mix(self, other: Draft, share: Tensor) -> Draft:
        """The way from here to `other`, `share` [N] from 0 to 1; the stool stays."""
        mixed = []
        for f in fields(self):
            a, b = getattr(self, f.name), getattr(other, f.name)
            w = share.view(-1, *(1,) * (a.dim() - 1))
            mixed.append(a if f.name == "seat" else torch.lerp(a, b, w))
        return Draft(*mixed)

    def put(self, bone: str, on: Tensor, *degrees: Tensor) -> None:
        """All three angles of one bone, where `on` [N]."""
        new = torch.stack(degrees, -1) * DEGREE
        index = BONE[bone]
        self.angles[:, index] = torch.where(on[:, None], new, self.angles[:, index])

    def bend(self, bone: str, flexion=None, twist=None, abduction=None) -> None:
        """Set angles of one bone, in degrees ([N] or a number)."""
        given = {FLEXION: flexion, TWIST: twist, ABDUCTION: abduction}
        for axis, value in given.items():
            if value is not None:
                _write(self.angles[:, BONE[bone], axis], value)

    def lean(self, yaw=0.0, pitch=0.0, roll=0.0) -> None:
        """Turn of the pelvis, in degrees ([N] or a number)."""
        for axis, value in enumerate((yaw, pitch, roll)):
            _write(self.turn[:, axis], value)

    def foot(self, side: int, out=None, up=None, ahead=None, pitch=None, turnout=None):
        """Place the left (0) or right (1) foot; angles in degrees."""
        for axis, value in enumerate((out, up, ahead)):
            if value is not None:
                self.feet[:, side, axis] = value
        if pitch is not None:
            _write(self.pitch[:, side], pitch)
        if turnout is not None:
            _write(self.turnout[:, side], turnout)


def _write(place: Tensor, degrees: Tensor | float) -> None:
    """Degrees, [N] or a number, into a place [N] for radians."""
    if isinstance(degrees, Tensor):
        torch.mul(degrees, DEGREE, out=place)
    else:
        place.fill_(degrees * DEGREE)


def finish(draft: Draft) -> BodyPose:
    """Solve the legs, shift feet under the centre of mass, free the arms, wrap up."""
    draft.angles = clamp(draft.angles)
    stand(draft)
    body = _average_body().to(draft.angles)
    sides = torch.tensor([1.0, -1.0]).to(draft.feet)
    for _ in range(2):
        frames = chain(body, draft.angles, turned(draft.turn))
        offset = imbalance(draft, frames) * draft.balance[:, None]  # [N, 2]
        draft.feet[..., 0] += offset[:, None, 0] * sides
        draft.feet[..., 2] += offset[:, None, 1]
        free_arms(draft.angles, frames, draft.height)
        stand(draft)
    zeros = torch.zeros_like(draft.turn)
    lift = draft.feet[..., 1].amin(1).clamp(min=0)
    return BodyPose(draft.angles, draft.turn, zeros[:, :2], lift, draft.seat)


@cache
def _average_body() -> Tensor:
    """The `offsets` [1, B, 3] of an average body, in fractions of stature."""
    return offsets(measures(average_shape(1, 1.0)))


def stand(draft: Draft) -> None:
    """Set hips, knees, ankles and toes so that the feet are where they should be."""
    mirror = torch.tensor([[1.0, 1, 1], [-1, 1, 1]]).to(draft.feet)  # [2, 3]
    turn = turned(draft.turn)[:, None]  # [N, 1, 3, 3]
    turn = turn * mirror[:, :, None] * mirror[:, None, :]  # both legs as left ones
    ankle = _ankle(draft)  # [N, 2, 3]
    hip = turn[..., 0] * lengths.HIP  # from the pelvis, [N, 2, 3]
    flat = (ankle - hip)[..., [0, 2]].norm(dim=-1).clamp(max=0.9 * _REACH)
    highest = ankle[..., 1] + (_REACH**2 - flat**2).sqrt() - hip[..., 1]
    draft.height = draft.height.minimum(highest.amin(1))
    target = ankle - hip
    target[..., 1] -= draft.height[:, None]
    target = (turn.transpose(-1, -2) @ target[..., None])[..., 0]
    hips, knee = _two_bones(target, draft.turnout)
    foot = _ankle_angles(turn, hips, knee, draft.pitch)
    _relax(draft, foot)
    toe = (-draft.pitch).clamp(min=0)
    for i, side in enumerate(SIDES):
        draft.angles[:, BONE[side + "hip"]] = hips[:, i]
        draft.angles[:, BONE[side + "knee"], FLEXION] = knee[:, i]
        draft.angles[:, BONE[side + "ankle"]] = foot[:, i]
        draft.angles[:, BONE[side + "toe"], FLEXION] = toe[:, i]
    draft.angles = clamp(draft.angles)


def _relax(draft: Draft, foot: Tensor) -> None:
    """Raise heels where ankles bend too far; ankles of lifted feet hang loosely."""
    air = draft.feet[..., 1] > 0.02
    loose = foot[..., FLEXION].clamp(-40 * DEGREE, 15 * DEGREE)
    most = float(LIMITS[BONE["left_ankle"], FLEXION, 1]) - 2 * DEGREE
    excess = (foot[..., FLEXION] - most).clamp(min=0)
    draft.pitch = torch.where(air, draft.pitch, draft.pitch - excess)
    foot[..., FLEXION] = torch.where(air, loose, foot[..., FLEXION] - excess)


def _ankle(draft: Draft) -> Tensor:
    """Where the ankles are once the feet roll over heel or ball, [N, 2, 3]."""
    out, up, ahead = draft.feet.unbind(-1)
    heel = -lengths.HEEL * torch.ones_like(out)
    pivot = torch.where(draft.pitch > 0, heel, heel * 0 + lengths.BALL)
    radius = torch.where(
        draft.pitch > 0, heel * 0 + lengths.HEEL_RADIUS, heel * 0 + lengths.BALL_RADIUS
    )
    c, s = draft.pitch.cos(), draft.pitch.sin()
    rise = lengths.ANKLE - radius
    along = -pivot * c - rise * s + pivot  # how far the ankle moves ahead
    high = -pivot * s + rise * c + radius
    x = out + along * draft.turnout.sin()
    z = ahead + along * draft.turnout.cos()
    return torch.stack([x, high + up, z], -1)


def _two_bones(target: Tensor, twist: Tensor) -> tuple[Tensor, Tensor]:
    """Hip angles [N, 2, 3] and knee flexion [N, 2] that bring the ankle to `target`.

    `target` [N, 2, 3] is relative to the hip in the pelvis' frame, both legs as left
    ones. The knee comes from the law of cosines, then abduction from the sideways
    part and flexion from what remains.
    """
    a, b = lengths.THIGH, lengths.SHIN
    reach = target.norm(dim=-1).clamp(0.135, 0.9999 * (a + b))
    knee = ((reach**2 - a * a - b * b) / (2 * a * b)).clamp(-1, 1).acos()
    y, z = -(a + b * knee.cos()), -b * knee.sin()
    x, z = z * twist.sin(), z * twist.cos()
    swing = (target[..., 0] / (x * x + y * y).sqrt()).clamp(-1, 1)
    abduction = torch.atan2(-y, x) - swing.acos()
    y = x * abduction.sin() + y * abduction.cos()
    goal = torch.atan2(target[..., 2], -target[..., 1])
    flexion = goal - torch.atan2(z, -y)
    return torch.stack([flexion, twist, abduction], -1), knee


def _ankle_angles(turn: Tensor, hips: Tensor, knee: Tensor, pitch: Tensor) -> Tensor:
    """Ankle angles [N, 2, 3] for a sole at `pitch` that heads where the knee does."""
    signs = torch.tensor([-1.0, 1.0, 1.0]).to(hips)
    zero = torch.zeros_like(knee)
    bends = torch.stack([knee, zero, zero, -pitch, zero, zero], -1)
    bends = torch.cat([hips * signs, bends], -1).unflatten(-1, (3, 3))
    hip, bend, tip = rotations(bends).unbind(-3)  # [N, 2, 3, 3] each
    shin = turn @ hip @ bend
    side = shin[..., 0]
    heading = torch.atan2(-side[..., 2], side[..., 0])
    yaw = rotations(torch.stack([zero, heading, zero], -1))
    sole = yaw @ tip
    return euler(shin.transpose(-1, -2) @ sole) * signs


def centre_of_mass(frames: Frames) -> Tensor:
    """Centre of mass [N, 3] in the units of `frames`."""
    return torch.einsum("b,nbi->ni", _WEIGHTS.to(frames.origin), frames.origin)


def imbalance(draft: Draft, frames: Frames) -> Tensor:
    """How far the centre of mass lies right and ahead of the support, [N, 2]."""
    mass = centre_of_mass(frames)
    ankle = torch.stack([frames.point(side + "ankle") for side in SIDES], 1)
    ball = torch.stack([frames.point(side + "toe") for side in SIDES], 1)
    sole = 0.6 * ankle + 0.4 * ball  # [N, 2, 3]
    support = (sole * draft.share[..., None]).sum(1)
    return (mass - support)[:, [0, 2]]
