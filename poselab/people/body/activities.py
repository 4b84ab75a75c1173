"""What each activity is: a draft of the pose at every phase.

`MOTIONS[name](phase, style)` gives the drafts of N people: phase [N] in [0, 1), style
[N, STYLE] in [-1, 1]. Angles are degrees here, lengths fractions of stature.
"""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from poselab.people.body.inverse_kinematics import SIDES, Draft


def _wave(phase: Tensor, shift: float = 0.0) -> Tensor:
    return (2 * pi * (phase + shift)).sin()


def _between(s: Tensor, low: float, high: float) -> Tensor:
    """A style value in [-1, 1] as a value between low and high."""
    return low + (high - low) * (s + 1) / 2


def _hang(draft: Draft, s: Tensor) -> None:
    """Arms hanging loosely, a head that looks somewhere."""
    for i, side in enumerate(SIDES):
        draft.bend(
            side + "shoulder",
            4 + 8 * s[:, 16 + i],
            -12 + 10 * s[:, 18],
            _between(s[:, 19 + i], 7, 14),
        )
        draft.bend(side + "elbow", _between(s[:, 21 + i], 8, 32), -10.0)
        draft.bend(side + "wrist", None, None, -6.0)
    draft.bend("head", 6 * s[:, 23], 14 * s[:, 24], 5 * s[:, 25])
    draft.bend("neck", 6 * s[:, 26], 14 * s[:, 24], 4 * s[:, 25])


def _feet(draft: Draft, s: Tensor, width: Tensor, stagger: float) -> None:
    for i, sign in enumerate((1, -1)):
        draft.foot(
            i, width, 0.0, sign * stagger * s[:, 0], 0.0, _between(s[:, 1 + i], 4, 22)
        )


def _stand(phase: Tensor, s: Tensor) -> Draft:
    """Weight on one leg more than on the other, slow sway."""
    draft = Draft.of(len(phase), phase.device)
    hip = 4.0 * s[:, 3] + 0.6 * _wave(phase)
    draft.lean(5 * s[:, 4], 1 + 3 * s[:, 5], hip)
    draft.bend("waist", -1 + 3 * s[:, 6], 4 * s[:, 7], -0.7 * hip)
    draft.bend(
        "chest", 1 + 3 * s[:, 6] + 0.8 * _wave(phase, 0.3), 4 * s[:, 7], -0.6 * hip
    )
    _hang(draft, s)
    _feet(draft, s, _between(s[:, 8], 0.045, 0.085), 0.05)
    draft.share = torch.stack([0.5 - 0.2 * s[:, 3], 0.5 + 0.2 * s[:, 3]], 1)
    draft.height = draft.height - 0.003
    return draft


def _standing(phase: Tensor, s: Tensor) -> Draft:
    draft = _stand(phase, s)
    for i, side in enumerate(SIDES):
        _rest_arm(draft, side, s[:, 10 + i], s[:, 12 + i])
    return draft


def _rest_arm(draft: Draft, side: str, which: Tensor, much: Tensor) -> None:
    """Now and then a hand on the hip, or a forearm raised as when holding something."""
    hip, hold = which > 0.7, which < -0.72
    zero = torch.zeros_like(much)
    draft.put(side + "shoulder", hip, 4 * much - 14, 4 * much - 74, 4 * much + 42)
    draft.put(side + "elbow", hip, 6 * much + 92, zero + 20, zero)
    draft.put(side + "shoulder", hold, 14 * much + 22, 10 * much - 8, 4 * much + 10)
    draft.put(side + "elbow", hold, 24 * much + 92, zero - 10, zero)


def _waving(phase: Tensor, s: Tensor) -> Draft:
    """One arm up, the forearm swings from side to side twice a cycle."""
    draft = _stand(phase, s)
    swing = _wave(2 * phase)
    right = s[:, 15] > 0
    for i, side in enumerate(SIDES):
        on = right == bool(i)
        draft.put(
            side + "shoulder",
            on,
            10 + 15 * s[:, 10],
            72 + 10 * s[:, 11],
            95 + 30 * s[:, 12],
        )
        draft.put(
            side + "elbow",
            on,
            65 + 20 * s[:, 13] + 24 * swing,
            20 * s[:, 14],
            0 * swing,
        )
        draft.put(side + "wrist", on, 0 * swing, 0 * swing, 14 * swing)
        draft.bend(side + "clavicle", None, None, on * _between(s[:, 12], 8, 18))
    return draft


def walk_step(s: Tensor) -> Tensor:
    """Length of a step, [N] fractions of stature, of styles [N, STYLE]."""
    return _between(s[:, 0], 0.125, 0.2)


def _smooth(t: Tensor) -> Tensor:
    """0 to 1 with flat ends."""
    return t * t * (3 - 2 * t)


