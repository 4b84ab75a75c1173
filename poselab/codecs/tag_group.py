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
    found = _Found(sum(map(len, peaks)), len(peaks), peaks[0])
    for joint in rules.order:
        rows = peaks[joint]
        known = min(len(found.number), rules.max_people)
        if not len(rows) or (rules.full and known == rules.max_people):
            continue
        found.add(joint, rows, _owners(rows, found.means(known), rules))
    return found.people[: len(found.number)]


class _Found:
    """The people so far: [most, J, 3 + T], and their numbers by their first tags.

    `sums` [most, T + 1] are those of the tags matched, and how many they are.
    """

    def __init__(self, most: int, joints: int, like: np.ndarray) -> None:
        self.people = np.zeros((most, joints, like.shape[1]), like.dtype)
        self.sums = np.zeros((most, like.shape[1] - 2), like.dtype)
        self.number: dict[float, int] = {}

    def means(self, known: int) -> np.ndarray:
        """The mean tags [P, T] of the first `known` people."""
        return self.sums[:known, :-1] / self.sums[:known, -1:]

    def add(self, joint: int, rows: np.ndarray, owners: np.ndarray) -> None:
        """Give the rows of a joint to their owners, -1 being somebody new."""
        new = np.flatnonzero(owners < 0)
        if len(new):
            tags = rows[new, 3].tolist()
            owners[new] = [self.number.setdefault(t, len(self.number)) for t in tags]
        self.people[owners, joint] = rows
        if len(set(owners.tolist())) == len(owners):
            self._sum(rows, owners, new)
        else:  # equal tags: one after the other
            for i in range(len(owners)):
                one = slice(i, i + 1)
                self._sum(rows[one], owners[one], np.flatnonzero(new == i) * 0)

    def _sum(self, rows: np.ndarray, owners: np.ndarray, new: np.ndarray) -> None:
        """Add tags to those of their owners; the `new` rows' forget what was there."""
        if len(new):
            self.sums[owners[new]] = 0
        self.sums[owners, :-1] += rows[:, 3:]
        self.sums[owners, -1] += 1


def _owners(rows: np.ndarray, means: np.ndarray, rules: TagGrouping) -> np.ndarray:
    """For each of the rows the number of a person, or -1 for somebody new."""
    owners = np.full(len(rows), -1)
    if not len(means):
        return owners
    apart = tag_distance(rows[:, None, 3:], means, rules.mean_square)  # [N, P]
    cost = np.round(apart) * 100.0 - rows[:, 2:3] if rules.use_scores else apart
    i, j = linear_sum_assignment(cost)
    owners[i] = np.where(apart[i, j] < rules.tag_threshold, j, -1)
    return owners


def tag_distance(a: np.ndarray, b: np.ndarray, mean_square: bool) -> np.ndarray:
    """How far tags [..., T] are apart: the L2 norm, or the root of the mean square."""
    if a.shape[-1] == 1:
        return np.abs(a[..., 0] - b[..., 0])
    square = (a - b) ** 2
    return np.sqrt(square.mean(-1) if mean_square else square.sum(-1))


# --- closer than a cell, and the joints that are missing -----------------------------


def quarter_steps(
    heatmaps: np.ndarray, joint: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """From a cell's corner: 1/2, and 1/4 towards the larger neighbour; [N, 2].

    Of two equal neighbours the left or upper one wins; beyond the border lies the
    border's value. With 1/2 added a pixel is s (u + 1/2).
    """
    _, h, w = heatmaps.shape
    right, left = np.minimum(x + 1, w - 1), np.maximum(x - 1, 0)
    below, above = np.minimum(y + 1, h - 1), np.maximum(y - 1, 0)
    further = np.empty((len(x), 2), bool)
    further[:, 0] = heatmaps[joint, y, right] > heatmaps[joint, y, left]
    further[:, 1] = heatmaps[joint, below, x] > heatmaps[joint, above, x]
    return further * heatmaps.dtype.type(0.5) + heatmaps.dtype.type(0.25)


def adjust(people: np.ndarray, heatmaps: Tensor) -> np.ndarray:
    """The joints that were found (score > 0) moved by `quarter_steps`."""
    people = people.copy()
    who, joint = np.nonzero(people[..., 2] > 0)
    x, y = people[who, joint, :2].astype(np.int64).T
    people[who, joint, :2] += quarter_steps(heatmaps.numpy(), joint, x, y)
    return people


def fill_missing(people: np.ndarray, heatmaps: Tensor, tags: Tensor) -> np.ndarray:
    """Joints without a score, where heatmap minus rounded tag distance is highest.

    The tag is the mean of the person's own, read at the joints that were found. Where
    the heatmap is not positive there, the joint stays missing. `quarter_steps` are
    taken in any case. Work: cells x missing joints, at most `max_people` x J of them.
    """
    people = people.copy()
    mean = _mean_tags(people, tags)  # [P, T]
    gone = (people[..., 2] == 0) & np.isfinite(mean[:, :1])
    who, joint = np.nonzero(gone)
    few = max(1, 2**18 // tags[0].numel())  # bounds the memory
    for start in range(0, len(who), few):
        p, j = who[start : start + few], joint[start : start + few]
        found = _best_cells(heatmaps, tags, j, mean[p])
        seen = found[:, 2] > 0
        people[p[seen], j[seen], :3] = found[seen]
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


def _best_cells(heatmaps: Tensor, tags: Tensor, joint: np.ndarray, mean: np.ndarray):
    """x, y and value of the best cell of joints [N] for tags [N, T]; [N, 3]."""
    which, width = torch.from_numpy(joint), heatmaps.shape[2]
    apart = tags[which].sub_(torch.from_numpy(mean)[:, None, None])  # [N, h, w, T]
    if tags.shape[-1] == 1:
        apart = apart[..., 0].abs_()
    else:
        apart = torch.linalg.vector_norm(apart, dim=-1)
    value = apart.round_().neg_().add_(heatmaps[which])
    y, x = np.divmod(value.flatten(1).argmax(1).numpy(), width)
    found = np.empty((len(joint), 3), np.float32)
    heat = heatmaps.numpy()
    found[:, :2] = np.stack([x, y], 1) + quarter_steps(heat, joint, x, y)
    found[:, 2] = heat[joint, y, x]
    return found


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
