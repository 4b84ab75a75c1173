"""The exercise of notebook 16 about video: MOTA."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.metrics import chapter

# --- 3. MOTA -------------------------------------------------------------------------


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
        case("there and back", [[1], [2], [1], [1]], [0] * 4),
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


@mota.wrong(
    "You count how many different tracks a person has. From 1 to 2 and back to 1 is "
    "two switches, of two tracks: count the changes."
)
def different_tracks(tracks, alarms):
    people = tracks.T.tolist()
    switches = sum(max(0, len({v for v in person if v > 0}) - 1) for person in people)
    errors = (tracks == 0).sum() + alarms.sum() + switches
    return 1 - errors / (tracks >= 0).sum()


@mota.wrong(
    "A miss counts as a switch, too, and finding somebody again as another. A switch "
    "is from one *track* to another: look at the values above 0 only."
)
def misses_are_switches(tracks, alarms):
    people = [[v for v in person if v >= 0] for person in tracks.T.tolist()]
    pairs = [zip(person, person[1:], strict=False) for person in people]
    switches = sum(a != b for pair in pairs for a, b in pair)
    errors = (tracks == 0).sum() + alarms.sum() + switches
    return 1 - errors / (tracks >= 0).sum()


@mota.wrong(
    "You divide by those that were found. The share is one of all people that are "
    "there, found or missed: `tracks >= 0`."
)
def share_of_the_found(tracks, alarms):
    errors = (tracks == 0).sum() + alarms.sum() + _switches(tracks)
    return 1 - errors / (tracks > 0).sum()


@mota.wrong(
    "You divide by all cells of the table. Who is not in the picture (-1) cannot be "
    "found: count `tracks >= 0`."
)
def share_of_the_table(tracks, alarms):
    errors = (tracks == 0).sum() + alarms.sum() + _switches(tracks)
    return 1 - errors / tracks.numel()


@mota.wrong("That is the share of errors. MOTA is 1 less that share.")
def share_of_errors(tracks, alarms):
    return 1 - _mota(tracks, alarms)


@mota.wrong(
    "The misses are left out: a 0 in the table is an error, as a false alarm and a "
    "switch are."
)
def no_misses(tracks, alarms):
    return 1 - (alarms.sum() + _switches(tracks)) / (tracks >= 0).sum()
