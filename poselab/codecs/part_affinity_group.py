"""From heatmaps and part affinity fields to people: peaks, integrals, matching.

Cao et al. 2017 (1611.08050), sections 2.2 to 2.4. Joints are peaks of the heatmaps. A
candidate limb between two peaks is scored by the integral of the field along it. Limb
by limb the best candidates are taken (a matching of two sets, not of all joints at
once), and limbs that share a joint grow together to people.

The defaults give the numbers of a PyTorch port of the released code; `CPP` names what
the released C++ program has instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from poselab.codecs.enlarged import Enlarged, gaussian_matrix
from poselab.errors import require_shape


@dataclass(frozen=True)
class Grouping:
    """The constants of the grouping.

    peak_threshold: a peak must be higher. blur: sigma in pixels of the Gaussian under
    which peaks are looked for. points: samples along a limb. point_threshold, above: a
    limb needs more than the share `above` of its samples over `point_threshold`.
    min_parts, min_score: people with fewer joints, or a lower mean score, are dropped.
    max_peaks: only the best of each joint are candidates, so that a noisy map cannot
    take for ever. optimal: the best matching of a limb (the paper's bipartite graph)
    instead of taking candidates from the best on (the released code). nearest: the
    closest joints belong together, whatever the field is; the control
    that shows what the fields are for.
    """

    peak_threshold: float = 0.1
    blur: float = 3.0
    points: int = 10
    point_threshold: float = 0.05
    above: float = 0.8
    min_parts: int = 4
    min_score: float = 0.4
    max_peaks: int = 100
    optimal: bool = False
    nearest: bool = False


PYTHON = Grouping()
CPP = replace(PYTHON, peak_threshold=0.05, above=0.95, min_parts=3)


class Peaks(NamedTuple):
    """All peaks: xy [N, 2] px, scores [N], part [N] (which joint), sorted by joint."""

    xy: np.ndarray
    scores: np.ndarray
    part: np.ndarray


class Candidates(NamedTuple):
    """Limbs that may be: ends `first` and `second` (indices of peaks) and scores."""

    first: np.ndarray
    second: np.ndarray
    scores: np.ndarray


class People(NamedTuple):
    """members [P, J]: index of a peak or -1; totals [P]: scores of joints and limbs;
    counts [P]: how many joints a person was given (one that was replaced counts too).
    """

    members: np.ndarray
    totals: np.ndarray
    counts: np.ndarray


# --- peaks ---------------------------------------------------------------------------


def find_peaks(maps: Enlarged, smooth: Tensor, rules: Grouping = PYTHON) -> Peaks:
    """Pixels of `smooth` [J, H, W] not lower than their 4 neighbours, and high enough.

    Beyond the border lies 0. A peak's score is its value in `maps`, which are not
    blurred. In every joint at most `max_peaks`, the highest, row by row.
    """
    require_shape("smooth", smooth, *maps.shape)
    _, height, width = smooth.shape
    padded = F.pad(smooth, (1, 1, 1, 1)).flatten().numpy()
    high = np.flatnonzero(padded > rules.peak_threshold)  # few: look only there
    row = width + 2
    for step in (-1, 1, -row, row):
        high = high[padded[high] >= padded[high + step]]
    part, rest = np.divmod(high, row * (height + 2))
    y, x = np.divmod(rest, row)
    keep = _best(part, padded[high], rules.max_peaks)
    part, xy = part[keep], np.stack([x - 1, y - 1], 1)[keep]
    scores = maps.at(xy)[part, np.arange(len(xy))]
    return Peaks(xy.astype(np.float64), scores.astype(np.float64), part)


def _best(part: np.ndarray, value: np.ndarray, most: int) -> np.ndarray:
    """Where the `most` highest values of each part are, in their old order."""
    order = np.lexsort((-value, part))
    first = np.searchsorted(part[order], part[order])  # where each part begins
    rank = np.arange(len(order)) - first
    return np.sort(order[rank < most])


# --- limbs ---------------------------------------------------------------------------


def line_integrals(
    field: np.ndarray | Enlarged, start: np.ndarray, end: np.ndarray, points: int = 10
) -> np.ndarray:
    """How well a field [2, H, W] runs along lines: values [N, points] at its samples.

    start, end [N, 2] px. A value is the field at the nearest pixel times the unit
    vector of the line (equation 11 of 1812.08008); their mean is the integral.
    """
    step = end - start
    unit = step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-3)
    t = np.linspace(0.0, 1.0, points)[:, None]
    places = np.rint(start[:, None] + t * step[:, None]).astype(np.int64)
    if isinstance(field, Enlarged):
        vectors = field.at(places)
    else:
        vectors = field[:, places[..., 1], places[..., 0]]  # [2, N, points]
    return vectors[0] * unit[:, :1] + vectors[1] * unit[:, 1:]


def score_limbs(
    field: np.ndarray | Enlarged,
    peaks: Peaks,
    pair: tuple[int, int],
    rules: Grouping = PYTHON,
) -> Candidates:
    """All pairs of peaks of two joints that may be this limb, from the first peak on.

    A limb longer than half the image's height loses as much as it is too long.
    """
    first, second = (np.flatnonzero(peaks.part == part) for part in pair)
    a, b = np.repeat(first, len(second)), np.tile(second, len(first))
    start, end = peaks.xy[a], peaks.xy[b]
    values = line_integrals(field, start, end, rules.points)
    length = np.maximum(np.linalg.norm(end - start, axis=1), 1e-3)
    prior = np.minimum(0.5 * field.shape[1] / length - 1, 0)
    scores = values.mean(1) + prior
    enough = (values > rules.point_threshold).sum(1) > rules.above * rules.points
    keep = enough & (scores > 0)
    return Candidates(a[keep], b[keep], scores[keep])


def nearest_limbs(
    peaks: Peaks, pair: tuple[int, int], shape: tuple[int, ...]
) -> Candidates:
    """All pairs of peaks of two joints, the closest first, whatever lies between them.

    The score is 1 minus the distance, relative to the diagonal of the (.., H, W) image.
    """
    first, second = (np.flatnonzero(peaks.part == part) for part in pair)
    a, b = np.repeat(first, len(second)), np.tile(second, len(first))
    length = np.linalg.norm(peaks.xy[b] - peaks.xy[a], axis=1)
    return Candidates(a, b, 1 - length / math.hypot(shape[-2], shape[-1]))


def match_limbs(found: Candidates, optimal: bool = False) -> Candidates:
    """Of the candidates so many that no peak is in two: greedily, or the best sum."""
    order = np.argsort(-found.scores, kind="stable")
    order = _best_sum(found) if optimal and len(order) else order
    taken: list[int] = []
    used_a: set[int] = set()
    used_b: set[int] = set()
    for i, a, b in zip(
        order, found.first[order].tolist(), found.second[order].tolist(), strict=True
    ):
        if a not in used_a and b not in used_b:
            used_a.add(a)
            used_b.add(b)
            taken.append(i)
    index = np.array(taken, dtype=np.int64)
    return Candidates(*(values[index] for values in found))


def _best_sum(found: Candidates) -> np.ndarray:
    """The candidates of the matching with the largest sum, best first."""
    from scipy.optimize import linear_sum_assignment  # slow to import, seldom used

    rows, a = np.unique(found.first, return_inverse=True)
    columns, b = np.unique(found.second, return_inverse=True)
    where = np.full((len(rows), len(columns)), -1)
    where[a, b] = np.arange(len(a))
    gain = np.where(where >= 0, found.scores[where], 0.0)
    chosen = where[linear_sum_assignment(gain, maximize=True)]
    chosen = chosen[chosen >= 0]
    return chosen[np.argsort(-found.scores[chosen], kind="stable")]


# --- people --------------------------------------------------------------------------


def assemble(
    peaks: Peaks,
    limbs: tuple[tuple[int, int], ...],
    connections: list[Candidates],
    joints: int,
    tree: int,
) -> People:
    """Limbs, one list of `connections` for each, grown together to people.

    The first `tree` limbs may begin a new person; the others only join what is there.
    A limb with one end in a person gives it the other end; one between two people
    without a common joint makes them one.
    """
    people: list[_Person] = []
    for k, ((a, b), found) in enumerate(zip(limbs, connections, strict=True)):
        for limb in zip(*(values.tolist() for values in found), strict=True):
            owners = [
                p for p in people if p.joints[a] == limb[0] or p.joints[b] == limb[1]
            ]
            if owners:
                _extend(people, owners, b, limb, peaks.scores)
            elif k < tree:
                people.append(_Person.of(joints, (a, b), limb, peaks.scores))
    return People(
        np.array([p.joints for p in people], dtype=np.int64).reshape(-1, joints),
        np.array([p.total for p in people], dtype=np.float64),
        np.array([p.count for p in people], dtype=np.int64),
    )


@dataclass(eq=False)
class _Person:
    """A person who grows: the peak of each joint or -1, sum of scores, joints given."""

    joints: list[int]
    total: float
    count: int

    @classmethod
    def of(cls, joints: int, ends, limb, scores: np.ndarray) -> _Person:
        """Somebody with one limb: (first peak, second peak, score)."""
        own = [-1] * joints
        own[ends[0]], own[ends[1]] = limb[:2]
        return cls(own, scores[limb[0]] + scores[limb[1]] + limb[2], 2)


def _extend(people: list[_Person], owners: list[_Person], b: int, limb, scores) -> None:
    """Give a limb with at least one end in `owners` to the first, or make two one."""
    person, (_, second, score) = owners[0], limb
    if len(owners) > 1 and _apart(person, owners[1]):
        other = owners[1]
        both = zip(person.joints, other.joints, strict=True)
        person.joints = [max(i, j) for i, j in both]
        person.total += other.total + score
        person.count += other.count
        people.remove(other)
    elif len(owners) > 1 or person.joints[b] != second:
        person.joints[b] = second
        person.total += scores[second] + score
        person.count += 1


def _apart(one: _Person, other: _Person) -> bool:
    """Whether no joint is in both."""
    pairs = zip(one.joints, other.joints, strict=True)
    return all(i < 0 or j < 0 for i, j in pairs)


def group(
    fields: Enlarged,
    heatmaps: Enlarged,
    limbs: tuple[tuple[int, int], ...],
    tree: int,
    rules: Grouping = PYTHON,
) -> tuple[Peaks, People]:
    """All of it: fields (2 L, H, W) and heatmaps (J, H, W) -> peaks and people.

    Limb k has the channels 2 k and 2 k + 1 of the fields. See `assemble` for `tree`;
    people with too few joints or too low a mean score are left out.
    """
    joints = heatmaps.shape[0]
    peaks = find_peaks(heatmaps, _blurred(heatmaps, rules.blur), rules)
    connections = []
    for k, pair in enumerate(limbs):
        field = fields.channels(slice(2 * k, 2 * k + 2))
        if rules.nearest:
            found = nearest_limbs(peaks, pair, field.shape)
        else:
            found = score_limbs(field, peaks, pair, rules)
        connections.append(match_limbs(found, rules.optimal))
    people = assemble(peaks, limbs, connections, joints, tree)
    mean = people.totals / np.maximum(people.counts, 1)
    keep = (people.counts >= rules.min_parts) & (mean >= rules.min_score)
    return peaks, People(*(values[keep] for values in people))


def _blurred(maps: Enlarged, sigma: float) -> Tensor:
    """The whole maps under a Gaussian of `sigma` px; the order of two sums is free."""
    down, across = (gaussian_matrix(n, sigma).to(maps.rows) for n in maps.shape[1:])
    return (down @ maps.rows) @ (across @ maps.across).T
