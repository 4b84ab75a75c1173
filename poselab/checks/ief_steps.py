"""Exercises of notebook 05: where a path ends, and whether a step comes nearer."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.ief import chapter

# --- 5. how many steps a path needs --------------------------------------------------


def _step_cases() -> list[Case]:
    start = torch.tensor([[10.0, 10.0], [10.0, 10.0], [10.0, 10.0], [10.0, 10.0]])
    away = torch.tensor([[0.0, 0.0], [6.0, 8.0], [6.0, 8.5], [30.0, 40.0]])
    return [
        Case("0, 10, a little more and 50 px to go", start, start + away, 10.0),
        Case(
            "a batch of poses",
            uniform(41, 3, 17, 2, high=90),
            uniform(42, 3, 17, 2, high=90),
            7.0,
        ),
        Case("one joint, exactly one step", start[:1], start[:1] + 5, 50**0.5),
        Case("no joint", start[:0], start[:0], 7.0),
    ]


def _steps(start: Tensor, truth: Tensor, bound: float) -> Tensor:
    return ((truth - start).norm(dim=-1) / bound - 1e-6).ceil().long()


steps = chapter.exercise(
    "steps",
    cases=_step_cases,
    solution=_steps,
    returns=("the number of steps",),
    whole=True,
    praise="The farthest joint decides how many steps everybody needs.",
)


@steps.wrong(
    "You round down: a joint with a rest to go needs one step more. Round up (`ceil`)."
)
def rounded_down(start, truth, bound):
    return ((truth - start).norm(dim=-1) / bound + 1e-6).floor().long()


@steps.wrong(
    "You round to the nearest whole number: 2.2 steps are three, as the rest has to be "
    "walked, too. Round up (`ceil`)."
)
def rounded(start, truth, bound):
    return ((truth - start).norm(dim=-1) / bound).round().long()


@steps.wrong(
    "You count one step too many where the way is a multiple of L, or where nothing is "
    "left: a joint that has arrived waits."
)
def one_more(start, truth, bound):
    return ((truth - start).norm(dim=-1) / bound + 1e-6).floor().long() + 1


@steps.wrong(
    "You count x and y apart and take the longer one. The step goes straight to the "
    "truth, so the length of the vector counts."
)
def longest_axis(start, truth, bound):
    return ((truth - start).abs().amax(-1) / bound - 1e-6).ceil().long()


@steps.wrong(
    "You add the ways in x and in y. The step goes straight to the truth: take the "
    "length of the vector, a norm over the last dimension."
)
def around_the_corner(start, truth, bound):
    return ((truth - start).abs().sum(-1) / bound - 1e-6).ceil().long()


@steps.wrong(
    "You give one number for the whole pose. Each joint has its own: keep the joints."
)
def one_for_all(start, truth, bound):
    each = _steps(start, truth, bound)
    return each.amax(-1) if each.shape[-1] else each.new_zeros(each.shape[:-1])


# --- 6. does a step come nearer? -----------------------------------------------------


def _flagged() -> tuple[Tensor, ...]:
    """The visible joint comes 2 px nearer, the hidden one goes 3 px away."""
    pose = torch.tensor([[[6.0, 0.0], [5.0, 0.0]]])
    step = torch.tensor([[[-2.0, 0.0], [3.0, 0.0]]])
    return pose, step, torch.zeros(1, 2, 2), torch.tensor([[2, 1]])


def _cornered() -> tuple[Tensor, ...]:
    """From (3, 4) to (5.5, 0): 0.5 px farther, though x + y is less."""
    pose, step = torch.tensor([[[3.0, 4.0]]]), torch.tensor([[[2.5, -4.0]]])
    return pose, step, torch.zeros(1, 1, 2), torch.tensor([[2]])


def _nearer_cases() -> list[Case]:
    truth = uniform(51, 20, 17, 2, low=10, high=90)
    pose = truth + uniform(52, 20, 17, 2, low=-15, high=15)
    flags = torch.randint(0, 3, (20, 17), generator=torch.Generator().manual_seed(53))
    flags[0] = 0  # nobody has labelled this person
    correction = 0.4 * (truth - pose) + uniform(54, 20, 17, 2, low=-8, high=8)
    still = torch.zeros_like(pose)
    # One joint comes much nearer, two go a little away.
    few, goal = torch.tensor([[[9.0, 0], [0, 1], [0, 1]]]), torch.zeros(1, 3, 2)
    uneven = torch.tensor([[[-8.0, 0], [0, 1], [0, 1]]])
    return [
        Case("20 people", pose, correction, truth, flags),
        Case("corrections of 0", pose[1:5], still[1:5], truth[1:5], flags[1:5]),
        Case("one joint nearer, two farther", few, uneven, goal, torch.ones(1, 3)),
        Case("flags 2 and 1, one nearer, one farther", *_flagged()),
        Case("a step round a corner", *_cornered()),
        Case("one person", pose[2:3], correction[2:3], truth[2:3], flags[2:3]),
        Case("nobody", pose[:0], correction[:0], truth[:0], flags[:0]),
    ]


def _means(points: Tensor, truth: Tensor, visibility: Tensor) -> Tensor:
    """The mean distance of each person's labelled joints, [B] px."""
    weight = (visibility > 0).to(points)
    distance = (points - truth).norm(dim=-1)
    return (distance * weight).sum(-1) / weight.sum(-1).clamp(min=1)


