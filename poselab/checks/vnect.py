"""Exercises of notebook 14 about VNect: the flip test of location maps, bones of given
lengths."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed, uniform

chapter = Chapter("vnect", "14_lifting_vnect")


# --- the flip test of location maps --------------------------------------------------


def _flip_cases() -> list[Case]:
    def pair(seed: int, *shape: int) -> tuple[Tensor, Tensor]:
        return signed(seed, *shape), signed(seed + 1, *shape)

    return [
        Case("three joints, two of them a pair", *pair(1, 4, 3, 5, 4), [0, 2, 1]),
        Case("two pairs", *pair(3, 4, 4, 4, 6), [1, 0, 3, 2]),
        Case("one joint in the middle of the body", *pair(5, 4, 1, 3, 3), [0]),
    ]


def _mirror(maps: Tensor, order, signs=(1, -1, 1, 1)) -> Tensor:
    sign = maps.new_tensor(signs)[:, None, None, None]
    return sign * maps[:, order].flip(-1)


def _flip(plain: Tensor, mirrored: Tensor, flip_index) -> Tensor:
    return (plain + _mirror(mirrored, flip_index)) / 2


flip = chapter.exercise(
    "flip",
    cases=_flip_cases,
    solution=_flip,
    returns=("the maps",),
    praise="Columns, sides and the sign of X: a mirror changes all three.",
)


@flip.wrong(
    "The columns are not turned back: the two answers are added at places that mirror "
    "each other. `.flip(-1)` turns the columns."
)
def columns_kept(plain, mirrored, flip_index):
    return (plain + _mirror(mirrored, flip_index).flip(-1)) / 2


@flip.wrong(
    "You turn the rows, .flip(-2): that is a picture upside down. A mirror image has "
    "its columns turned, the last axis."
)
def rows_turned(plain, mirrored, flip_index):
    return (plain + _mirror(mirrored, flip_index).flip(-1).flip(-2)) / 2


@flip.wrong(
    "The sides are not exchanged: in the mirror a left wrist is found as a right one. "
    "Index the joints with flip_index."
)
def sides_kept(plain, mirrored, flip_index):
    return (plain + _mirror(mirrored, slice(None))) / 2


@flip.wrong(
    "The sign of X is missing. In the mirror a wrist 300 mm to the right of the root "
    "is 300 mm to its left: averaged as it is, X comes out near 0."
)
def sign_kept(plain, mirrored, flip_index):
    return (plain + _mirror(mirrored, flip_index, (1, 1, 1, 1))) / 2


@flip.wrong(
    "You change the sign of Z, the depth. A mirror exchanges left and right, not near "
    "and far: X, map 1, changes its sign."
)
def depth_turned(plain, mirrored, flip_index):
    return (plain + _mirror(mirrored, flip_index, (1, 1, 1, -1))) / 2


@flip.wrong(
    "All four maps change their sign in your answer. A heatmap stays positive, and Y "
    "and Z do not change in a mirror: only X, map 1."
)
def all_signs(plain, mirrored, flip_index):
    return (plain + _mirror(mirrored, flip_index, (-1, -1, -1, -1))) / 2


@flip.wrong(
    "You change the sign of the heatmap, map 0. The order of the maps is heatmap, X, "
    "Y, Z: X is map 1."
)
def first_map_turned(plain, mirrored, flip_index):
    return (plain + _mirror(mirrored, flip_index, (-1, 1, 1, 1))) / 2


@flip.wrong(
    "You add the two answers. Their mean is asked for: twice the metres is wrong."
)
def added(plain, mirrored, flip_index):
    return 2 * _flip(plain, mirrored, flip_index)


@flip.wrong(
    "You change the sign of Y. A mirror exchanges left and right, so X changes its "
    "sign; up stays up."
)
def height_turned(plain, mirrored, flip_index):
    back = mirrored[:, flip_index].flip(-1)
    sign = torch.tensor([1.0, 1.0, -1.0, 1.0])[:, None, None, None]
    return (plain + sign * back) / 2


@flip.wrong(
    "You change the sign of X after averaging: then the plain answer is turned, too. "
    "Only the mirrored one has to be brought back."
)
def both_turned(plain, mirrored, flip_index):
    back = mirrored[:, flip_index].flip(-1)
    sign = torch.tensor([1.0, -1.0, 1.0, 1.0])[:, None, None, None]
    return sign * (plain + back) / 2


# --- bones of given lengths ----------------------------------------------------------

_TREE = [-1, 0, 1, 2, 0, 4, 5]  # a root with two chains of three


def _bone_cases() -> list[Case]:
    far = torch.tensor([300.0, -200.0, 4000.0])
    return [
        Case(
            "two legs",
            500 * signed(21, 7, 3) + far,
            _TREE,
            uniform(22, 7, low=150.0, high=450.0),
        ),
        Case(
            "a chain of four",
            500 * signed(23, 4, 3) - far,
            [-1, 0, 1, 2],
            torch.tensor([1.0, 100.0, 200.0, 300.0]),
        ),
        Case("the root alone", 500 * signed(24, 1, 3), [-1], torch.tensor([7.0])),
    ]


def _bones(joints: Tensor, parents, lengths: Tensor) -> Tensor:
    moved = [joints[0]]
    for j in range(1, len(joints)):
        bone = joints[j] - joints[parents[j]]
        moved.append(moved[parents[j]] + bone / bone.norm() * lengths[j])
    return torch.stack(moved)


bones = chapter.exercise(
    "bones",
    cases=_bone_cases,
    solution=_bones,
    returns=("the joints",),
    praise="Directions from the network, lengths from the person.",
)


@bones.wrong(
    "Each bone starts at the parent's *old* place, so a knee moves and the ankle stays "
    "behind. Start at the place where the parent is now."
)
def old_parent(joints, parents, lengths):
    moved = [joints[0]]
    for j in range(1, len(joints)):
        bone = joints[j] - joints[parents[j]]
        moved.append(joints[parents[j]] + bone / bone.norm() * lengths[j])
    return torch.stack(moved)


@bones.wrong(
    "You take the direction from the parent's *new* place to the child's old one. The "
    "direction is that of the old bone: old child minus old parent."
)
def mixed_direction(joints, parents, lengths):
    moved = [joints[0]]
    for j in range(1, len(joints)):
        bone = joints[j] - moved[parents[j]]
        moved.append(moved[parents[j]] + bone / bone.norm() * lengths[j])
    return torch.stack(moved)


@bones.wrong(
    "The bones point the other way: from child to parent. A bone is child minus parent."
)
def reversed_bones(joints, parents, lengths):
    moved = [joints[0]]
    for j in range(1, len(joints)):
        bone = joints[parents[j]] - joints[j]
        moved.append(moved[parents[j]] + bone / bone.norm() * lengths[j])
    return torch.stack(moved)


@bones.wrong(
    "You multiply the bone as it is by its new length. Make it a direction first: "
    "divide by its own length."
)
def not_normalised(joints, parents, lengths):
    moved = [joints[0]]
    for j in range(1, len(joints)):
        bone = joints[j] - joints[parents[j]]
        moved.append(moved[parents[j]] + bone * lengths[j])
    return torch.stack(moved)


@bones.wrong(
    "The root is at (0, 0, 0) in your answer. It stays where it was; only what hangs "
    "on it moves."
)
def root_at_zero(joints, parents, lengths):
    return _bones(joints, parents, lengths) - joints[0]


@bones.wrong(
    "You scale the whole pose by one factor, so the bones get the right length on "
    "average only. Each bone has a length of its own."
)
def one_factor(joints, parents, lengths):
    if len(joints) == 1:
        return joints
    now = [(joints[j] - joints[parents[j]]).norm() for j in range(1, len(joints))]
    return joints[0] + (joints - joints[0]) * lengths[1:].sum() / torch.stack(now).sum()


@bones.wrong(
    "Bone j has the length of its parent's place in the list: lengths[parents[j]]. The "
    "bone that ends at joint j has lengths[j]."
)
def length_of_parent(joints, parents, lengths):
    return _bones(joints, parents, lengths[[max(p, 0) for p in parents]])


@bones.wrong(
    "Every bone of yours begins at the root. It begins at its own parent, `parents[j]`."
)
def from_the_root(joints, parents, lengths):
    moved = joints.clone()
    for j in range(1, len(joints)):
        bone = joints[j] - joints[0]
        moved[j] = joints[0] + bone / bone.norm() * lengths[j]
    return moved


@bones.wrong(
    "You take the joint before in the list for the parent. The parent is `parents[j]`: "
    "a second leg begins at the pelvis, not at the first foot."
)
def one_before(joints, parents, lengths):
    moved = joints.clone()
    for j in range(1, len(joints)):
        bone = joints[j] - joints[j - 1]
        moved[j] = moved[j - 1] + bone / bone.norm() * lengths[j]
    return moved


@bones.wrong(
    "The root moves: its parent is -1, and index -1 is the *last* joint. Begin with "
    "joint 1."
)
def root_has_a_parent(joints, parents, lengths):
    moved = joints.clone()
    for j in range(len(joints)):
        bone = joints[j] - joints[parents[j]]
        moved[j] = moved[parents[j]] + bone / bone.norm() * lengths[j]
    return moved
