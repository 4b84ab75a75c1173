"""Filters for tracks of coordinates that know no later frame than the present one.

The One-Euro filter: Casiez, Roussel & Vogel, "1 Euro Filter: A Simple Speed-based
Low-pass Filter for Noisy Input in Interactive Systems", CHI 2012. VNect (1705.01583)
smooths its joints with it before and after the skeleton is fitted.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poselab.errors import ArgumentError, require, require_shape

# Minimum cut-off in Hz and beta as public ports of VNect have them: of pixels for
# joints in 2D, of mm for joints in 3D.
VNECT_2D = {"min_cutoff": 1.7, "beta": 0.3}
VNECT_3D = {"min_cutoff": 0.8, "beta": 0.4}


def smoothing_factor(cutoff: Tensor | float, fps: float) -> Tensor | float:
    """How much of a new value counts: 1 / (1 + fps / (2 pi cutoff)); cutoff in Hz.

    Near 1 for a cut-off far above the frame rate, near 0 far below it.
    """
    turn = 2 * math.pi * cutoff / fps
    return turn / (1 + turn)


def low_pass(track: Tensor, fps: float, cutoff: float) -> Tensor:
    """A track [T, ...] smoothed with one cut-off in Hz: an exponential mean.

    Raises `ArgumentError` for values that are not finite.
    """
    return one_euro(track, fps, cutoff, 0.0)


def one_euro(
    track: Tensor, fps: float, min_cutoff: float, beta: float, speed_cutoff: float = 1.0
) -> Tensor:
    """A track [T, ...] smoothed more where it is slow, less where it is fast.

    The cut-off of each coordinate is min_cutoff + beta |speed| Hz; the speed, per
    second, is itself smoothed with `speed_cutoff` Hz. So `beta` has a unit: Hz per
    (unit of the track per second); for a track in m it is 1000 times that for mm. Each
    frame's answer needs only frames up to it. Raises `ArgumentError`.
    """
    _check(track, fps, min_cutoff, beta, speed_cutoff)
    if len(track) == 0:
        return track.clone()
    smooth = [track[0]]
    speed = torch.zeros_like(track[0])
    slow = smoothing_factor(speed_cutoff, fps)
    for before, now in zip(track[:-1], track[1:], strict=True):
        speed = speed + slow * ((now - before) * fps - speed)
        share = smoothing_factor(min_cutoff + beta * speed.abs(), fps)
        smooth.append(smooth[-1] + share * (now - smooth[-1]))
    return torch.stack(smooth)


def lag_of(truth: Tensor, track: Tensor, fps: float, most: float = 0.5) -> float:
    """By how many ms a track [T, ...] comes after the truth [T, ...].

    The shift by whole frames, up to `most` s, for which they differ least where they
    overlap.
    """
    require_shape("track", track, *truth.shape)
    frames = range(min(len(truth) - 1, round(most * fps)) + 1)
    gaps = [
        (track[n:] - truth[: len(truth) - n]).square().mean().item() for n in frames
    ]
    return 1000 * gaps.index(min(gaps)) / fps


def _check(track: Tensor, fps, min_cutoff, beta, speed_cutoff) -> None:
    for name, value in (
        ("fps", fps),
        ("min_cutoff", min_cutoff),
        ("speed_cutoff", speed_cutoff),
    ):
        require(value > 0, "must be above 0", where="one_euro", field=name, value=value)
    require(
        beta >= 0, "must not be below 0", where="one_euro", field="beta", value=beta
    )
    lost = ~torch.isfinite(track)
    if lost.any():
        raise ArgumentError(
            "a value of the track is not finite",
            where="one_euro",
            field=f"track{lost.nonzero()[0].tolist()}",
            value=track[lost][0].item(),
            fix="Leave frames without the joint out, or fill them first.",
        )
