"""The three groupings of chapters 10 to 12, as one writes them down first.

Loops over joints, peaks, people and cells, with NumPy for single numbers: the form in
which most released decoders come. They give what `poselab.codecs` gives, and are here
so that its speed has something to be compared with.
"""

from __future__ import annotations

import math

import numpy as np
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor

from poselab.codecs import offset_decode, tag_group

# --- part affinity fields ------------------------------------------------------------


def peaks_of(heat: np.ndarray, threshold: float, blur: float) -> list[list[tuple]]:
    """Heatmaps [J, H, W] -> for each joint its peaks (x, y, number, score)."""
    found, number = [], 0
    for raw in heat:
        one = gaussian_filter(raw, blur)
        wide = np.pad(one, 1)
        high = one > threshold
        for side in (wide[1:-1, :-2], wide[1:-1, 2:], wide[:-2, 1:-1], wide[2:, 1:-1]):
            high &= one >= side
        own = []
        for y, x in np.argwhere(high).tolist():
            own.append((x, y, number, float(raw[y, x])))
            number += 1
        found.append(own)
    return found


def limb_score(field: np.ndarray, a: tuple, b: tuple, rules) -> float | None:
    """The integral from peak a to peak b, None for a pair that does not pass."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length, values = max(math.hypot(dx, dy), 1e-3), []
    for t in np.linspace(0.0, 1.0, rules.points):
        x, y = round(a[0] + t * dx), round(a[1] + t * dy)
        values.append((field[0, y, x] * dx + field[1, y, x] * dy) / length)
    score = sum(values) / len(values) + min(0.5 * field.shape[1] / length - 1, 0)
    enough = sum(v > rules.point_threshold for v in values) > rules.above * len(values)
    return score if enough and score > 0 else None


def fields_loop(
    fields: Tensor, heatmaps: Tensor, limbs, tree: int, size: tuple[int, int], rules
) -> list[dict[int, int]]:
    """(2 L, h, w) and (J, h, w) -> people, for each the number of the peak of a joint.

    Both are enlarged to the image's size first. As `part_affinity_group.group`.
    """
    large = [
        F.interpolate(maps[None], size, mode="bicubic", align_corners=False)[0].numpy()
        for maps in (fields, heatmaps)
    ]
    peaks = peaks_of(large[1], rules.peak_threshold, rules.blur)
    people: list[dict] = []
    for k, (p, q) in enumerate(limbs):
        pairs = []
        for a in peaks[p]:
            for b in peaks[q]:
                score = limb_score(large[0][2 * k : 2 * k + 2], a, b, rules)
                if score is not None:
                    pairs.append((score, a, b))
        used: set[int] = set()
        for score, a, b in sorted(pairs, key=lambda pair: -pair[0]):
            if a[2] not in used and b[2] not in used:
                used |= {a[2], b[2]}
                _grow(people, (p, q), (a, b), score, k < tree)
    return [
        person["joints"]
        for person in people
        if person["count"] >= rules.min_parts
        and person["total"] / person["count"] >= rules.min_score
    ]


def _grow(people: list[dict], joints, ends, score: float, begins: bool) -> None:
    """A limb given to somebody, between two who become one, or somebody's first."""
    (p, q), (a, b) = joints, ends
    owners = [
        person
        for person in people
        if person["joints"].get(p) == a[2] or person["joints"].get(q) == b[2]
    ]
    if len(owners) > 1 and not set(owners[0]["joints"]) & set(owners[1]["joints"]):
        one, other = owners[:2]
        one["joints"].update(other["joints"])
        one["total"] += other["total"] + score
        one["count"] += other["count"]
        people.remove(other)
    elif len(owners) > 1 or (owners and owners[0]["joints"].get(q) != b[2]):
        owners[0]["joints"][q] = b[2]
        owners[0]["total"] += b[3] + score
        owners[0]["count"] += 1
    elif not owners and begins:
        total = a[3] + b[3] + score
        people.append({"joints": {p: a[2], q: b[2]}, "total": total, "count": 2})


# --- tags ----------------------------------------------------------------------------


