"""The three groupings of chapters 10 to 12, as one writes them down first.

Loops over joints, peaks, people and cells, with NumPy for single numbers: the form in
which most released decoders come. They give what `poselab.codecs` gives, and are here
so that its speed has something to be compared with.
"""

from __future__ import annotations

import math

import numpy as np
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab.codecs import offset_decode, tag_group

# --- part affinity fields ------------------------------------------------------------


def peaks_of(heat: np.ndarray, threshold: float) -> list[list[tuple]]:
    """Heatmaps [J, H, W] -> for each joint its peaks (x, y, number)."""
    found, number = [], 0
    for one in heat:
        wide = np.pad(one, 1)
        high = one > threshold
        for side in (wide[1:-1, :-2], wide[1:-1, 2:], wide[:-2, 1:-1], wide[2:, 1:-1]):
            high &= one >= side
        own = []
        for y, x in np.argwhere(high).tolist():
            own.append((x, y, number))
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
    fields: Tensor, heatmaps: Tensor, limbs, size: tuple[int, int], rules
) -> list[dict[int, int]]:
    """(2 L, h, w) and (J, h, w) -> people, for each the number of the peak of a joint.

    Both are enlarged to the image's size first. Only for people who are complete: no
    two of them are joined, and nobody is left out.
    """
    large = [
        F.interpolate(maps[None], size, mode="bicubic", align_corners=False)[0].numpy()
        for maps in (fields, heatmaps)
    ]
    peaks, people = peaks_of(large[1], rules.peak_threshold), []
    for k, (p, q) in enumerate(limbs):
        pairs = []
        for a in peaks[p]:
            for b in peaks[q]:
                score = limb_score(large[0][2 * k : 2 * k + 2], a, b, rules)
                if score is not None:
                    pairs.append((score, a[2], b[2]))
        used: set[int] = set()
        for _, a, b in sorted(pairs, key=lambda pair: -pair[0]):
            if a in used or b in used:
                continue
            used |= {a, b}
            for person in people:
                if person.get(p) == a or person.get(q) == b:
                    person[q] = b
                    break
            else:
                people.append({p: a, q: b})
    return people


# --- tags ----------------------------------------------------------------------------


def tags_loop(
    heatmaps: Tensor, tags: Tensor, rules: tag_group.TagGrouping
) -> np.ndarray:
    """[J, h, w] and [J, h, w] -> people [P, J, 4]: x, y (cells), score, tag."""
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
        pairs = zip(*linear_sum_assignment(cost), strict=True) if people else ()
        owner = {i: j for i, j in pairs if apart[i, j] < rules.tag_threshold}
        for i, row in enumerate(rows):
            if i not in owner:
                owner[i] = len(people)
                people.append(np.zeros((len(heat), 4)))
            people[owner[i]][joint] = row
    return np.stack(people)


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
