"""From heatmaps and tags to people: peaks whose tags are alike belong together.

Newell et al. 2017 (1611.05424), section 3.2, as the released code of associative
embedding and of HigherHRNet (1908.10357) do it. Joint by joint, from the head and torso
outwards, the peaks are matched with the people found so far by the best sum of costs:
the distance of tags, rounded, a hundred times; and where that is equal, the score.
`AE` and `HIGHER` name what differs between the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab.errors import require_shape

# COCO's joints from the head and torso outwards.
ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)


@dataclass(frozen=True)
class TagGrouping:
    """The constants of the grouping.

    threshold: peaks have a higher value. tag_threshold: a peak joins a person only if
    its tag is closer. max_people: so many peaks of each joint are looked at, and so
    many people are matched. nms: the side of the window in which a peak is the highest.
    mean_square: tags of several numbers are apart by the root of the mean square, not
    of the sum. full: peaks start nobody new once `max_people` are there. use_scores:
    among equal rounded distances the better peak wins.
    """

    threshold: float = 0.1
    tag_threshold: float = 1.0
    max_people: int = 30
    nms: int = 3
    mean_square: bool = True
    full: bool = True
    use_scores: bool = True
    order: tuple[int, ...] = ORDER


AE = TagGrouping()
HIGHER = replace(AE, nms=5, mean_square=False, full=False)


def top_peaks(
    heatmaps: Tensor, tags: Tensor, rules: TagGrouping = AE
) -> list[np.ndarray]:
    """For each joint its peaks, highest first: rows of x, y, score and tags.

    heatmaps [J, h, w], tags [J, h, w, T] -> J arrays [N, 3 + T]; x, y in cells. A peak
    is above the threshold and nowhere lower than its window.
    """
    require_shape("tags", tags, *heatmaps.shape, None)
    joint, y, x = _highest(heatmaps.numpy(), rules.threshold, rules.nms // 2)
    scores = heatmaps.numpy()[joint, y, x]
    columns = [np.stack([x, y, scores], 1), tags.numpy()[joint, y, x]]
    rows = np.concatenate(columns, 1).astype(scores.dtype)
    best = np.lexsort((-scores, joint))
    bounds = np.searchsorted(joint, np.arange(len(heatmaps) + 1))
    pairs = zip(bounds[:-1], bounds[1:], strict=True)
    return [rows[best[a:b][: rules.max_people]] for a, b in pairs]


def _highest(maps: np.ndarray, threshold: float, reach: int) -> tuple[np.ndarray, ...]:
    """Cells above `threshold` and nowhere lower than those up to `reach` away."""
    joints, h, w = maps.shape
    wide = np.full((joints, h + 2 * reach, w + 2 * reach), -np.inf, maps.dtype)
    wide[:, reach : reach + h, reach : reach + w] = maps
    flat, row = wide.reshape(-1), w + 2 * reach
    cells = np.flatnonzero(flat > threshold)  # few: look only around them
    around = range(-reach, reach + 1)
    for step in sorted((dy * row + dx for dy in around for dx in around), key=abs):
        cells = cells[flat[cells] >= flat[cells + step]]
    joint, rest = np.divmod(cells, wide[0].size)
    y, x = np.divmod(rest, row)
    return joint, y - reach, x - reach


def match_tags(peaks: list[np.ndarray], rules: TagGrouping = AE) -> np.ndarray:
    """Peaks of each joint, as from `top_peaks` -> people [P, J, 3 + T] as they began.

    A joint that nobody found has zeros. A peak that would start a person whose first
    tag is exactly another one's joins that person, as in the released code.
    """
    people: dict[float, _Person] = {}
    shape = (len(peaks), peaks[0].shape[1])
    for joint in rules.order:
        rows = peaks[joint]
        known = list(people.values())[: rules.max_people]
        if not len(rows) or (rules.full and len(known) == rules.max_people):
            continue
        owners = _owners(rows, known, rules)
        for row, owner in zip(rows, owners, strict=True):
            if owner is None:
                owner = people.setdefault(row[3], _Person(shape))
                owner.tags.clear()
            owner.joints[joint] = row
            owner.tags.append(row[3:])
    dtype = peaks[0].dtype
    return np.array([p.joints for p in people.values()], dtype).reshape(-1, *shape)


class _Person:
    """joints [J, 3 + T] and the tags that were matched so far."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.joints = np.zeros(shape, np.float32)
        self.tags: list[np.ndarray] = []


def _owners(rows: np.ndarray, known: list[_Person], rules: TagGrouping) -> list:
    """For each of the rows one of the people, or None for somebody new."""
    owners: list = [None] * len(rows)
    if not known:
        return owners
    means = np.stack([np.mean(p.tags, axis=0) for p in known])  # [P, T]
    apart = tag_distance(rows[:, None, 3:], means, rules.mean_square)  # [N, P]
    cost = apart.astype(np.float64)
    if rules.use_scores:
        cost = np.round(apart) * 100.0 - rows[:, 2:3]
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        if apart[i, j] < rules.tag_threshold:
            owners[i] = known[j]
    return owners


