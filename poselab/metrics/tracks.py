"""MOTA and MOTP of pose tracks: misses, false alarms and switched identities.

CLEAR MOT (Bernardin & Stiefelhagen, "Evaluating multiple object tracking performance",
EURASIP Journal on Image and Video Processing 2008, section 2), as PoseTrack applies it
to every joint by itself (Andriluka et al. 2018, 1710.10000): a predicted joint can be
matched to a true one within half of the person's head. In every frame

1. who was matched in the frame before stays matched, if still near enough;
2. the rest is matched at the smallest total distance (Hungarian method), as many pairs
   as possible; a true joint that so gets another identity than its last one is a
   *switch*;
3. true joints left over are *misses*, predicted ones *false alarms*.

MOTA = 1 - (misses + false alarms + switches) / true joints. It can be below 0, and it
counts the moment of a switch, not for how long the identity is wrong. MOTP is
the mean distance of the matches in CLEAR MOT; here, as in PoseTrack's evaluator, it is
1 - that, in heads. PoseTrack's evaluator has two peculiarities, both
arguments here: it never looks at the last frame of a sequence (`drop_last_frame`), and
with a recent release of the library it calls, the distances behind its MOTP contain
every near pair, matched or not, and those of new identities once more
(`motp="evaluator"`). Totals are unweighted means over joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poselab.errors import require
from poselab.metrics.base import check_limits
from poselab.metrics.track_inputs import (
    Arrays,
    Frames,
    clips_of,
    found_arrays,
    true_arrays,
)
from poselab.metrics.track_matching import JointMatcher
from poselab.records import Poses, Sample

MOTP = ("matches", "evaluator")


@dataclass
class TrackEvents:
    """What happened to each joint of F frames.

    `taken` [F, P, J]: the index of the person whose joint a true joint was matched to,
    -1 for none; `miss` and `switch` [F, P, J]; `false_alarm` [F, Q, J].
    """

    taken: Tensor
    miss: Tensor
    switch: Tensor
    false_alarm: Tensor


@dataclass
class TrackScores:
    """Counts and scores of each joint; all [J].

    `objects` true joints, `detections` matched ones, `misses`, `false_alarms`,
    `switches`, and `distances`, the sum that MOTP is made of, in heads. `sequences`
    has the same for each clip, `events` what happened in it.
    """

    objects: Tensor
    detections: Tensor
    misses: Tensor
    false_alarms: Tensor
    switches: Tensor
    distances: Tensor
    sequences: list[TrackScores] = field(default_factory=list)
    events: list[TrackEvents] = field(default_factory=list)

    @property
    def mota(self) -> Tensor:
        """1 - errors / true joints; NaN for a joint that is nowhere."""
        errors = self.misses + self.false_alarms + self.switches
        value = 1 - errors.double() / self.objects
        return torch.where(self.objects > 0, value, torch.nan)  # false alarms alone

    @property
    def motp(self) -> Tensor:
        """1 - mean distance in heads; NaN where nothing was matched."""
        return 1 - self.distances / self.detections

    @property
    def precision(self) -> Tensor:
        """Matched of all predicted joints; NaN where nothing was predicted."""
        return self.detections.double() / (self.detections + self.false_alarms)

    @property
    def recall(self) -> Tensor:
        """Matched of all true joints; NaN for a joint that is nowhere."""
        return self.detections.double() / self.objects

    @property
    def total(self) -> dict[str, float]:
        """The unweighted means over joints, and sums of the counts.

        A joint without a value has no part in a mean.
        """
        names = ("mota", "motp", "precision", "recall")
        means = {name: getattr(self, name).nanmean().item() for name in names}
        counts = ("objects", "detections", "misses", "false_alarms", "switches")
        return means | {name: int(getattr(self, name).sum()) for name in counts}


def track_scores(
    truth: Frames | Sequence[Frames],
    found: Frames | Sequence[Frames],
    head_sizes: Any = None,
    *,
    threshold: float = 0.5,
    drop_last_frame: bool = True,
    motp: str = "matches",
) -> TrackScores:
    """MOTA, MOTP and their counts for one clip or a list of clips.

    A clip is its frames in order, stacked or in a list: `Sample`s as `truth`, `Poses`
    as `found`, both with `track_ids` of whoever is present. A joint of the truth is
    there if it is labelled, a predicted one if its score is above 0. `head_sizes`, in
    px, are a tensor [F, P] or a list of F tensors [P] (of a list of clips: a list of
    these); by default `head_segments(truth)`. `threshold` in heads. Raises
    `ArgumentError`; a person must have a head size where any joint is labelled.
    """
    require(
        motp in MOTP,
        "unknown MOTP",
        where="track_scores",
        field="motp",
        value=motp,
        fix=f"Use one of {', '.join(MOTP)}.",
    )
    check_limits(threshold, "threshold", "track_scores")
    clips, alone = clips_of(truth, Sample, "truth")
    answers, _ = clips_of(found, Poses, "found")
    require(
        len(clips) == len(answers) > 0,
        f"expected {len(clips)} clips, at least 1",
        where="track_scores",
        field="found",
        value=len(answers),
    )
    heads = [head_sizes] if alone or head_sizes is None else list(head_sizes)
    heads = heads * len(clips) if head_sizes is None else heads
    require(
        len(heads) == len(clips),
        f"expected those of {len(clips)} clips",
        where="track_scores",
        field="head_sizes",
        value=len(heads),
    )
    options = threshold, drop_last_frame, motp
    return _total(
        [
            _clip(true_arrays(t, h), found_arrays(f), *options)
            for t, f, h in zip(clips, answers, heads, strict=True)
        ]
    )


def _total(scores: list[TrackScores]) -> TrackScores:
    require(
        len({len(s.objects) for s in scores}) == 1,
        "differ between clips",
        where="track_scores",
        field="numbers of joints",
    )
    counts = ("objects", "detections", "misses", "false_alarms", "switches")
    sums = {
        name: sum(getattr(s, name) for s in scores) for name in (*counts, "distances")
    }
    events = [event for s in scores for event in s.events]
    return TrackScores(**sums, sequences=scores, events=events)


# --- one clip ------------------------------------------------------------------------


def _clip(
    truth: Arrays, found: Arrays, threshold: float, drop_last_frame: bool, motp: str
) -> TrackScores:
    (frames, _, joints), given = truth.there.shape, found.there.shape
    require(
        given[0] == frames and given[2] == joints,
        f"expected {frames} frames and {joints} joints",
        where="track_scores",
        field="found",
        value=list(given),
    )
    frames = max(frames - drop_last_frame, 0)
    taken = np.full(truth.there[:frames].shape, -1)
    switch = np.zeros(taken.shape, dtype=bool)
    sums = np.zeros(joints)
    followed = [JointMatcher() for _ in range(joints)]
    for frame in range(frames):
        far = _distances(truth, found, frame, threshold)  # [J, P, Q]
        for joint, memory in enumerate(followed):
            pairs, extra = memory.step(far[joint], truth.ids[frame], found.ids[frame])
            for p, q, is_switch in pairs:
                taken[frame, p, joint], switch[frame, p, joint] = q, is_switch
                sums[joint] += far[joint, p, q]
            sums[joint] += extra if motp == "evaluator" else 0.0
    return _scores(truth.there[:frames], found.there[:frames], taken, switch, sums)


def _distances(truth: Arrays, found: Arrays, frame: int, threshold: float):
    """Distances in heads of all pairs; [J, P, Q], inf for those that cannot match."""
    gap = truth.points[frame][:, None] - found.points[frame][None]  # [P, Q, J, 2]
    both = truth.there[frame][:, None] & found.there[frame][None]  # [P, Q, J]
    gap = np.where(both[..., None], gap, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):  # nobody's head may be 0
        far = np.linalg.norm(gap, axis=-1) / truth.heads[frame][:, None, None]
    return np.where(both & (far <= threshold), far, np.inf).transpose(2, 0, 1)


def _scores(there, predicted, taken, switch, sums) -> TrackScores:
    """Counts of joints there [F, P, J] and predicted [F, Q, J]."""
    matched = taken >= 0
    alarm = predicted.copy()
    frame, p, joint = np.nonzero(matched)
    alarm[frame, taken[frame, p, joint], joint] = False
    miss = there & ~matched
    flags = [torch.from_numpy(x) for x in (miss, switch, alarm)]
    events = TrackEvents(torch.from_numpy(taken), *flags)
    objects, detections, misses, alarms, switches = (
        torch.from_numpy(x.sum((0, 1))) for x in (there, matched, miss, alarm, switch)
    )
    distances = torch.from_numpy(sums)
    return TrackScores(
        objects, detections, misses, alarms, switches, distances, events=[events]
    )
