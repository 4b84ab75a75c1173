"""Who found whom: COCO's greedy matching, over all images at once.

pycocotools walks through images, area ranges, thresholds, detections and people, one
after the other. Images, ranges and thresholds do not depend on each other, so here they
are dimensions of arrays, and one loop is left: over the rank of a detection within its
image, because the best one chooses first.

The rule for one detection, which takes at most one person of its image: of the people
with OKS >= t who are not taken yet (a crowd can be taken again and again), the most
similar one who counts; if there is none, the most similar one who is to be ignored; of
equally similar ones the later in the file. The best person is taken, or none: a
detection whose favourite is gone takes the next best.

A *cell* is an image and a category, C of them; D detections and G people at most in
each; T thresholds; A area ranges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poselab.metrics.ap.inputs import Answers, Columns, People

MAX_DETECTIONS = 20
AREAS = {"all": (0.0, 1e10), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
BLOCK = 2**18  # people x thresholds x areas of the cells that are matched at once
CHUNK = 2**17  # squared distances that are computed at once: they stay in the cache


@dataclass
class Matches:
    """What became of each detection that counts.

    `order` [N] are the rows of the detections that were kept, by category, image and
    score; `rank` [N] their places within the cell. `taken` [A, T, N] is the row of the
    person a detection took, -1 for none; `ignored` [A, T, N] whether it counts neither
    as right nor as wrong. `counted` [A, M] says which people are to be found.
    """

    order: np.ndarray
    rank: np.ndarray
    taken: np.ndarray
    ignored: np.ndarray
    counted: np.ndarray


def match(
    people: People, answers: Answers, images: int, sigmas: np.ndarray, thresholds
) -> Matches:
    """Match the detections of each cell to its people, the best one first."""
    order, rank = _kept(answers, images)
    points = np.ascontiguousarray(answers.points.transpose(2, 0, 1))  # [2, N, J]
    counted = _counted(people)  # [A, M]
    shape = (len(AREAS), len(thresholds), len(order))
    taken = np.full(shape, -1, dtype=np.int32)
    ignored = np.zeros(shape, dtype=bool)
    found_in = _cell(answers, images)[order]  # rising
    cells, firsts, sizes = np.unique(found_in, return_index=True, return_counts=True)
    truth = _Groups(_cell(people, images), cells)
    for block in truth.blocks(len(thresholds) * len(AREAS)):
        rows = truth.table(block)  # [C, G] rows of people, -1 where there are less
        slots = np.arange(sizes[block].max())
        there = slots < sizes[block, None]  # [C, D]
        place = firsts[block, None] + np.where(there, slots, 0)
        alike = similarities(people, rows, points, order[place], sigmas)
        who, spared = _choose(alike, rows, people, counted, thresholds)
        taken[..., place[there]] = who[..., there]
        ignored[..., place[there]] = spared[..., there]
    ignored |= (taken < 0) & _out_of_range(answers.areas[order])[:, None]
    return Matches(order, rank, taken, ignored, counted)


def _cell(columns: Columns, images: int) -> np.ndarray:
    return np.where(columns.category < 0, -1, columns.category * images + columns.image)


def _kept(answers: Answers, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Detections by cell and falling score, at most 20 in each cell, and their rank."""
    cell = _cell(answers, images)
    order = np.lexsort((-answers.scores, cell))  # equal scores: as in the file
    cell = cell[order]
    rank = np.arange(len(cell)) - np.searchsorted(cell, cell)
    keep = (rank < MAX_DETECTIONS) & (cell >= 0)
    return order[keep], rank[keep]


def _out_of_range(areas: np.ndarray) -> np.ndarray:
    """[A, ...] whether an area is outside each range, whose ends both belong to it."""
    limits = np.array(list(AREAS.values())).T[..., None]  # [2, A, 1]
    return (areas < limits[0]) | (areas > limits[1])


def _counted(people: People) -> np.ndarray:
    known = (people.category >= 0) & ~people.ignore
    return known & ~_out_of_range(people.areas)


