"""Exercises of notebook 16 about 3D and video: MPJPE, MOTA."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.metrics import chapter

# --- 6. MPJPE ------------------------------------------------------------------------


def _mpjpe_cases() -> list[Case]:
    def pair(seed: int, n: int, shift: float) -> tuple[Tensor, Tensor]:
        draws = torch.Generator().manual_seed(seed)
        truth = 400 * torch.randn(n, 17, 3, generator=draws)
        noise = 40 * torch.randn(n, 17, 3, generator=draws)
        return truth + noise + shift, truth + torch.tensor([0.0, 0.0, 4000.0])

    return [
        Case("one pose", *pair(31, 1, 0.0), 0),
        Case("four poses, somewhere else in the room", *pair(32, 4, 700.0), 0),
        Case("another joint as the root", *pair(33, 3, -250.0), 8),
    ]


def _mpjpe(pred: Tensor, truth: Tensor, root: int) -> Tensor:
    pred = pred - pred[:, root, None]
    truth = truth - truth[:, root, None]
    return (pred - truth).norm(dim=-1).mean()


mpjpe = chapter.exercise(
    "mpjpe",
    cases=_mpjpe_cases,
    solution=_mpjpe,
    returns=("MPJPE in mm",),
    praise="One distance per joint, then the mean, with both roots in one place.",
)


def _from_root(points: Tensor, root: int) -> Tensor:
    return points - points[:, root, None]


@mpjpe.wrong(
    "The roots are not aligned, so the answer is the distance between two places in "
    "the room. Subtract from every pose its own root first."
)
def no_root(pred, truth, root):
    return (pred - truth).norm(dim=-1).mean()


@mpjpe.wrong(
    "That is the root of the mean square (RMSE): it lets the far joints decide. MPJPE "
    "takes the length of each joint's error first, and then a plain mean."
)
def root_mean_square(pred, truth, root):
    error = _from_root(pred, root) - _from_root(truth, root)
    return error.square().sum(-1).mean().sqrt()


@mpjpe.wrong(
    "You take the mean of |dx|, |dy| and |dz|. A joint's error is one length in space, "
    "sqrt(dx^2 + dy^2 + dz^2)."
)
def mean_of_coordinates(pred, truth, root):
    return (_from_root(pred, root) - _from_root(truth, root)).abs().mean()


@mpjpe.wrong(
    "You take one length over all joints of a pose, which grows with their number. "
    "`norm(dim=-1)` gives one length per joint."
)
def one_norm_per_pose(pred, truth, root):
    return (
        (_from_root(pred, root) - _from_root(truth, root)).flatten(1).norm(dim=1).mean()
    )


@mpjpe.wrong(
    "You align the means of all joints. MPJPE puts the roots on each other; to shift "
    "by the mean is the first step of PA-MPJPE."
)
def mean_for_root(pred, truth, root):
    pred, truth = (p - p.mean(1, keepdim=True) for p in (pred, truth))
    return (pred - truth).norm(dim=-1).mean()


@mpjpe.wrong(
    "You subtract the root from the prediction and leave the truth where it was: then "
    "every joint is off by the true root. Subtract from both their own."
)
def only_one_moved(pred, truth, root):
    return (_from_root(pred, root) - truth).norm(dim=-1).mean()


@mpjpe.wrong("Your answer is in metres; poses here, and results in papers, are in mm.")
def in_metres(pred, truth, root):
    return _mpjpe(pred, truth, root) / 1000


# --- 7. MOTA -------------------------------------------------------------------------


def _mota_cases() -> list[Case]:
    def case(name: str, rows: list[list[int]], alarms: list[int]) -> Case:
        return Case(name, torch.tensor(rows), torch.tensor(alarms))

    draws = torch.Generator().manual_seed(51)
    tracks = torch.arange(1, 5).expand(12, 4).clone()
    tracks[7:, 0], tracks[7:, 1] = 2, 1  # two people swap for good
    tracks[torch.rand(12, 4, generator=draws) < 0.25] = 0  # missed
    tracks[3:6, 2] = -1  # not in the picture
    alarms = torch.randint(0, 2, (12,), generator=draws)
    return [
        case("one person whose track changes", [[1], [1], [2], [2], [2]], [0] * 5),
        case(
            "lost for a frame, then found under another name",
            [[1, 5], [1, 0], [0, 0], [3, 5], [3, 5]],
            [0, 1, 0, 2, 0],
        ),
        Case("twelve frames, four people, a swap and misses", tracks, alarms),
        case("more errors than people: below 0", [[0, 1], [0, 0]], [3, 2]),
    ]


def _switches(tracks: Tensor, gaps: bool = True, first: bool = False) -> int:
    """How often a person's track differs from the last one; `gaps`: across misses."""
    count = 0
    for person in tracks.T.tolist():
        last = 0
        for track in person:
            if track > 0:
                count += (last > 0 or first) and track != last
                last = track
            elif not gaps:
                last = 0
    return count


