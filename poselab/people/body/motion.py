"""What people do: six activities and random poses, smooth over a phase.

`cycle` gives a pose for every phase in [0, 1) of an activity, and joins up at the ends;
`style` [N, STYLE] in [-1, 1] is what differs between people and stays the same during
a clip. `sample_pose` draws both. Angles are degrees here, lengths fractions of stature.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.errors import ArgumentError
from poselab.people.body.activities import MOTIONS, crouching, run_step, walk_step
from poselab.people.body.inverse_kinematics import Draft, finish
from poselab.people.body.kinematics import BodyPose, rest_pose

ACTIVITIES = ("standing", "walking", "running", "sitting", "crouching", "waving")
NAMES = (*ACTIVITIES, "random")
STYLE = 32


def sample_style(n: int, generator: torch.Generator) -> Tensor:
    """How `n` people do what they do, [n, STYLE] uniform in [-1, 1]."""
    draw = torch.rand(n, STYLE, generator=generator, device=generator.device)
    return draw * 2 - 1


def sample_pose(
    n: int,
    generator: torch.Generator,
    activity: str | list[str] | None = None,
    posed: bool = True,
) -> BodyPose:
    """Draw `n` poses: of one activity, of one per person, or (None) of all of them.

    Without `posed` people rest, but as much is drawn: who poses them anew need not wait
    for the poses.
    """
    style = sample_style(n, generator)
    phase = torch.rand(n, generator=generator, device=generator.device)
    chosen = activities(n, generator) if activity is None else activity
    return cycle(chosen, phase, style) if posed else rest_pose(n, generator.device)


def activities(n: int, generator: torch.Generator) -> Tensor:
    """Draw what `n` people do, [n] indices of NAMES: the six activities and random."""
    weights = torch.tensor([4.0, 4, 3, 2, 2, 2, 3], device=generator.device)
    return torch.multinomial(weights, n, True, generator=generator)


def cycle(
    activity: str | list[str] | Tensor,
    phase: Tensor,
    style: Tensor,
    crouch: Tensor | None = None,
) -> BodyPose:
    """The poses at `phase` [N]; `activity` is one word, N words or [N] as drawn above.

    `crouch` [N] from 0 to 1 lowers people from what they do towards a deep crouch, with
    their feet on the ground and in balance all the way.
    """
    which = _indices(activity, phase)
    order = which.argsort(stable=True)
    counts = which.bincount(minlength=len(NAMES)).tolist()
    columns = phase[order].split(counts), style[order].split(counts)
    groups = zip(NAMES, *columns, strict=True)
    draft = Draft.cat([MOTIONS[n](p, s) for n, p, s in groups if len(p)])
    if crouch is not None:
        draft = draft.mix(_deepest(style[order]), crouch[order])
    return finish(draft)[order.argsort()]


def _indices(activity: str | list[str] | Tensor, phase: Tensor) -> Tensor:
    """What each of the N people does, [N] indices of NAMES."""
    if isinstance(activity, Tensor):
        return activity
    words = [activity] * len(phase) if isinstance(activity, str) else list(activity)
    for word in words:
        if word not in NAMES:
            raise ArgumentError(
                "no such activity",
                where="activity",
                value=word,
                fix=f"Known: {', '.join(NAMES)}.",
            )
    return torch.tensor([NAMES.index(word) for word in words], device=phase.device)


def _deepest(style: Tensor) -> Draft:
    style = torch.cat([torch.full_like(style[:, :1], 0.8), style[:, 1:]], 1)
    return crouching(torch.zeros_like(style[:, 0]), style)


def stride(activity: str, style: Tensor) -> Tensor:
    """How far one cycle carries people, [N] as a fraction of stature."""
    if activity == "walking":
        return 2 * walk_step(style) / 0.6
    if activity == "running":
        return 2 * run_step(style) / 0.34
    return torch.zeros_like(style[:, 0])