def cheapest_pairs(cost: np.ndarray) -> list[tuple[int, int]]:
    """The assignment of the smallest sum: the Hungarian method, row by row."""
    if len(cost) > cost.shape[1]:
        return [(i, j) for j, i in cheapest_pairs(cost.T)]
    rows, columns = cost.shape
    table, far = cost.tolist(), float("inf")
    u, v = [0.0] * (rows + 1), [0.0] * (columns + 1)  # prices; number 0 is nobody
    whose, way = [0] * (columns + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        whose[0], at = row, 0
        least, done = [far] * (columns + 1), [False] * (columns + 1)
        while whose[at]:
            done[at], i, step, then = True, whose[at], far, 0
            for j in range(1, columns + 1):
                if not done[j]:
                    rest = table[i - 1][j - 1] - u[i] - v[j]
                    if rest < least[j]:
                        least[j], way[j] = rest, at
                    if least[j] < step:
                        step, then = least[j], j
            for j in range(columns + 1):
                if done[j]:
                    u[whose[j]] += step
                    v[j] -= step
                else:
                    least[j] -= step
            at = then
        while at:  # give back along the way
            whose[at] = whose[way[at]]
            at = way[at]
    return [(i - 1, j) for j, i in enumerate(whose[1:]) if i]


def tags_loop(
    heatmaps: Tensor, tags: Tensor, rules: tag_group.TagGrouping
) -> np.ndarray:
    """[J, h, w] and [J, h, w] -> people [P, J, 4]: x, y (cells), score, tag.

    As `tag_group.group`.
    """
    best = F.max_pool2d(heatmaps[None], rules.nms, 1, rules.nms // 2)[0]
    heat = (heatmaps * (best == heatmaps)).numpy()
    people: list[np.ndarray] = []
    for joint in rules.order:
        width, rows = heat.shape[2], []
        for cell in np.argsort(-heat[joint].ravel(), kind="stable")[: rules.max_people]:
            y, x = divmod(int(cell), width)
            if heat[joint, y, x] > rules.threshold:
                rows.append([x, y, heat[joint, y, x], float(tags[joint, y, x])])
        if not rows:
            continue
        apart = np.zeros((len(rows), len(people)))
        for i, row in enumerate(rows):
            for j, person in enumerate(people):
                own = person[person[:, 2] > 0, 3]
                apart[i, j] = abs(row[3] - own.mean())
        cost = np.round(apart) * 100 - np.array(rows)[:, 2:3]
        pairs = cheapest_pairs(cost) if people else []
        owner = {i: j for i, j in pairs if apart[i, j] < rules.tag_threshold}
        for i, row in enumerate(rows):
            if i not in owner:
                owner[i] = len(people)
                people.append(np.zeros((len(heat), 4)))
            people[owner[i]][joint] = row
    for person in people:
        _mend(person, heatmaps.numpy(), tags.numpy())
    return np.stack(people)


def _mend(person: np.ndarray, heat: np.ndarray, tags: np.ndarray) -> None:
    """Joints [J, 4] a quarter of a cell further, and the missing ones filled in."""
    found = [j for j in range(len(heat)) if person[j, 2] > 0]
    mean = np.mean([tags[j, int(person[j, 1]), int(person[j, 0])] for j in found])
    for j, (one, tag) in enumerate(zip(heat, tags, strict=True)):
        x, y = person[j, :2].astype(int)
        if j not in found:
            value = one - np.round(np.abs(tag - mean))
            y, x = np.unravel_index(value.argmax(), value.shape)
            if one[y, x] <= 0:
                continue
            person[j, 2] = one[y, x]
        right, left = one[y, min(x + 1, one.shape[1] - 1)], one[y, max(x - 1, 0)]
        below, above = one[min(y + 1, one.shape[0] - 1), x], one[max(y - 1, 0), x]
        person[j, :2] = x + (0.75 if right > left else 0.25), y
        person[j, 1] += 0.75 if below > above else 0.25


# --- offsets -------------------------------------------------------------------------


def votes_loop(answer: offset_decode.Answer, rules: offset_decode.Decoding):
    """Hough votes [J, h, w], cell by cell."""
    joints, h, w = answer.heatmaps.shape
    total = np.zeros((joints, h, w))
    for k, row, column in np.ndindex(joints, h, w):
        y, x = np.array([row, column]) + answer.short[k, :, row, column] / rules.stride
        top, left = math.floor(y), math.floor(x)
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            share = (1 - abs(y - top - i)) * (1 - abs(x - left - j))
            if 0 <= top + i < h and 0 <= left + j < w:
                total[k, top + i, left + j] += answer.heatmaps[k, row, column] * share
    return total / (np.pi * (rules.radius / rules.stride) ** 2)


def offsets_loop(answer: offset_decode.Answer, rules: offset_decode.Decoding):
    """People, best beginning first: places [P, J, 2] (y, x) px."""
    maps = votes_loop(answer, rules)
    seeds = zip(
        *offset_decode.local_maxima(maps, rules.score, rules.max_seeds), strict=True
    )
    people: list[np.ndarray] = []
    for k, y, x in seeds:
        middle = offset_decode.centroid(maps, *(np.array([n]) for n in (k, y, x)))[0]
        place = rules.stride * (np.array([y, x]) + middle) + rules.origin
        if all(np.linalg.norm(p[k] - place) > rules.nms_radius for p in people):
            people.append(_walk(answer, k, place, rules))
    return np.stack(people)


def _walk(answer, joint: int, place: np.ndarray, rules) -> np.ndarray:
    """From one joint to all others, edge by edge."""
    size, places = answer.heatmaps.shape[1:], {joint: place}
    steps = [(e, b, a, answer.backward) for e, (a, b) in enumerate(rules.tree)][::-1]
    steps += [(e, a, b, answer.forward) for e, (a, b) in enumerate(rules.tree)]
    for e, source, target, field in steps:
        if source not in places or target in places:
            continue
        fields = [field[e], *[answer.short[target]] * rules.refine]
        place = places[source]
        for vectors in fields:
            y, x = rules.cells(place, size)
            place = rules.pixels(y, x) + vectors[:, y, x]
        places[target] = place
    return np.stack([places[j] for j in range(len(answer.heatmaps))])