def _walking(phase: Tensor, s: Tensor) -> Draft:
    """Stance 60 % of the cycle with the heel first and the toes last, then swing."""
    draft, step = Draft.of(len(phase), phase.device), walk_step(s)
    beat = _wave(phase, 0.25)  # 1 when the left foot is ahead
    draft.lean(-7 * beat, 2 + 2 * s[:, 5], 3 * _wave(phase, 0.0))
    draft.bend("waist", 2 * s[:, 6], 5 * beat, -2 * _wave(phase))
    draft.bend("chest", 1 + 2 * s[:, 6], 7 * beat, -1 * _wave(phase))
    _hang(draft, s)
    for i, side in enumerate(SIDES):
        own = (phase + 0.5 * i) % 1
        _step(draft, i, own, step, _between(s[:, 1], 0.02, 0.045), 0.6, 0.035)
        draft.foot(i, turnout=_between(s[:, 2], 2, 12))
        ahead = (-1 if i == 0 else 1) * beat
        draft.bend(side + "shoulder", 2 + _between(s[:, 3], 14, 30) * ahead)
        draft.bend(side + "elbow", _between(s[:, 4], 14, 42) + 10 * ahead)
    draft.height = draft.height - 0.002
    draft.balance = torch.zeros_like(draft.height)
    return draft


def _step(draft, i, own, step, width, stance, high) -> None:
    """One foot over its own phase: on the ground until `stance`, then in the air."""
    down = own < stance
    t = (own / stance).clamp(0, 1)
    u = ((own - stance) / (1 - stance)).clamp(0, 1)
    ahead = torch.where(down, step * (1 - 2 * t), step * (2 * _smooth(u) - 1))
    up = torch.where(down, 0 * t, high * (pi * u).sin() ** 2)
    roll = 16 * (1 - t / 0.18).clamp(0, 1) - 27 * _smooth(
        ((t - 0.66) / 0.34).clamp(0, 1)
    )
    air = -27 * (1 - _smooth((u / 0.55).clamp(0, 1))) + 16 * _smooth(u)
    draft.foot(i, width, up, ahead, torch.where(down, roll, air))


def run_step(s: Tensor) -> Tensor:
    """Half the reach of a running foot on the ground, [N] fractions of stature."""
    return _between(s[:, 0], 0.13, 0.19)


def _running(phase: Tensor, s: Tensor) -> Draft:
    """Stance 34 %, heel high behind in the swing, both feet off the ground between."""
    draft, step = Draft.of(len(phase), phase.device), run_step(s)
    beat = _wave(phase, 0.25)
    draft.lean(-10 * beat, _between(s[:, 5], 6, 14), 0.0)
    draft.bend("waist", 4 + 3 * s[:, 6], 7 * beat)
    draft.bend("chest", 3 + 3 * s[:, 6], 9 * beat)
    _hang(draft, s)
    draft.bend("neck", -8 + 4 * s[:, 7])
    for i, side in enumerate(SIDES):
        _stride(draft, i, (phase + 0.5 * i) % 1, step, _between(s[:, 1], 0.01, 0.03))
        ahead = (-1 if i == 0 else 1) * beat
        draft.bend(
            side + "shoulder",
            2 + _between(s[:, 3], 26, 46) * ahead,
            -18.0,
            _between(s[:, 8], 9, 16),
        )
        draft.bend(side + "elbow", _between(s[:, 4], 78, 108) + 10 * ahead, 0.0)
    draft.height = draft.height - 0.022
    draft.balance = torch.zeros_like(draft.height)
    return draft


def _stride(draft, i, own, step, width) -> None:
    """A running foot: short stance, then the heel rises behind and the knee leads."""
    stance = 0.34
    down = own < stance
    t, u = (own / stance).clamp(0, 1), ((own - stance) / (1 - stance)).clamp(0, 1)
    ahead = torch.where(
        down,
        step * (0.8 - 2.1 * t),
        step * (-1.3 - 0.6 * (pi * u).sin() + 2.1 * _smooth(u)),
    )
    up = torch.where(
        down, 0 * t, 0.24 * (pi * u**0.75).sin() ** 1.5 + 0.035 * (pi * u).sin()
    )
    roll = 8 * (1 - t / 0.2).clamp(0, 1) - 38 * _smooth(((t - 0.45) / 0.55).clamp(0, 1))
    air = -38 - 30 * (pi * u).sin() + 46 * _smooth(u)
    draft.foot(i, width, up, ahead, torch.where(down, roll, air), 3.0)


