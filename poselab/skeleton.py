"""Joint names and what follows from them: limbs, sides, flip pairs, OKS sigmas.

A skeleton is a list of names; everything else refers to joints by their place in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require_shape
from poselab.sides import LEFT, MIDDLE, RIGHT, find_pairs

COLOURS = {LEFT: "#E69F00", RIGHT: "#0072B2", MIDDLE: "#000000"}


@dataclass(frozen=True)
class Skeleton:
    """A named list of joints and the limbs between them.

    `joints` are names, each used once; `limbs` pairs of indices; `sigmas` the per-joint
    constants of COCO's OKS (None where the data set has not published any).
    `flip_pairs` are the pairs (left, right) of joints, by index or name, that swap when
    an image is mirrored; they are found in the names (left_ear, EarR, "l ear", ...)
    unless given. Raises `ArgumentError` for a skeleton that contradicts itself, also
    for a joint with a side and no partner.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...] | None = None
    # None only until `__post_init__`, which finds them.
    flip_pairs: tuple[tuple[int, int], ...] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self._set("joints", _texts(self.joints, self.name))
        self._set("limbs", _pairs(self.limbs, "limbs", self))
        self._set("sigmas", _numbers(self.sigmas, len(self), self.name))
        if self.flip_pairs is None:
            self._set("flip_pairs", find_pairs(self.joints, self.name))
        else:
            self._set("flip_pairs", _disjoint(self.flip_pairs, self))

    def _set(self, field: str, value) -> None:
        object.__setattr__(self, field, value)

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """The index of a joint; an `ArgumentError` that lists the names if unknown."""
        if joint not in self.joints:
            raise ArgumentError(
                "this skeleton has no such joint",
                where=self.name,
                field="joint",
                value=joint,
                fix=f"Known: {', '.join(self.joints)}.",
            )
        return self.joints.index(joint)

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """`left`, `right` or `middle` for each joint: the person's own side."""
        sides = [MIDDLE] * len(self)
        for left, right in self.flip_pairs:
            sides[left], sides[right] = LEFT, RIGHT
        return tuple(sides)

    @cached_property
    def colours(self) -> tuple[str, ...]:
        """The course's colour of each joint, as a hex string."""
        return tuple(COLOURS[side] for side in self.sides)

    @cached_property
    def flip_index(self) -> tuple[int, ...]:
        """For each joint, the index of its mirror partner (itself in the middle)."""
        index = list(range(len(self)))
        for left, right in self.flip_pairs:
            index[left], index[right] = right, left
        return tuple(index)


def _texts(joints: Sequence[str], where: str) -> tuple[str, ...]:
    """The joints' names: at least one, texts, none twice."""
    listed = () if isinstance(joints, str) else tuple(joints)
    named = listed and all(isinstance(n, str) and n.strip() for n in listed)
    if not named:
        fix = "Give a list of names."
        raise ArgumentError(
            "must be names", where=where, field="joints", value=joints, fix=fix
        )
    twice = [name for name in listed if listed.count(name) > 1]
    if twice:
        problem = "is the name of two joints"
        raise ArgumentError(problem, where=where, field="joints", value=twice[0])
    return listed