class _Groups:
    """The people of each cell that has detections, as rows of a padded table."""

    def __init__(self, cell: np.ndarray, cells: np.ndarray) -> None:
        self.order = np.argsort(cell, kind="stable")
        self.first = np.searchsorted(cell[self.order], cells)
        self.sizes = np.searchsorted(cell[self.order], cells, side="right") - self.first

    def blocks(self, width: int) -> list[np.ndarray]:
        """Cells of about as many people, so that little is padded."""
        cells = np.argsort(self.sizes, kind="stable")
        cells = cells[self.sizes[cells] > 0]
        blocks = []
        while len(cells):
            # The last one has most people; the first of its size decides how many fit.
            most = max(1, BLOCK // (width * self.sizes[cells[-1]]))
            near = self.sizes[cells] > self.sizes[cells[-1]] // 2
            size = min(most, int(near.sum()))
            blocks.append(cells[-size:])
            cells = cells[:-size]
        return blocks

    def table(self, cells: np.ndarray) -> np.ndarray:
        slots = np.arange(self.sizes[cells].max())
        place = self.first[cells, None] + slots
        last = len(self.order) - 1
        rows = self.order[np.minimum(place, last)]
        return np.where(slots < self.sizes[cells, None], rows, -1)


def similarities(
    people: People,
    rows: np.ndarray,
    points: np.ndarray,
    found: np.ndarray,
    sigmas: np.ndarray,
) -> np.ndarray:
    """OKS of detections `found` [C, D] with people `rows` [C, G]; [C, D, G].

    Detections have their joints at `points` [2, N, J]; -1 where a row is -1. People
    with equally many labelled joints are done together: then no joint is multiplied by
    0, and the sums are pycocotools' to the last bit, on which it depends who wins of
    two equally near people.
    """
    alike = np.full((*found.shape, rows.shape[1]), -1.0)
    cell, slot = np.nonzero(rows >= 0)
    labelled = people.flags[rows[cell, slot]].sum(1)
    truth = np.ascontiguousarray(people.points.transpose(2, 0, 1))  # [2, M, J]
    step = max(1, CHUNK // (found.shape[1] * points.shape[2]))
    for count in np.unique(labelled):
        group = np.nonzero(labelled == count)[0]
        for part in (group[i : i + step] for i in range(0, len(group), step)):
            who, which = rows[cell[part], slot[part]], found[cell[part]]
            if count:
                score = _oks(people, truth, who, points, which, sigmas)
            else:
                score = _oks_of_box(people, who, points, which, sigmas)
            alike[cell[part], :, slot[part]] = score
    return alike


def _oks(people: People, truth, who, points, found, sigmas) -> np.ndarray:
    """OKS of detections `found` [K, D] with people `who` [K], all as much labelled."""
    joints = np.nonzero(people.flags[who])[1].reshape(len(who), 1, -1)  # [K, 1, n]
    # A flat index is several times as fast as take_along_axis.
    index = found[..., None] * points.shape[2] + joints  # [K, D, n]
    goal = who[:, None, None] * points.shape[2] + joints
    squared = 0.0
    for there, here in zip(points, truth, strict=True):  # x, y
        gap = there.take(index)
        gap -= here.take(goal)
        gap *= gap
        squared += gap
    return _mean_similarity(squared, sigmas[joints], people.areas[who])


def _oks_of_box(people: People, who, points, found, sigmas) -> np.ndarray:
    """The same where nobody is labelled: by distance to the doubled box."""
    squared = 0.0
    for axis, there in enumerate(points):
        low, size = people.boxes[who][:, [axis, axis + 2], None, None].swapaxes(0, 1)
        places = there[found]  # [K, D, J]
        gap = np.maximum(0, low - size - places)
        gap += np.maximum(0, places - (low + size * 2))
        gap *= gap
        squared += gap
    return _mean_similarity(squared, sigmas, people.areas[who])


def _mean_similarity(squared, sigmas, areas) -> np.ndarray:
    """[K, D] of squared distances [K, D, n]; divided in pycocotools' order."""
    squared /= (sigmas * 2) ** 2
    squared /= areas[:, None, None] + np.spacing(1)
    squared /= -2
    return np.exp(squared, out=squared).sum(-1) / squared.shape[-1]


def _choose(alike, rows, people: People, counted, thresholds):
    """Rows of the people taken [A, T, C, D] (-1: none), and who is spared for it.

    Whom a detection prefers is a number from 1: more similar people have larger ones,
    those who count larger ones than those who are ignored. 0 is nobody.
    """
    (cells, depth, width), areas = alike.shape, len(counted)
    places = np.argsort(alike, axis=-1, kind="stable")  # [C, D, G] least similar first
    wanted = _wanted(places, counted[:, rows])  # [D, G, A, 1, C]
    limits = np.minimum(thresholds, 1 - 1e-10)
    near = alike.transpose(1, 2, 0)[..., None, :] >= limits[:, None]  # [D, G, T, C]
    alone = ~(people.crowd[rows] & (rows >= 0)).T[:, None, None]  # [G, 1, 1, C]
    free = np.ones((width, areas, len(thresholds), cells), dtype=bool)
    best = np.empty((depth, areas, len(thresholds), cells), dtype=wanted.dtype)
    for rank in range(depth):
        offers = (near[rank, :, None] & free) * wanted[rank]  # [G, A, T, C]
        best[rank] = offers.max(0)
        won = (offers == best[rank]) & alone
        free &= ~(won & (offers > 0))
    best = best.transpose(1, 2, 3, 0)  # [A, T, C, D]
    names = np.take_along_axis(rows[:, None], places, -1)  # [C, D, G]
    names = np.concatenate([np.full((cells, depth, 1), -1), names, names], -1)
    cell, slot = np.arange(cells)[:, None], np.arange(depth)
    return names[cell, slot, best], (best > 0) & (best <= width)


def _wanted(places: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """The preferences [D, G, A, 1, C] in the smallest type that holds them."""
    width = places.shape[-1]
    small = np.uint8 if 2 * width < 256 else np.uint16
    preference = np.empty(places.shape, dtype=small)
    rising = np.arange(1, width + 1, dtype=small)
    np.put_along_axis(preference, places, rising[None, None], -1)
    bonus = (counted * small(width)).astype(small)  # [A, C, G]
    preference = preference.transpose(1, 2, 0)[:, :, None]  # [D, G, 1, C]
    return (preference + bonus.transpose(2, 0, 1))[:, :, :, None]
