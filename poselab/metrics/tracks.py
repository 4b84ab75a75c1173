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
counts the moment of a switch, not for how long the identity is wrong. MOTP = 1 - mean
distance of the matches, in heads. PoseTrack's evaluator has two peculiarities, both
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
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab.errors import ArgumentError, require
from poselab.metrics.base import as_points, as_tensor, check_limits, check_shape
from poselab.records import Poses, Sample

MOTP = ("matches", "evaluator")


@dataclass
class Tracks:
    """People of one clip: F frames, P places for people, J joints.

    keypoints [F, P, J, 2] px; visibility [F, P, J], 0 where a joint is not there;
    track_ids [F, P], -1 for nobody; head_sizes [F, P] px, needed of the truth.
    """

    keypoints: Any
    visibility: Any
    track_ids: Any
    head_sizes: Any = None

    @classmethod
    def of(cls, record: Sample | Poses, head_sizes: Any = None) -> Tracks:
        """The tracks of a stacked record that has track_ids.

        A joint of a `Poses` is there if its score is above 0.
        """
        require(
            record.track_ids is not None and record.is_stacked,
            "needs stacked frames with track_ids",
            where="Tracks.of",
            field="record",
            value=type(record).__name__,
        )
        if isinstance(record, Sample):
            there = record.visibility
        else:
            there = record.scores > 0
        return cls(record.keypoints[..., :2], there, record.track_ids, head_sizes)


@dataclass
class TrackEvents:
    """What happened to each joint of F frames.

    `taken` [F, P, J]: the place of the person whose joint a true joint was matched to,
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
    truth: Tracks | Sequence[Tracks],
    found: Tracks | Sequence[Tracks],
    *,
    threshold: float = 0.5,
    drop_last_frame: bool = True,
    motp: str = "matches",
) -> TrackScores:
    """MOTA, MOTP and their counts for one clip or a list of clips.

    `threshold` in heads. Raises `ArgumentError`; a person must have a head size where
    any of their joints is labelled.
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
    clips = [truth] if isinstance(truth, Tracks) else list(truth)
    answers = [found] if isinstance(found, Tracks) else list(found)
    require(
        len(clips) == len(answers) > 0,
        f"expected {len(clips)} clips, at least 1",
        where="track_scores",
        field="found",
        value=len(answers),
    )
    scores = [
        _clip(_checked(t, True), _checked(f, False), threshold, drop_last_frame, motp)
        for t, f in zip(clips, answers, strict=True)
    ]
    require(
        len({len(s.objects) for s in scores}) == 1,
        "differ between clips",
        where="track_scores",
        field="numbers of joints",
    )
    counts = (
        "objects",
        "detections",
        "misses",
        "false_alarms",
        "switches",
        "distances",
    )
    sums = {name: sum(getattr(s, name) for s in scores) for name in counts}
    events = [event for s in scores for event in s.events]
    return TrackScores(**sums, sequences=scores, events=events)


# --- one clip ------------------------------------------------------------------------


@dataclass
class _Arrays:
    points: np.ndarray
    there: np.ndarray
    ids: np.ndarray
    heads: np.ndarray


def _checked(tracks: Tracks, is_truth: bool) -> _Arrays:
    """The clip as arrays; joints of people who are not there are not there."""
    where = "truth" if is_truth else "found"
    ids = as_tensor(tracks.track_ids, "track_ids", where).cpu()
    there = as_tensor(tracks.visibility, "visibility", where).cpu() > 0
    points = as_points(tracks.keypoints, "keypoints", where).cpu().double()
    check_shape(there, "visibility", (*ids.shape, *there.shape[-1:]), where)
    check_shape(points, "keypoints", (*there.shape, 2), where)
    require(
        ids.dim() == 2,
        "expected shape [F, P]",
        where=where,
        field="track_ids",
        value=list(ids.shape),
    )
    there = there & (ids >= 0)[..., None]
    lost = there & ~torch.isfinite(points).all(-1)
    require(
        not lost.any(),
        "a joint has no finite position",
        where=where,
        field=f"keypoints{lost.nonzero()[:1].flatten().tolist()}",
        fix="Give it visibility 0.",
    )
    heads = _heads(tracks, there, where) if is_truth else torch.ones(ids.shape)
    for frame, row in enumerate(ids):
        row = row[row >= 0]
        once = len(row.unique()) == len(row)
        require(
            once,
            "two people of a frame have one identity",
            where=where,
            field=f"track_ids[{frame}]",
            value=row.tolist(),
        )
    return _Arrays(points.numpy(), there.numpy(), ids.numpy(), heads.numpy())