def _sitting(phase: Tensor, s: Tensor) -> Draft:
    """On a stool, hands on the thighs or in the lap, feet flat ahead."""
    draft = Draft.of(len(phase), phase.device)
    draft.lean(0.0, -4 + 8 * s[:, 5], 0.0)
    sway = 1.2 * _wave(phase)
    draft.bend("waist", 4 + 8 * s[:, 6] + sway, 6 * s[:, 7], 3 * s[:, 8])
    draft.bend("chest", 4 + 8 * s[:, 6], 6 * s[:, 7], 3 * s[:, 8])
    _hang(draft, s)
    for i, side in enumerate(SIDES):
        draft.bend(
            side + "shoulder",
            22 + 12 * s[:, 10 + i],
            -12 + 10 * s[:, 12],
            10 + 5 * s[:, 13 + i],
        )
        draft.bend(side + "elbow", 58 + 16 * s[:, 9 + i], -40.0)
        out, turnout = _between(s[:, 1], 0.05, 0.10), _between(s[:, 4], 0, 14)
        draft.foot(i, out, 0.0, 0.25 + 0.06 * s[:, 2 + i], 0.0, turnout)
    draft.height = 0.295 + 0.025 * s[:, 0]
    draft.seat = torch.ones_like(draft.seat)
    draft.balance = torch.zeros_like(draft.height)
    return draft


def crouching(phase: Tensor, s: Tensor) -> Draft:
    """From a half squat to sitting on the heels, leaning forwards for balance."""
    draft = Draft.of(len(phase), phase.device)
    deep = _between(s[:, 0], 0.0, 1.0) ** 0.8 + 0.03 * _wave(phase)
    draft.lean(4 * s[:, 4], 12 + 6 * deep + 6 * s[:, 5], 0.0)
    draft.bend("waist", 18 + 8 * s[:, 6], 5 * s[:, 7], 3 * s[:, 8])
    draft.bend("chest", 12 + 6 * s[:, 6], 5 * s[:, 7], 3 * s[:, 8])
    _hang(draft, s)
    draft.bend("neck", -12 + 10 * s[:, 9])
    for i, side in enumerate(SIDES):
        draft.bend(
            side + "shoulder",
            48 + 22 * s[:, 10 + i],
            -14 + 10 * s[:, 12],
            12 + 6 * s[:, 13 + i],
        )
        draft.bend(side + "elbow", 48 + 34 * s[:, 14 + i], -20.0)
        heel = -24 * deep.clamp(0, 1) * _between(s[:, 3], 0.7, 1.3)
        draft.foot(
            i,
            _between(s[:, 1], 0.055, 0.09),
            0.0,
            (0.03 if i else -0.03) * s[:, 2],
            heel,
            3 + 5 * deep,
        )
    draft.height = 0.38 - 0.17 * deep
    return draft


def _random(phase: Tensor, s: Tensor) -> Draft:
    """Anything within the limits that keeps its balance; moves between two poses."""
    mix = (0.5 + 0.5 * _wave(phase, 0.25))[:, None]
    s = s * mix + s.roll(7, 1) * (1 - mix)
    draft = Draft.of(len(phase), phase.device)
    draft.lean(0.0, 10 + 18 * s[:, 0], 8 * s[:, 1])
    draft.bend("waist", 6 + 14 * s[:, 2], 12 * s[:, 3], 10 * s[:, 4])
    draft.bend("chest", 4 + 12 * s[:, 2], 14 * s[:, 3], 9 * s[:, 4])
    draft.bend("neck", 12 * s[:, 5], 20 * s[:, 6], 8 * s[:, 7])
    draft.bend("head", 10 * s[:, 5], 18 * s[:, 6], 7 * s[:, 7])
    for i, side in enumerate(SIDES):
        a, b, c, d = (s[:, 8 + 4 * i + k] for k in range(4))
        draft.bend(side + "shoulder", 45 + 80 * a, 40 * b, 55 + 45 * c)
        draft.bend(side + "elbow", 60 + 55 * d, 40 * b)
        draft.bend(side + "wrist", 10 * a, None, 25 * c)
        draft.bend(side + "clavicle", None, 4 * a, 8 + 10 * c)
    _random_feet(draft, s)
    draft.height = 0.52 - 0.16 * (s[:, 26].clamp(min=-0.2) + 0.2)
    return draft


def _random_feet(draft: Draft, s: Tensor) -> None:
    """Any stance, often with one foot off the ground and the weight on the other."""
    lifted = (s[:, 20].abs() - 0.5).clamp(min=0) * 2
    left = s[:, 20] > 0
    for i in range(2):
        up = lifted * (left == (i == 0))
        out, ahead = 0.08 + 0.05 * s[:, 22 + i], (0.16 if i else -0.16) * s[:, 21]
        draft.foot(i, out, 0.2 * up, ahead, -25 * up, 12 + 14 * s[:, 24 + i])
    one = (4 * lifted).clamp(max=1) / 2  # 0.5: all the weight on one foot
    sign = torch.where(left, -1.0, 1.0)
    draft.share = torch.stack([0.5 + sign * one, 0.5 - sign * one], 1)


MOTIONS = {
    "standing": _standing,
    "walking": _walking,
    "running": _running,
    "sitting": _sitting,
    "crouching": crouching,
    "waving": _waving,
    "random": _random,
}