def _nearer(
    pose: Tensor, correction: Tensor, truth: Tensor, visibility: Tensor
) -> Tensor:
    after = _means(pose + correction, truth, visibility)
    return after < _means(pose, truth, visibility)


nearer = chapter.exercise(
    "nearer",
    cases=_nearer_cases,
    solution=_nearer,
    returns=("who is nearer",),
    whole=True,
    praise="That is the inequality which a correction has to meet.",
)


@nearer.wrong(
    "You compare the correction itself with the way that is left. The question is "
    "where the corrected pose is: |y - (y_t + e)| against |y - y_t|."
)
def correction_for_pose(pose, correction, truth, visibility):
    after = _means(correction, truth, visibility)
    return after < _means(pose, truth, visibility)


@nearer.wrong(
    "You subtract the correction. It is added: y_t + e is the corrected pose."
)
def correction_subtracted(pose, correction, truth, visibility):
    return _nearer(pose, -correction, truth, visibility)


@nearer.wrong(
    "A pose that has not moved is not nearer. The inequality is strict: `<`, not `<=`."
)
def also_equal(pose, correction, truth, visibility):
    after = _means(pose + correction, truth, visibility)
    return after <= _means(pose, truth, visibility)


@nearer.wrong(
    "Unlabelled joints are in your mean. Nobody knows where they are: leave out v = 0."
)
def all_joints_counted(pose, correction, truth, visibility):
    return _nearer(pose, correction, truth, torch.ones_like(visibility))


@nearer.wrong(
    "You ask whether most joints come nearer. The question is about the mean distance: "
    "one joint may make up for many."
)
def most_joints(pose, correction, truth, visibility):
    gain = (pose - truth).norm(dim=-1) - (pose + correction - truth).norm(dim=-1)
    known = visibility > 0
    return ((gain > 0) & known).sum(-1) > known.sum(-1) / 2


@nearer.wrong(
    "You use visible joints (v = 2) only. A hidden joint is labelled, so its distance "
    "is known and counts."
)
def only_visible(pose, correction, truth, visibility):
    return _nearer(pose, correction, truth, visibility * (visibility == 2))


@nearer.wrong(
    "You average squared distances, so the farthest joint decides almost alone. Take "
    "the length first, then the mean."
)
def squares_compared(pose, correction, truth, visibility):
    weight = (visibility > 0).to(pose)
    before = ((pose - truth).square().sum(-1) * weight).sum(-1)
    return ((pose + correction - truth).square().sum(-1) * weight).sum(-1) < before


@nearer.wrong(
    "You weight each joint by its flag, so that a visible joint (2) counts twice. "
    "Labelled is labelled: `visibility > 0`."
)
def flags_as_weights(pose, correction, truth, visibility):
    def mean(points):
        distance = (points - truth).norm(dim=-1) * visibility
        return distance.sum(-1) / visibility.sum(-1).clamp(min=1)

    return mean(pose + correction) < mean(pose)


@nearer.wrong(
    "You add |x| and |y|. The distance is the straight one, the root of x² + y²."
)
def along_the_axes(pose, correction, truth, visibility):
    weight = (visibility > 0).float()

    def mean(points):
        distance = (points - truth).abs().sum(-1) * weight
        return distance.sum(-1) / weight.sum(-1).clamp(min=1)

    return mean(pose + correction) < mean(pose)
