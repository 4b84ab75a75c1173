"""Exercises of notebook 17 about SMPL: skinning undone, and a prior of angles."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform

chapter = Chapter("smpl", "17_smpl_dance")

# --- from a posed skin back to the rest pose ------------------------------------------


def _frames(seed: int, joints: int, spread: float = 1.2) -> Tensor:
    """Rigid maps [K, 4, 4] of joints: what each does to a vertex at rest."""
    turns = spread * uniform(seed, joints, 3, low=-1.0)
    frames = torch.eye(4).repeat(joints, 1, 1)
    frames[:, :3, :3] = torch.linalg.matrix_exp(_cross(turns))
    frames[:, :3, 3] = uniform(seed + 1, joints, 3, low=-1.0)
    return frames


def _cross(turns: Tensor) -> Tensor:
    x, y, z = turns.unbind(-1)
    none = torch.zeros_like(x)
    rows = torch.stack([none, -z, y, z, none, -x, -y, x, none], -1)
    return rows.unflatten(-1, (3, 3))


def _weights(seed: int, count: int, joints: int) -> Tensor:
    """Weights of two joints per vertex; rows sum to 1."""
    first = torch.arange(count) % joints
    second = (first * 2 + torch.arange(count)) % joints
    share = uniform(seed, count, low=0.1, high=0.45)
    weights = torch.zeros(count, joints)
    weights[torch.arange(count), first] += 1 - share
    weights[torch.arange(count), second] += share
    return weights


def _skin(seed: int, count: int) -> Tensor:
    return uniform(seed, count, 3, low=-1.0)


def _unposed_cases() -> list[Case]:
    still = torch.eye(4).repeat(3, 1, 1)
    return [
        Case("blended weights", _skin(1, 12), _weights(2, 12, 4), _frames(3, 4)),
        Case("one joint in all", _skin(4, 5), torch.ones(5, 1), _frames(5, 1)),
        Case("nobody moved", _skin(6, 6), _weights(7, 6, 3), still),
        Case("one vertex", _skin(8, 1), _weights(9, 1, 3), _frames(10, 3)),
        Case("no vertex", torch.zeros(0, 3), torch.zeros(0, 4), _frames(11, 4)),
    ]


def _apply(matrices: Tensor, points: Tensor) -> Tensor:
    """Each point [V, 3] by its own matrix [V, 4, 4]."""
    return (matrices[:, :3, :3] @ points[..., None])[..., 0] + matrices[:, :3, 3]


def _mixed(weights: Tensor, frames: Tensor) -> Tensor:
    return torch.einsum("vk,kij->vij", weights, frames)


def _unposed(vertices: Tensor, weights: Tensor, frames: Tensor) -> Tensor:
    return _apply(torch.linalg.inv(_mixed(weights, frames)), vertices)


unposed = chapter.exercise(
    "unposed",
    cases=_unposed_cases,
    solution=_unposed,
    returns=("the vertices at rest",),
    praise="Blend first, then invert: exactly what skinning did, undone.",
)


@unposed.wrong(
    "You invert each joint's map and blend the inverses. The mean of inverses is not "
    "the inverse of the mean: skinning blended the maps, so blend them first."
)
def mean_of_inverses(vertices, weights, frames):
    return _apply(_mixed(weights, torch.linalg.inv(frames)), vertices)


@unposed.wrong(
    "You pose the vertices once more instead of taking the pose away: the inverse of "
    "the blended map is missing."
)
def posed_again(vertices, weights, frames):
    return _apply(_mixed(weights, frames), vertices)


@unposed.wrong(
    "You take the transpose for the inverse. A blend of rotations is no rotation any "
    "more (it shrinks), so its transpose does not undo it: `torch.linalg.inv`."
)
def transposed(vertices, weights, frames):
    mixed = _mixed(weights, frames)
    off = vertices - mixed[:, :3, 3]
    return (mixed[:, :3, :3].transpose(1, 2) @ off[..., None])[..., 0]


@unposed.wrong(
    "Each vertex belongs to its strongest joint alone in your answer. At a border they "
    "were moved by a blend of two joints, and have to be moved back by that blend."
)
def strongest(vertices, weights, frames):
    return _apply(torch.linalg.inv(frames[weights.argmax(1)]), vertices)


@unposed.wrong(
    "You undo the rotation and leave the translation: the last column of the blended "
    "map has to be taken off before."
)
def without_translation(vertices, weights, frames):
    inverse = torch.linalg.inv(_mixed(weights, frames)[:, :3, :3])
    return (inverse @ vertices[..., None])[..., 0]


@unposed.wrong(
    "You take the translation off after undoing the rotation. Skinning rotated first "
    "and shifted then, so the shift has to be undone first."
)
def in_the_wrong_order(vertices, weights, frames):
    mixed = _mixed(weights, frames)
    inverse = torch.linalg.inv(mixed[:, :3, :3])
    return (inverse @ vertices[..., None])[..., 0] - mixed[:, :3, 3]


# --- a prior of angles ---------------------------------------------------------------


def _limit_cases() -> list[Case]:
    low, high = torch.tensor([0.0, -0.5, -1.0]), torch.tensor([2.5, 0.5, 1.0])
    inside = uniform(5, 4, 3) * (high - low) * 0.9 + low + 0.05 * (high - low)
    mixed = 4 * uniform(6, 5, 3, low=-1.0)
    return [
        Case("some angles beyond", mixed, low, high),
        Case("one pose", mixed[:1] + 2, low, high),
        Case("all within", inside, low, high),
        Case("exactly on the limits", torch.stack([low, high]), low, high),
    ]


def _limits(angles: Tensor, low: Tensor, high: Tensor) -> Tensor:
    beyond = (low - angles).clamp(min=0) + (angles - high).clamp(min=0)
    return beyond.square().sum(1).mean()


limits = chapter.exercise(
    "limits",
    cases=_limit_cases,
    solution=_limits,
    returns=("the loss",),
    praise="Free inside the limits, and a pull back from outside.",
    gradient=(0,),
)


@limits.wrong(
    "Angles below the lower limit cost nothing in your answer: a knee that bends the "
    "wrong way is what the loss is for."
)
def upper_only(angles, low, high):
    return (angles - high).clamp(min=0).square().sum(1).mean()


@limits.wrong(
    "Angles above the upper limit cost nothing in your answer. Both ends count."
)
def lower_only(angles, low, high):
    return (low - angles).clamp(min=0).square().sum(1).mean()


@limits.wrong(
    "You take the absolute excess. It is to be squared: little beyond costs little, "
    "and the gradient fades out at the limit."
)
def not_squared(angles, low, high):
    beyond = (low - angles).clamp(min=0) + (angles - high).clamp(min=0)
    return beyond.sum(1).mean()


@limits.wrong(
    "You take the mean over the angles of a pose. A pose costs the *sum* over its "
    "angles; the mean is over the poses."
)
def mean_of_all(angles, low, high):
    beyond = (low - angles).clamp(min=0) + (angles - high).clamp(min=0)
    return beyond.square().mean()


@limits.wrong("You add up over the poses. The mean over the poses is asked for.")
def sum_of_all(angles, low, high):
    return _limits(angles, low, high) * len(angles)


@limits.wrong(
    "Angles *within* the limits cost something in your answer: without a clamp at 0 "
    "the distance to a limit counts on both sides of it."
)
def no_clamp(angles, low, high):
    return ((low - angles).square() + (angles - high).square()).sum(1).mean()


@limits.wrong(
    "You pull every angle to the middle of its range. Within the limits all poses are "
    "free: only what is beyond a limit costs."
)
def to_the_middle(angles, low, high):
    return (angles - (low + high) / 2).square().sum(1).mean()


@limits.wrong(
    "You count the angles that are beyond. A count has no gradient, so nothing would "
    "be pulled back: how far beyond is asked for, squared."
)
def counted(angles, low, high):
    return ((angles < low) | (angles > high)).float().sum(1).mean()


@limits.wrong(
    "You take the root of each pose's sum. The excess counts by its *square*, summed "
    "and not rooted."
)
def root_taken(angles, low, high):
    beyond = (low - angles).clamp(min=0) + (angles - high).clamp(min=0)
    return (beyond.square().sum(1) + 1e-30).sqrt().mean()


@limits.wrong(
    "You add up the excess of a pose and square the sum. Square each angle's excess, "
    "then add."
)
def summed_first(angles, low, high):
    beyond = (low - angles).clamp(min=0) + (angles - high).clamp(min=0)
    return beyond.sum(1).square().mean()


@limits.wrong(
    "Summed over the poses, averaged over the angles: it is the other way round. Sum "
    "over the angles of a pose (axis 1), mean over the poses."
)
def axes_exchanged(angles, low, high):
    beyond = (low - angles).clamp(min=0) + (angles - high).clamp(min=0)
    return beyond.square().sum(0).mean()


@limits.wrong(
    "You square the whole angle where it is beyond a limit. It costs the square of its "
    "*excess*: what is beyond."
)
def whole_angle(angles, low, high):
    outside = (angles < low) | (angles > high)
    return torch.where(outside, angles, 0.0).square().sum(1).mean()