def _heads(tracks: Tracks, there: Tensor, where: str) -> Tensor:
    require(
        tracks.head_sizes is not None,
        "are needed of the truth",
        where=where,
        field="head_sizes",
        value=None,
        fix="For example 0.6 times the diagonal of the head's box.",
    )
    heads = as_points(tracks.head_sizes, "head_sizes", where).cpu().double()
    check_shape(heads, "head_sizes", there.shape[:2], where)
    bad = there.any(-1) & ~(torch.isfinite(heads) & (heads > 0))
    if bad.any():
        raise ArgumentError(
            "must be positive",
            where=where,
            value=heads[bad][0].item(),
            field=f"head_sizes{bad.nonzero()[0].tolist()}",
        )
    return heads


def _clip(
    truth: _Arrays, found: _Arrays, threshold: float, drop_last_frame: bool, motp: str
) -> TrackScores:
    (frames, _, joints), given = truth.there.shape, found.there.shape
    require(
        given[0] == frames and given[2] == joints,
        f"expected {frames} frames and {joints} joints",
        where="track_scores",
        field="found, visibility",
        value=list(given),
    )
    frames = max(frames - drop_last_frame, 0)
    taken = np.full(truth.there[:frames].shape, -1)
    switch = np.zeros(taken.shape, dtype=bool)
    sums = np.zeros(joints)
    followed = [_Joint() for _ in range(joints)]
    for frame in range(frames):
        far = _distances(truth, found, frame, threshold)  # [J, P, Q]
        for joint, memory in enumerate(followed):
            pairs, extra = memory.step(far[joint], truth.ids[frame], found.ids[frame])
            for p, q, is_switch in pairs:
                taken[frame, p, joint], switch[frame, p, joint] = q, is_switch
                sums[joint] += far[joint, p, q]
            sums[joint] += extra if motp == "evaluator" else 0.0
    return _scores(truth.there[:frames], found.there[:frames], taken, switch, sums)


def _distances(truth: _Arrays, found: _Arrays, frame: int, threshold: float):
    """Distances in heads of all pairs; [J, P, Q], inf for those that cannot match."""
    gap = truth.points[frame][:, None] - found.points[frame][None]  # [P, Q, J, 2]
    both = truth.there[frame][:, None] & found.there[frame][None]  # [P, Q, J]
    gap = np.where(both[..., None], gap, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):  # nobody's head may be 0
        far = np.linalg.norm(gap, axis=-1) / truth.heads[frame][:, None, None]
    return np.where(both & (far <= threshold), far, np.inf).transpose(2, 0, 1)


class _Joint:
    """Which predicted identity each true one has, for one kind of joint."""

    def __init__(self) -> None:
        self.partner: dict[int, int] = {}  # of a true identity, the last one it had
        self.owner: dict[int, int] = {}  # of a predicted one, whom it was given last
        self.seen: set[int] = set()  # predicted identities that were ever matched
        self.now: set[int] = set()  # true identities matched in the frame before

    def step(self, far: np.ndarray, truth: np.ndarray, found: np.ndarray):
        """Pairs (p, q, is a switch) of one frame, and the evaluator's extra distance.

        far [P, Q] in heads, inf where a pair cannot match.
        """
        extra = float(far[np.isfinite(far)].sum())
        kept = self._keep(far, truth, found)
        free = far.copy()
        for p, q in kept:
            free[p, :], free[:, q] = np.inf, np.inf
        pairs = [(p, q, False) for p, q in kept]
        for p, q in assign(free):
            switch, times = self._meet(int(truth[p]), int(found[q]))
            pairs.append((p, q, switch))
            extra += times * float(far[p, q])
        self.now = {int(truth[p]) for p, _, _ in pairs}
        self.seen |= {int(found[q]) for _, q, _ in pairs}
        return pairs, extra

    def _keep(self, far, truth, found) -> list[tuple[int, int]]:
        """Pairs of the frame before that are still near enough."""
        place = {int(name): q for q, name in enumerate(found)}
        kept: dict[int, int] = {}  # q -> p
        for p, name in enumerate(map(int, truth)):
            q = place.get(self.partner[name]) if name in self.now else None
            if q is not None and q not in kept and np.isfinite(far[p, q]):
                kept[q] = p
        return [(p, q) for q, p in kept.items()]

    def _meet(self, truth: int, found: int) -> tuple[bool, int]:
        """Whether a new pair is a switch, and how often the evaluator adds it again."""
        switch = self.partner.get(truth, found) != found
        stolen = self.owner.get(found, truth) != truth
        times = int(switch and found not in self.seen)
        times += int(stolen) * (1 + int(truth not in self.partner))
        self.partner[truth], self.owner[found] = found, truth
        return switch, times


def assign(cost: np.ndarray) -> list[tuple[int, int]]:
    """The cheapest of the largest sets of pairs (row, column) with finite cost."""
    finite = np.isfinite(cost)
    if not finite.any():
        return []
    # One forbidden pair costs more than all allowed ones together.
    forbidden = 2 * min(cost.shape) * (np.abs(cost[finite]).max() + 1)
    rows, columns = linear_sum_assignment(np.where(finite, cost, forbidden))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [pair for pair in pairs if finite[pair]]


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
