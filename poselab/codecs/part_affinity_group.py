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

import numpy as np
from torch import Tensor

from poselab.codecs.enlarged import Enlarged
from poselab.codecs.part_affinity_people import Candidates, Peaks, People, assemble
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


# --- peaks ---------------------------------------------------------------------------


def find_peaks(maps: Enlarged, smooth: Tensor, rules: Grouping = PYTHON) -> Peaks:
    """Pixels of `smooth` [J, H, W] not lower than their 4 neighbours, and high enough.

    Beyond the border lies 0. A peak's score is its value in `maps`, which are not
    blurred. In every joint at most `max_peaks`, the highest, row by row.
    """
    require_shape("smooth", smooth, *maps.shape)
    high = _highest(smooth.numpy(), rules.peak_threshold)
    part, y, x = np.unravel_index(high, smooth.shape)
    keep = _best(part, smooth.numpy().reshape(-1)[high], rules.max_peaks)
    part, xy = part[keep], np.stack([x, y], 1)[keep]
    scores = maps.each(part, xy[:, 0], xy[:, 1])
    return Peaks(xy.astype(np.float64), scores.astype(np.float64), part)


def _highest(maps: np.ndarray, threshold: float) -> np.ndarray:
    """Places in the flat maps [J, H, W]: above `threshold`, no neighbour is higher."""
    _, height, width = maps.shape
    flat = maps.reshape(-1)
    high = np.flatnonzero(flat > threshold)  # few: look only there
    row = high // width
    x, y = high - row * width, row - row // height * height
    edges = (
        (x == 0, -1),
        (x == width - 1, 1),
        (y == 0, -width),
        (y == height - 1, width),
    )
    keep = np.ones(len(high), bool)
    for border, step in edges:
        near = np.where(border, 0, flat.take(high + step, mode="clip"))
        keep &= flat[high] >= near
    return high[keep]


def _best(part: np.ndarray, value: np.ndarray, most: int) -> np.ndarray:
    """Where the `most` highest values of each part are, in their old order."""
    if not len(part) or np.bincount(part).max() <= most:
        return np.arange(len(part))
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
    places, unit = _along(start, end, np.linspace(0.0, 1.0, points))
    if isinstance(field, Enlarged):
        vectors = field.at(places)
    else:
        vectors = field[:, places[..., 1], places[..., 0]]  # [2, N, points]
    return vectors[0] * unit[:, :1] + vectors[1] * unit[:, 1:]


def _along(start: np.ndarray, end: np.ndarray, t: np.ndarray):
    """Pixels [N, len(t), 2] at the shares `t` of lines, and their unit vectors."""
    step = end - start
    unit = step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-3)
    places = np.rint(start[:, None] + t[:, None] * step[:, None]).astype(np.int64)
    return places, unit


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
    keep, scores = _passing(values, start, end, field.shape[1], rules)
    return Candidates(a[keep], b[keep], scores[keep])


def _passing(values, start, end, height: int, rules: Grouping):
    """Which limbs with these samples [N, points] pass, and the scores of all."""
    length = np.maximum(np.linalg.norm(end - start, axis=1), 1e-3)
    prior = np.minimum(0.5 * height / length - 1, 0)
    scores = values.mean(1) + prior
    enough = (values > rules.point_threshold).sum(1) > rules.above * rules.points
    return enough & (scores > 0), scores


def score_all(
    fields: Enlarged,
    peaks: Peaks,
    limbs: tuple[tuple[int, int], ...],
    rules: Grouping = PYTHON,
) -> tuple[Candidates, np.ndarray]:
    """`score_limbs` of all limbs at once, fields [2 L, H, W]; and whose limb each is.

    A pair that misses more samples in the middle than a limb may miss on the whole is
    out; so only a few lines are followed to their ends.
    """
    limb, a, b = _pairs(peaks.part, limbs)

    def samples(t: np.ndarray) -> np.ndarray:
        places, unit = _along(peaks.xy[a], peaks.xy[b], t)
        channel = (2 * limb + np.arange(2)[:, None])[..., None]
        x, y = fields.each(channel, places[..., 0], places[..., 1])
        return x * unit[:, :1] + y * unit[:, 1:]

    t = np.linspace(0.0, 1.0, rules.points)
    may_miss = rules.points - math.floor(rules.above * rules.points) - 1
    side = max(0, (rules.points - may_miss - 2) // 2)
    middle = samples(t[side : rules.points - side])
    keep = (middle <= rules.point_threshold).sum(1) <= may_miss
    limb, a, b = limb[keep], a[keep], b[keep]
    height = fields.shape[1]
    keep, scores = _passing(samples(t), peaks.xy[a], peaks.xy[b], height, rules)
    return Candidates(a[keep], b[keep], scores[keep]), limb[keep]


def _pairs(part: np.ndarray, limbs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of peaks that may be a limb: its number, and both peaks; [N] each."""
    joints = np.array(limbs).reshape(-1, 2)
    begin, end = (np.searchsorted(part, joints, side) for side in ("left", "right"))
    count = end - begin  # [L, 2]
    pairs = count[:, 0] * count[:, 1]
    limb = np.repeat(np.arange(len(joints)), pairs)
    rank = np.arange(len(limb)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    first, second = np.divmod(rank, count[limb, 1])
    return limb, begin[limb, 0] + first, begin[limb, 1] + second


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
    index = _without_sharing(order, found.first, found.second)
    return Candidates(*(values[index] for values in found))


def match_all(found: Candidates, limb: np.ndarray, limbs, rules) -> list[Candidates]:
    """`match_limbs` for each of the limbs; `limb` [N] says whose a candidate is."""
    numbers = np.arange(len(limbs) + 1)
    if rules.optimal:
        cuts = np.searchsorted(limb, numbers)
        return [match_limbs(part, True) for part in _cut(found, cuts)]
    own = limb * (
        int(max(found.first.max(), found.second.max())) + 1 if len(limb) else 1
    )
    order = np.lexsort((-found.scores, limb))  # a peak counts once in each limb
    index = _without_sharing(order, found.first + own, found.second + own)
    taken = Candidates(*(values[index] for values in found))
    return _cut(taken, np.searchsorted(limb[index], numbers))


def _cut(found: Candidates, cuts: np.ndarray) -> list[Candidates]:
    """Candidates between each two of the places `cuts`."""
    parts = (slice(*ends) for ends in zip(cuts[:-1], cuts[1:], strict=True))
    return [Candidates(*(values[part] for values in found)) for part in parts]


def _without_sharing(order: np.ndarray, first: np.ndarray, second: np.ndarray):
    """Candidates in this order, leaving out those with an end that is taken."""
    taken: list[int] = []
    used_a: set[int] = set()
    used_b: set[int] = set()
    ends = first[order].tolist(), second[order].tolist()
    for i, a, b in zip(order.tolist(), *ends, strict=True):
        if a not in used_a and b not in used_b:
            used_a.add(a)
            used_b.add(b)
            taken.append(i)
    return np.array(taken, dtype=np.int64)


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
    peaks = find_peaks(heatmaps, heatmaps.blurred(rules.blur), rules)
    if rules.nearest:
        near = [nearest_limbs(peaks, pair, fields.shape) for pair in limbs]
        connections = [match_limbs(found, rules.optimal) for found in near]
    else:
        connections = match_all(*score_all(fields, peaks, limbs, rules), limbs, rules)
    people = assemble(peaks, limbs, connections, heatmaps.shape[0], tree)
    mean = people.totals / np.maximum(people.counts, 1)
    keep = (people.counts >= rules.min_parts) & (mean >= rules.min_score)
    return peaks, People(*(values[keep] for values in people))
