"""The exercises of notebook 05: the bounded correction, the fixed path, its loss, and
the loop at test time (Carreira et al., 1507.06550)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform

chapter = Chapter("ief", "05_iterative_error_feedback")


def _bound(vectors: Tensor, limit: float) -> Tensor:
    length = vectors.norm(dim=-1, keepdim=True)
    return vectors * (limit / length.clamp(min=limit))


# --- 1. the bounded correction -------------------------------------------------------


def _bounded_cases() -> list[Case]:
    return [
        Case(
            "17 joints, some near and some far",
            uniform(1, 17, 2, low=-20, high=20),
            uniform(2, 17, 2, low=-8, high=8),
            10.0,
        ),
        Case(
            "a joint that is already right",
            torch.tensor([[3.0, 4.0], [30.0, 40.0]]),
            torch.tensor([[3.0, 4.0], [0.0, 0.0]]),
            5.0,
        ),
        Case(
            "a batch of poses",
            uniform(3, 4, 5, 2, high=60),
            uniform(4, 4, 5, 2, high=60),
            12.0,
        ),
    ]


def _correct(truth: Tensor, pose: Tensor, bound: float) -> Tensor:
    return _bound(truth - pose, bound)


correction = chapter.exercise(
    "correction",
    cases=_bounded_cases,
    solution=_correct,
    returns=("the correction",),
    praise="Never longer than L, and always straight towards the truth.",
)


@correction.wrong(
    "You bound x and y by themselves. A step of (30, 10) with L = 10 becomes (10, 10): "
    "it points along the diagonal, not at the truth, and is longer than L. Bound the "
    "length of the vector."
)
def each_axis(truth, pose, bound):
    return (truth - pose).clamp(-bound, bound)


@correction.wrong(
    "Your target is the whole residual: it has no bound. One far joint then outweighs "
    "sixteen near ones in the squared loss, and the network has to leap."
)
def whole_residual(truth, pose, bound):
    return truth - pose


@correction.wrong(
    "Your correction always has the length L, also where less is left: a joint 2 px "
    "from its truth is thrown beyond it, and one that has arrived gets nan. The length "
    "is min(L, |u|)."
)
def always_full_length(truth, pose, bound):
    vectors = truth - pose
    return bound * vectors / vectors.norm(dim=-1, keepdim=True)


@correction.wrong(
    "Your correction points away from the truth: u = y - y_t, the truth minus the pose."
)
def backwards(truth, pose, bound):
    return _bound(pose - truth, bound)


@correction.wrong(
    "You bound the pose as a whole, so one far joint makes the steps of all others "
    "shorter. Each joint has its own length: a norm over the last dimension only."
)
def the_whole_pose(truth, pose, bound):
    vectors = truth - pose
    length = vectors.flatten(-2).norm(dim=-1)[..., None, None]
    return vectors * (bound / length.clamp(min=bound))


@correction.wrong(
    "You squash each axis with tanh. Then near joints are told less than what is left, "
    "and far ones change their direction. The length is min(L, |u|), exactly."
)
def squashed(truth, pose, bound):
    return bound * torch.tanh((truth - pose) / bound)


@correction.wrong(
    "That is the corrected pose y_{t+1}. The correction is the step to it, without y_t."
)
def the_corrected_pose(truth, pose, bound):
    return pose + _correct(truth, pose, bound)


# --- 2. the fixed path ---------------------------------------------------------------


def _path_cases() -> list[Case]:
    return [
        Case(
            "four steps of at most 8 px",
            uniform(11, 17, 2, low=20, high=80),
            uniform(12, 17, 2, low=10, high=90),
            8.0,
            4,
        ),
        Case(
            "one joint near, one far",
            torch.tensor([[10.0, 10.0], [10.0, 10.0]]),
            torch.tensor([[13.0, 14.0], [70.0, 90.0]]),
            20.0,
            3,
        ),
        Case("no step at all", uniform(13, 3, 2), uniform(14, 3, 2), 5.0, 0),
    ]


def _path(start: Tensor, truth: Tensor, bound: float, steps: int) -> Tensor:
    poses = [start]
    for _ in range(steps):
        poses.append(poses[-1] + _correct(truth, poses[-1], bound))
    return torch.stack(poses)


path = chapter.exercise(
    "path",
    cases=_path_cases,
    solution=_path,
    returns=("the poses",),
    praise="Known before any training starts: that is what makes the path fixed.",
)


@path.wrong(
    "You divide the way into equal parts, so all joints arrive together at the end, "
    "however far they have to go. On the paper's path each joint goes L px a step and "
    "waits where it has arrived."
)
def equal_parts(start, truth, bound, steps):
    shares = torch.linspace(0, 1, steps + 1)[:, None, None]
    return start + shares * (truth - start)


@path.wrong("y_0 is missing: the path begins with the start, before any correction.")
def without_start(start, truth, bound, steps):
    return _path(start, truth, bound, steps)[1:]


@path.wrong(
    "You compute every correction from y_0, so all poses after the first are the same "
    "or run past the truth. e(y, y_t) starts at y_t: the pose of the step before."
)
def always_from_the_start(start, truth, bound, steps):
    step = _correct(truth, start, bound)
    return torch.stack([start + t * step for t in range(steps + 1)])


@path.wrong(
    "You bound x and y by themselves: the path bends, first along a diagonal and then "
    "along an axis. It should be straight."
)
def bent(start, truth, bound, steps):
    poses = [start]
    for _ in range(steps):
        poses.append(poses[-1] + (truth - poses[-1]).clamp(-bound, bound))
    return torch.stack(poses)


@path.wrong("You go to the truth in one step. No step is longer than `bound`.")
def at_once(start, truth, bound, steps):
    return torch.stack([start] + [truth] * steps)


@path.wrong(
    "Every step of yours is `bound` long, so a joint that is near jumps over the truth "
    "and back. The last step is as long as what is left."
)
def always_the_whole_bound(start, truth, bound, steps):
    poses = [start]
    for _ in range(steps):
        u = truth - poses[-1]
        poses.append(poses[-1] + bound * u / u.norm(dim=-1, keepdim=True).clamp(1e-9))
    return torch.stack(poses)


@path.wrong("Your path leads away from the truth: the step is truth minus pose.")
def away(start, truth, bound, steps):
    poses = [start]
    for _ in range(steps):
        poses.append(poses[-1] - _bound(truth - poses[-1], bound))
    return torch.stack(poses)


# --- 3. the loss along the path ------------------------------------------------------


def _drawn_to(image: Tensor, pose: Tensor) -> Tensor:
    """A stand-in for f: pulls each joint towards where the "image" has it."""
    return 6.0 * torch.tanh((image - pose) / 12.0)


def _lazy(image: Tensor, pose: Tensor) -> Tensor:
    """A stand-in for f that hardly moves anything."""
    return 0.1 * (image - pose)


def _loss_cases() -> list[Case]:
    image, start = uniform(21, 17, 2, high=90), uniform(22, 17, 2, low=30, high=60)
    truth = image + uniform(23, 17, 2, low=-4, high=4)
    return [
        Case("four steps, a good network", _drawn_to, image, start, truth, 8.0, 4),
        Case("three steps, a lazy network", _lazy, image, start, truth, 5.0, 3),
        Case("the first step only", _drawn_to, image, start, truth, 10.0, 1),
    ]


def _loss(
    f: Callable, image: Tensor, start: Tensor, truth: Tensor, bound: float, steps: int
) -> Tensor:
    pose, losses = start, []
    for _ in range(steps):
        target = _correct(truth, pose, bound)
        losses.append((f(image, pose) - target).square().sum(-1).mean())
        pose = pose + target  # the path's next pose, not f's
    return torch.stack(losses).mean()


loss = chapter.exercise(
    "loss",
    cases=_loss_cases,
    solution=_loss,
    returns=("the loss",),
    gradient=(1,),
    praise="Each step is a lesson of its own: no gradient runs from one to the next.",
)


@loss.wrong(
    "You go on from f's own answer. The path is then not fixed any more: it changes "
    "while f learns, and unless you detach, the loss of step 4 is differentiated "
    "through all four calls of f. The next pose is y_t + e(y, y_t)."
)
def own_answers(f, image, start, truth, bound, steps):
    pose, losses = start, []
    for _ in range(steps):
        given = f(image, pose)
        target = _correct(truth, pose, bound)
        losses.append((given - target).square().sum(-1).mean())
        pose = pose + given
    return torch.stack(losses).mean()


@loss.wrong(
    "Your target is the whole residual y - y_t (or, which is the same, the corrected "
    "pose should be the truth): every step has to arrive. The lesson is the bounded "
    "step e(y, y_t), also where more is left."
)
def unbounded_target(f, image, start, truth, bound, steps):
    poses = _path(start, truth, bound, steps)[:-1]
    each = [(f(image, p) - (truth - p)).square().sum(-1).mean() for p in poses]
    return torch.stack(each).mean()


@loss.wrong(
    "f is shown y_0 at every step. It has to see the pose that it should correct, y_t."
)
def always_shown_the_start(f, image, start, truth, bound, steps):
    poses = _path(start, truth, bound, steps)[:-1]
    each = [
        (f(image, start) - _correct(truth, p, bound)).square().sum(-1).mean()
        for p in poses
    ]
    return torch.stack(each).mean()


@loss.wrong("You use the last step only. All steps of the path are lessons: average.")
def last_step_only(f, image, start, truth, bound, steps):
    pose = _path(start, truth, bound, steps)[-2]
    return (f(image, pose) - _correct(truth, pose, bound)).square().sum(-1).mean()


@loss.wrong(
    "You average x and y too: half of what was asked for. The squared distance of a "
    "joint is dx^2 + dy^2 (`sum(-1)`); the mean is over joints and steps."
)
def mean_of_axes(f, image, start, truth, bound, steps):
    return _loss(f, image, start, truth, bound, steps) / 2


@loss.wrong("You add the steps up. The mean was asked for: divide by their number.")
def sum_of_steps(f, image, start, truth, bound, steps):
    return _loss(f, image, start, truth, bound, steps) * steps


# --- 4. the loop at test time --------------------------------------------------------


def _test_cases() -> list[Case]:
    image, start = uniform(31, 17, 2, high=90), uniform(32, 17, 2, low=30, high=60)
    truth = image + uniform(33, 17, 2, low=-4, high=4)
    return [
        Case("four steps", _drawn_to, image, start, truth, 4),
        Case("a lazy network, six steps", _lazy, image, start, truth, 6),
    ]


def _errors(
    f: Callable, image: Tensor, start: Tensor, truth: Tensor, steps: int
) -> Tensor:
    pose, errors = start, []
    for _ in range(steps):
        pose = pose + f(image, pose)
        errors.append((pose - truth).norm(dim=-1).mean())
    return torch.stack(errors)


test = chapter.exercise(
    "test",
    cases=_test_cases,
    solution=_errors,
    returns=("the errors",),
    praise="The truth is used to score, and for nothing else.",
)


@test.wrong(
    "You correct from the truth at test time: every step starts on the fixed path, "
    "which nobody knows outside training. It shows how well one step does, and hides "
    "how mistakes add up. Go on from f's own answer."
)
def from_the_truth(f, image, start, truth, steps):
    poses = _path(start, truth, 8.0, steps)[:-1]
    errors = [(p + f(image, p) - truth).norm(dim=-1).mean() for p in poses]
    return torch.stack(errors)


@test.wrong(
    "Every correction is added to y_0. y_{t+1} = y_t + eps_t: add it to the pose of "
    "the step before."
)
def added_to_the_start(f, image, start, truth, steps):
    pose, errors = start, []
    for _ in range(steps):
        pose = start + f(image, pose)
        errors.append((pose - truth).norm(dim=-1).mean())
    return torch.stack(errors)


@test.wrong(
    "You take f's answer for the new pose. It is a correction: y_{t+1} = y_t + f."
)
def answer_for_pose(f, image, start, truth, steps):
    pose, errors = start, []
    for _ in range(steps):
        pose = f(image, pose)
        errors.append((pose - truth).norm(dim=-1).mean())
    return torch.stack(errors)


@test.wrong(
    "f sees y_0 in every step and says the same thing each time. Feed back the pose "
    "that it has made: that is the feedback of the name."
)
def never_fed_back(f, image, start, truth, steps):
    step = f(image, start)
    poses = [start + (t + 1) * step for t in range(steps)]
    return torch.stack([(p - truth).norm(dim=-1).mean() for p in poses])


@test.wrong(
    "You report the error before each step. The first number should be the error after "
    "the first correction, the last one that of the final pose."
)
def one_step_late(f, image, start, truth, steps):
    first = (start - truth).norm(dim=-1).mean()[None]
    return torch.cat([first, _errors(f, image, start, truth, steps)[:-1]])


@test.wrong(
    "You average x and y as if each were a distance. The error of a joint is the "
    "length of its difference, a norm over the last dimension."
)
def axes_averaged(f, image, start, truth, steps):
    pose, errors = start, []
    for _ in range(steps):
        pose = pose + f(image, pose)
        errors.append((pose - truth).abs().mean())
    return torch.stack(errors)


@test.wrong("You subtract what the network answers. It is a step *towards* the truth.")
def answers_subtracted(f, image, start, truth, steps):
    pose, errors = start, []
    for _ in range(steps):
        pose = pose - f(image, pose)
        errors.append((pose - truth).norm(dim=-1).mean())
    return torch.stack(errors)


@test.wrong(
    "That is one length for the whole pose. Take each joint's distance, then the mean."
)
def length_of_the_pose(f, image, start, truth, steps):
    pose, errors = start, []
    for _ in range(steps):
        pose = pose + f(image, pose)
        errors.append((pose - truth).norm())
    return torch.stack(errors)


@test.wrong("You average squared distances, in px². The mean *distance* is asked.")
def squares_averaged(f, image, start, truth, steps):
    pose, errors = start, []
    for _ in range(steps):
        pose = pose + f(image, pose)
        errors.append((pose - truth).square().sum(-1).mean())
    return torch.stack(errors)