def tag_distance(a: np.ndarray, b: np.ndarray, mean_square: bool) -> np.ndarray:
    """How far tags [..., T] are apart: the L2 norm, or the root of the mean square."""
    square = (a - b) ** 2
    return np.sqrt(square.mean(-1) if mean_square else square.sum(-1))


# --- closer than a cell, and the joints that are missing -----------------------------


def quarter_steps(heatmaps: Tensor, joint: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """From a cell's corner: 1/2, and 1/4 towards the larger neighbour; [N, 2].

    Of two equal neighbours the left or upper one wins; beyond the border lies the
    border's value. With 1/2 added a pixel is s (u + 1/2).
    """
    h, w = heatmaps.shape[-2:]
    right, left = (x + 1).clamp(max=w - 1), (x - 1).clamp(min=0)
    below, above = (y + 1).clamp(max=h - 1), (y - 1).clamp(min=0)
    dx = heatmaps[joint, y, right] > heatmaps[joint, y, left]
    dy = heatmaps[joint, below, x] > heatmaps[joint, above, x]
    return torch.where(torch.stack([dx, dy], 1), 0.75, 0.25).to(heatmaps)


def adjust(people: np.ndarray, heatmaps: Tensor) -> np.ndarray:
    """The joints that were found (score > 0) moved by `quarter_steps`."""
    people = people.copy()
    who, joint = np.nonzero(people[..., 2] > 0)
    x, y = torch.from_numpy(people[who, joint, :2]).long().unbind(1)
    step = quarter_steps(heatmaps, torch.from_numpy(joint), x, y)
    people[who, joint, :2] += step.numpy().astype(people.dtype)
    return people


def fill_missing(people: np.ndarray, heatmaps: Tensor, tags: Tensor) -> np.ndarray:
    """Joints without a score, where heatmap minus rounded tag distance is highest.

    The tag is the mean of the person's own, read at the joints that were found. Where
    the heatmap is not positive there, the joint stays missing. `quarter_steps` are
    taken in any case. Work: cells x missing joints, at most `max_people` x J of them.
    """
    people = people.copy()
    mean = _mean_tags(people, tags)  # [P, T]
    for joint in range(len(heatmaps)):
        who = np.flatnonzero((people[:, joint, 2] == 0) & np.isfinite(mean[:, 0]))
        for few in np.array_split(who, len(who) // 8 + 1):  # bounds the memory
            if len(few):
                found = _best_cells(heatmaps, tags, joint, torch.from_numpy(mean[few]))
                seen = found[:, 2] > 0
                people[few[seen], joint, :3] = found[seen]
    return people


def _mean_tags(people: np.ndarray, tags: Tensor) -> np.ndarray:
    """The mean tag of each person, [P, T]; NaN for somebody without a joint."""
    found = people[..., 2] > 0
    who, joint = np.nonzero(found)
    x, y = people[who, joint, :2].astype(np.int64).T
    sums = np.zeros((len(people), tags.shape[-1]), np.float32)
    np.add.at(sums, who, tags.numpy()[joint, y, x])
    with np.errstate(invalid="ignore"):
        return sums / found.sum(1, keepdims=True).astype(np.float32)


def _best_cells(heatmaps: Tensor, tags: Tensor, joint: int, mean: Tensor) -> np.ndarray:
    """x, y and value of the best cell of one joint for tags [N, T]; [N, 3]."""
    heat, tag = heatmaps[joint], tags[joint]
    apart = tag - mean[:, None, None].to(tag)  # [N, h, w, T]
    if tag.shape[-1] == 1:
        apart = apart[..., 0].abs_()
    else:
        apart = torch.linalg.vector_norm(apart, dim=-1)
    value = apart.round_().neg_().add_(heat)  # [N, h, w]
    place = value.flatten(1).argmax(1)
    x, y = place % heat.shape[1], place // heat.shape[1]
    which = torch.full_like(x, joint)
    spot = torch.stack([x, y], 1) + quarter_steps(heatmaps, which, x, y)
    return torch.cat([spot, heat[y, x, None]], 1).numpy()


def group(
    heatmaps: Tensor,
    tags: Tensor,
    rules: TagGrouping = AE,
    adjusted: bool = True,
    filled: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """heatmaps [J, h, w], tags [J, h, w, T] -> people [P, J, 3 + T], scores [P].

    A row is x, y (cells, or, `adjusted`, cells from the map's corner), score, tags; a
    joint that is missing has zeros. A person's score is the mean over all joints before
    the missing ones are `filled`.
    """
    people = match_tags(top_peaks(heatmaps, tags, rules), rules)
    people = adjust(people, heatmaps) if adjusted else people
    scores = people[..., 2].mean(1)
    if filled:
        people = fill_missing(people, heatmaps, tags)
    return people, scores