def _mota(tracks: Tensor, alarms: Tensor) -> Tensor:
    there = tracks >= 0
    errors = (tracks == 0).sum() + alarms.sum() + _switches(tracks)
    return 1 - errors / there.sum()


mota = chapter.exercise(
    "mota",
    cases=_mota_cases,
    solution=_mota,
    returns=("MOTA",),
    praise="Three kinds of errors over the number of people, all frames together.",
)


@mota.wrong(
    "Your switches compare neighbouring frames only, so a person who is lost for a "
    "frame and comes back under another name has no switch. Compare with the last "
    "track that the person *had*, however long ago."
)
def neighbours_only(tracks, alarms):
    errors = (tracks == 0).sum() + alarms.sum() + _switches(tracks, gaps=False)
    return 1 - errors / (tracks >= 0).sum()


@mota.wrong(
    "You count the first track of every person as a switch. A switch needs a track "
    "before it."
)
def first_is_a_switch(tracks, alarms):
    errors = (tracks == 0).sum() + alarms.sum() + _switches(tracks, first=True)
    return 1 - errors / (tracks >= 0).sum()


@mota.wrong(
    "You average the frames' own values. MOTA sums errors and people over all frames "
    "first: a frame with one person must not weigh as much as one with ten."
)
def mean_of_frames(tracks, alarms):
    there = (tracks >= 0).sum(1)
    wrong = (tracks == 0).sum(1) + alarms
    until = [_switches(tracks[: t + 1]) for t in range(len(tracks))]
    switches = torch.tensor(until).diff(prepend=torch.zeros(1, dtype=torch.long))
    return (1 - (wrong + switches) / there).mean()


@mota.wrong(
    "The false alarms are missing. A tracker that draws people everywhere would be "
    "perfect."
)
def no_false_alarms(tracks, alarms):
    return _mota(tracks, torch.zeros_like(alarms))


@mota.wrong(
    "The switches are missing, and without them MOTA says nothing about tracking: it "
    "is the accuracy of the detections."
)
def no_switches(tracks, alarms):
    return 1 - ((tracks == 0).sum() + alarms.sum()) / (tracks >= 0).sum()


@mota.wrong(
    "People who are not in the picture (-1) count as missed, or among those to be "
    "found. Nobody has to find them: count 0 as a miss, and divide by the rest."
)
def absent_are_missed(tracks, alarms):
    errors = (tracks <= 0).sum() + alarms.sum() + _switches(tracks)
    return 1 - errors / tracks.numel()


@mota.wrong(
    "You cut at 0. MOTA may be negative, when there are more errors than people; a 0 "
    "would hide how bad it is."
)
def never_negative(tracks, alarms):
    return _mota(tracks, alarms).clamp(min=0)


@mota.wrong(
    "You leave the last frame out. PoseTrack's evaluator does so; the definition does "
    "not."
)
def without_the_last_frame(tracks, alarms):
    return _mota(tracks[:-1], alarms[:-1])