def _pairs(pairs, field: str, skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """Pairs of two different joints, by index or name."""
    found = []
    for pair in pairs:
        ends = [
            skeleton.index(end) if isinstance(end, str) else end
            for end in (pair if isinstance(pair, list | tuple) else [pair])
        ]
        known = all(type(e) is int and 0 <= e < len(skeleton) for e in ends)
        if not known or len(set(ends)) != len(ends) or len(ends) != 2:
            raise ArgumentError(
                f"must be two different indices from 0 to {len(skeleton) - 1}",
                where=skeleton.name,
                field=field,
                value=pair,
                fix="COCO files count joints from 1: subtract 1.",
            )
        found.append((ends[0], ends[1]))
    return tuple(found)


def _disjoint(pairs, skeleton: Skeleton) -> tuple[tuple[int, int], ...]:
    """Given flip pairs: no joint in two of them."""
    pairs = _pairs(pairs, "flip_pairs", skeleton)
    ends = [end for pair in pairs for end in pair]
    twice = [skeleton.joints[end] for end in ends if ends.count(end) > 1]
    if twice:
        problem = "is in two pairs"
        raise ArgumentError(
            problem, where=skeleton.name, field="flip_pairs", value=twice[0]
        )
    return pairs


def _numbers(sigmas, joints: int, where: str) -> tuple[float, ...] | None:
    """The sigmas: one for each joint, above 0."""
    if sigmas is None:
        return None
    try:
        values = tuple(float(sigma) for sigma in sigmas)
    except (TypeError, ValueError):
        values = ()
    good = all(math.isfinite(v) and v > 0 for v in values)
    if len(values) != joints or not good:
        problem = f"must be {joints} numbers above 0, one for each joint"
        raise ArgumentError(problem, where=where, field="sigmas", value=sigmas)
    return values


def _skeleton(name: str, joints: str, limbs: str, sigmas=None) -> Skeleton:
    """Build a skeleton from words; `l_`/`r_` are short for left and right."""
    full = {"l_": "left_", "r_": "right_"}

    def long(word: str) -> str:
        return full.get(word[:2], word[:2]) + word[2:]

    names = tuple(long(word) for word in joints.split())
    pairs = (tuple(long(end) for end in limb.split("-")) for limb in limbs.split())
    index = tuple((names.index(a), names.index(b)) for a, b in pairs)
    return Skeleton(name, names, index, sigmas)


# Sigmas: cocodataset.org/#keypoints-eval, "kappa_i = 2 sigma_i".
COCO_17 = _skeleton(
    "coco-17",
    "nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist "
    "r_wrist l_hip r_hip l_knee r_knee l_ankle r_ankle",
    "nose-l_eye nose-r_eye l_eye-l_ear r_eye-r_ear l_ear-l_shoulder "
    "r_ear-r_shoulder l_shoulder-r_shoulder l_shoulder-l_elbow l_elbow-l_wrist "
    "r_shoulder-r_elbow r_elbow-r_wrist l_shoulder-l_hip r_shoulder-r_hip l_hip-r_hip "
    "l_hip-l_knee l_knee-l_ankle r_hip-r_knee r_knee-r_ankle",
    (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062)
    + (0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)
MPII_16 = _skeleton(
    "mpii-16",
    "r_ankle r_knee r_hip l_hip l_knee l_ankle pelvis thorax upper_neck head_top "
    "r_wrist r_elbow r_shoulder l_shoulder l_elbow l_wrist",
    "r_ankle-r_knee r_knee-r_hip r_hip-pelvis l_hip-pelvis l_hip-l_knee "
    "l_knee-l_ankle pelvis-thorax thorax-upper_neck upper_neck-head_top "
    "thorax-r_shoulder r_shoulder-r_elbow r_elbow-r_wrist thorax-l_shoulder "
    "l_shoulder-l_elbow l_elbow-l_wrist",
)
# Sigmas: the CrowdPose evaluation code (Li et al. 2019, 1812.00324).
CROWDPOSE_14 = _skeleton(
    "crowdpose-14",
    "l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee "
    "l_ankle r_ankle head_top neck",
    "head_top-neck neck-l_shoulder neck-r_shoulder l_shoulder-l_elbow l_elbow-l_wrist "
    "r_shoulder-r_elbow r_elbow-r_wrist l_shoulder-l_hip r_shoulder-r_hip l_hip-r_hip "
    "l_hip-l_knee l_knee-l_ankle r_hip-r_knee r_knee-r_ankle",
    (0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087)
    + (0.089, 0.089, 0.079, 0.079),
)
H36M_17 = _skeleton(
    "h36m-17",
    "pelvis r_hip r_knee r_ankle l_hip l_knee l_ankle spine thorax nose head_top "
    "l_shoulder l_elbow l_wrist r_shoulder r_elbow r_wrist",
    "pelvis-r_hip r_hip-r_knee r_knee-r_ankle pelvis-l_hip l_hip-l_knee "
    "l_knee-l_ankle pelvis-spine spine-thorax thorax-nose nose-head_top "
    "thorax-l_shoulder l_shoulder-l_elbow l_elbow-l_wrist thorax-r_shoulder "
    "r_shoulder-r_elbow r_elbow-r_wrist",
)
# Skeletons that only data sets have; people are not drawn with them. "head_bottom" of
# PoseTrack (1710.10000) is MPII's upper neck; its ears are never labelled.
POSETRACK_17 = _skeleton(
    "posetrack-17",
    "nose upper_neck head_top l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow "
    "l_wrist r_wrist l_hip r_hip l_knee r_knee l_ankle r_ankle",
    "nose-head_top nose-upper_neck nose-l_ear nose-r_ear "
    "upper_neck-l_shoulder upper_neck-r_shoulder "
    "l_shoulder-l_elbow l_elbow-l_wrist r_shoulder-r_elbow r_elbow-r_wrist "
    "l_shoulder-l_hip r_shoulder-r_hip l_hip-r_hip l_hip-l_knee l_knee-l_ankle "
    "r_hip-r_knee r_knee-r_ankle",
)
# The joints of MPI-INF-3DHP (Mehta et al. 2017, 1611.09813) that its test set has.
MPI_INF_3DHP_17 = _skeleton(
    "mpi-inf-3dhp-17",
    "head_top neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee "
    "r_ankle l_hip l_knee l_ankle pelvis spine head",
    "head_top-head head-neck neck-r_shoulder r_shoulder-r_elbow r_elbow-r_wrist "
    "neck-l_shoulder l_shoulder-l_elbow l_elbow-l_wrist neck-spine spine-pelvis "
    "pelvis-r_hip r_hip-r_knee r_knee-r_ankle pelvis-l_hip l_hip-l_knee l_knee-l_ankle",
)
# The parts of the released OpenPose network and the limbs that it joins them by, in its
# order (Cao et al. 2017, 1611.08050; the neck is the middle of the shoulders).
OPENPOSE_18 = _skeleton(
    "openpose-18",
    "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee "
    "r_ankle l_hip l_knee l_ankle r_eye l_eye r_ear l_ear",
    "neck-r_shoulder neck-l_shoulder r_shoulder-r_elbow r_elbow-r_wrist "
    "l_shoulder-l_elbow l_elbow-l_wrist neck-r_hip r_hip-r_knee r_knee-r_ankle "
    "neck-l_hip l_hip-l_knee l_knee-l_ankle neck-nose nose-r_eye r_eye-r_ear "
    "nose-l_eye l_eye-l_ear r_shoulder-r_ear l_shoulder-l_ear",
)
SKELETONS = {s.name: s for s in (COCO_17, MPII_16, CROWDPOSE_14, H36M_17)}
PUBLISHED = (*SKELETONS.values(), POSETRACK_17, MPI_INF_3DHP_17)

# A joint that a skeleton lacks, as the mean of joints that it may have.
_SHOULDERS = ("left_shoulder", "right_shoulder")
_HIPS = ("left_hip", "right_hip")
_MEANS = {
    "neck": _SHOULDERS,
    "thorax": _SHOULDERS,
    "pelvis": _HIPS,
    "spine": _SHOULDERS + _HIPS,
}


def by_name(name: str | Mapping[str, Any]) -> Skeleton:
    """The skeleton called `name`, or that of a `description`.

    Raises `ArgumentError`, which lists the names, if unknown.
    """
    if isinstance(name, Mapping):
        return Skeleton(**name)
    if name not in SKELETONS:
        fix = f"Known: {', '.join(SKELETONS)}."
        raise ArgumentError("unknown skeleton", where="name", value=name, fix=fix)
    return SKELETONS[name]


def description(skeleton: Skeleton) -> str | dict[str, Any]:
    """What `by_name` makes it of: its name, or all fields of one that is not known."""
    if SKELETONS.get(skeleton.name) == skeleton:
        return skeleton.name
    return {f.name: getattr(skeleton, f.name) for f in fields(skeleton)}


def convert(
    keypoints: Tensor, visibility: Tensor, source: Skeleton, target: Skeleton
) -> tuple[Tensor, Tensor]:
    """Joints of `source` as joints of `target`.

    keypoints [..., J, D], visibility [..., J] -> [..., J', D], [..., J']. A joint
    of the same name is copied; neck, thorax, pelvis and spine are means of shoulders
    and hips (COCO has no neck), labelled only where all of these are, and visible
    only where all of these are; any other joint is not labelled (0).
    """
    require_shape("keypoints", keypoints, "...", len(source), None)
    require_shape("visibility", visibility, "...", len(source))
    points, flags = [], []
    for name in target.joints:
        names = (name,) if name in source.joints else _MEANS.get(name, ())
        if names and all(n in source.joints for n in names):
            index = [source.joints.index(n) for n in names]
            flag = visibility[..., index].amin(-1)
            point = keypoints[..., index, :].mean(-2) * (flag > 0)[..., None]
        else:
            flag = torch.zeros_like(visibility[..., 0])
            point = torch.zeros_like(keypoints[..., 0, :])
        points.append(point)
        flags.append(flag)
    return torch.stack(points, -2), torch.stack(flags, -1)  # [..., J', D], [..., J']
