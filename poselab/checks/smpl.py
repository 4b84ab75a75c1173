"""Exercises of notebook 17 about SMPL: who moves with a joint, a prior of angles."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform

chapter = Chapter("smpl", "17_smpl_dance")

# --- which vertices a joint moves ----------------------------------------------------

_TREE = [-1, 0, 1, 2, 0, 4]  # a root with a chain of three and one of two
_THREE = [[0.4, 0.3, 0.3, 0, 0, 0], [0.8, 0, 0, 0.2, 0, 0], [0.6, 0, 0, 0, 0.2, 0.2]]


def _weights(seed: int, count: int, joints: int) -> Tensor:
    """Weights of two joints per vertex; rows sum to 1."""
    first = torch.arange(count) % joints
    second = (first * 2 + torch.arange(count)) % joints
    share = uniform(seed, count, low=0.1, high=0.45)
    weights = torch.zeros(count, joints)
    weights[torch.arange(count), first] += 1 - share
    weights[torch.arange(count), second] += share
    return weights


def _mover_cases() -> list[Case]:
    return [
        Case("the first joint of a chain", _weights(1, 24, 6), _TREE, 1),
        Case("a joint in the middle", _weights(2, 24, 6), _TREE, 2),
        Case("a limb at the end of the list", _weights(5, 24, 6), _TREE, 4),
        Case("weights of three joints", torch.tensor(_THREE), _TREE, 1),
        Case("a leaf", _weights(3, 24, 6), _TREE, 5),
        Case("the root moves everybody", _weights(4, 12, 6), _TREE, 0),
        Case("one joint in all", torch.ones(3, 1), [-1], 0),
        Case("no vertex", torch.zeros(0, 6), _TREE, 1),
    ]


def _inside(parents, joint: int) -> list[int]:
    found = [joint]
    for child, parent in enumerate(parents):
        if parent in found:
            found.append(child)
    return found


def _movers(weights: Tensor, parents, joint: int) -> Tensor:
    return (weights[:, _inside(parents, joint)] > 0).any(1)


movers = chapter.exercise(
    "movers",
    cases=_mover_cases,
    solution=_movers,
    returns=("who moves",),
    praise="The subtree, and every vertex that has a share in it.",
    whole=True,
)


@movers.wrong(
    "Only vertices of the joint itself are in your answer. What hangs on the joint "
    "moves too: an elbow takes the hand with it."
)
def joint_alone(weights, parents, joint):
    return weights[:, joint] > 0


@movers.wrong(
    "You go down by one generation only: children, but not grandchildren. Parents "
    "stand before their children, so one pass over all joints is enough."
)
def children_only(weights, parents, joint):
    inside = [joint] + [c for c, p in enumerate(parents) if p == joint]
    return (weights[:, inside] > 0).any(1)


@movers.wrong(
    "You go up the tree instead of down: to the parents. Turning an elbow leaves the "
    "shoulder where it is."
)
def upwards(weights, parents, joint):
    inside = [joint]
    while parents[inside[-1]] >= 0:
        inside.append(parents[inside[-1]])
    return (weights[:, inside] > 0).any(1)


@movers.wrong(
    "The joint's own vertices are missing: the subtree begins with the joint itself."
)
def without_itself(weights, parents, joint):
    inside = _inside(parents, joint)[1:]
    return (weights[:, inside] > 0).any(1)


@movers.wrong(
    "Each vertex belongs to its strongest joint in your answer, so the blend at the "
    "border is lost. A share of 0.1 moves a vertex, too: ask for weights above 0."
)
def strongest(weights, parents, joint):
    best = weights.argmax(1)
    return torch.tensor([int(b) in _inside(parents, joint) for b in best]).bool()


@movers.wrong(
    "You ask for vertices *all* of whose joints in the subtree have a share. One is "
    "enough: `.any(1)`."
)
def all_of_them(weights, parents, joint):
    return (weights[:, _inside(parents, joint)] > 0).all(1)


@movers.wrong("Your answer is the other way round: it marks the vertices that stay.")
def the_others(weights, parents, joint):
    return ~_movers(weights, parents, joint)


@movers.wrong(
    "You take all joints that stand behind in the list. Some of them hang on another "
    "limb: follow `parents`."
)
def all_behind(weights, parents, joint):
    return (weights[:, joint:] > 0).any(1)


@movers.wrong(
    "Parent -1 means none, but as an index it is the *last* joint: walking up, you go "
    "on from the root to the last joint. Stop at -1."
)
def round_the_end(weights, parents, joint):
    inside = []
    for k in range(len(parents)):
        at, seen = k, [k]
        for _ in parents:
            at = parents[at]
            seen.append(at % len(parents))
        if joint in seen:
            inside.append(k)
    return (weights[:, inside] > 0).any(1)


@movers.wrong(
    "More than half of the weight is not asked: a vertex with a small weight moves, "
    "if only a little."
)
def more_than_half(weights, parents, joint):
    return weights[:, _inside(parents, joint)].sum(1) > 0.5


@movers.wrong("A weight of 0 moves nothing: ask for `> 0`, not `>= 0`.")
def zero_moves(weights, parents, joint):
    return (weights[:, _inside(parents, joint)] >= 0).any(1)


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
