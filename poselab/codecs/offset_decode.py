"""From heatmaps and offsets to people: votes, then greedily along the tree of joints.

Papandreou et al. 2018 (1803.08225), sections 3.1 (Hough voting), 3.2 (grouping) and
3.3 (masks). The surest joint of all begins a person; from it the mid-range offsets lead
to its neighbours in the tree, and so on to all joints. A joint close to the same joint
of somebody better begins nobody. Vectors are (y, x), as in the released networks.

`POSENET` gives the numbers of a released decoder, which has no refinement and no votes;
`PAPER` has both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# The tree over COCO's 17 joints, (parent, child), as in the released networks.
TREE = (
    *((0, 1), (1, 3), (0, 2), (2, 4), (0, 5), (5, 7), (7, 9), (5, 11), (11, 13)),
    *((13, 15), (0, 6), (6, 8), (8, 10), (6, 12), (12, 14), (14, 16)),
)


@dataclass(frozen=True)
class Decoding:
    """The constants of the decoder.

    stride: pixels per cell; origin: the pixel of cell 0. score: a joint that begins a
    person has at least this. nms_radius: in pixels. max_people, min_score: of the
    answer; max_seeds: so many joints of each kind may begin somebody. votes: look for
    beginnings in the Hough votes, which `radius` px around a joint give. refine: how
    often a place is moved by the short offsets found there (the paper: twice). centred:
    offsets are from the centre of the cell they stand in; the released decoder adds
    them to the joint itself.
    """

    stride: int = 16
    origin: float = 0.0
    score: float = 0.5
    nms_radius: float = 20.0
    max_people: int = 10
    min_score: float = 0.25
    max_seeds: int = 100
    votes: bool = False
    radius: float = 32.0
    refine: int = 1
    centred: bool = False
    tree: tuple[tuple[int, int], ...] = TREE

    def cells(
        self, places: np.ndarray, size: tuple[int, int]
    ) -> tuple[np.ndarray, ...]:
        """Pixels [..., 2] (y, x) -> the nearest cells in maps of `size`: rows, columns.

        What lies half-way goes to the even cell.
        """
        cells = np.rint((places - self.origin) / self.stride)
        last = np.array(size) - 1
        cells = np.clip(cells, 0, last).astype(np.int64)
        return cells[..., 0], cells[..., 1]

    def pixels(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The centres of cells, [..., 2] (y, x) px."""
        return np.stack([rows, columns], -1) * float(self.stride) + self.origin


POSENET = Decoding()
PAPER = replace(POSENET, votes=True, refine=2, centred=True, nms_radius=10.0)


@dataclass
class Answer:
    """The network's answer for one image, as numpy float64.

    heatmaps [J, h, w] in [0, 1]; short [J, 2, h, w], forward and backward [E, 2, h, w]
    in pixels, (y, x).
    """

    heatmaps: np.ndarray
    short: np.ndarray
    forward: np.ndarray
    backward: np.ndarray

    @classmethod
    def of(cls, heatmaps: Tensor, *fields: Tensor) -> Answer:
        """From maps [J, h, w] and fields [2 N, h, w], all y before all x."""
        pairs = [f.double().unflatten(0, (2, -1)).transpose(0, 1) for f in fields]
        return cls(*(v.cpu().numpy() for v in (heatmaps.double(), *pairs)))


# --- where people begin --------------------------------------------------------------


def hough_votes(heatmaps: np.ndarray, short: np.ndarray, rules: Decoding) -> np.ndarray:
    """Every cell votes for the place that its short offset points to: [J, h, w].

    A vote weighs as much as the heatmap there and is shared by the four cells around
    the place (equation 1); all votes of a clean disc together make 1.
    """
    joints, h, w = heatmaps.shape
    rows, columns = np.indices((h, w))
    places = rules.pixels(rows, columns) + short.transpose(0, 2, 3, 1)
    places = (places - rules.origin) / rules.stride  # [J, h, w, 2] in cells
    low = np.floor(places)
    share = places - low
    low = np.clip(low, -2, [h, w]).astype(np.int64)  # far outside is outside
    votes = np.zeros(joints * (h + 4) * (w + 4))
    base = np.arange(joints)[:, None, None] * (h + 4)
    for dy in (0, 1):
        for dx in (0, 1):
            part = np.abs(1 - dy - share[..., 0]) * np.abs(1 - dx - share[..., 1])
            index = (base + low[..., 0] + dy + 2) * (w + 4) + low[..., 1] + dx + 2
            weight = (heatmaps * part).ravel()
            votes += np.bincount(index.ravel(), weight, len(votes))
    votes = votes.reshape(joints, h + 4, w + 4)[:, 2:-2, 2:-2]
    return votes / (np.pi * (rules.radius / rules.stride) ** 2)


def local_maxima(maps: np.ndarray, score: float, most: int) -> tuple[np.ndarray, ...]:
    """Cells of at least `score` that no neighbour exceeds: joint, row, column.

    Highest first; at most `most` of each joint.
    """
    low = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    flat, row = low.ravel(), low.shape[2]
    cells = np.flatnonzero(flat >= max(score, np.finfo(float).tiny))
    for step in (-1, 1, -row, row, -row - 1, -row + 1, row - 1, row + 1):
        cells = cells[flat[cells] >= flat[cells + step]]
    joint, rest = np.divmod(cells, low[0].size)
    order = np.lexsort((-flat[cells], joint))
    rank = np.arange(len(order)) - np.searchsorted(joint[order], joint[order])
    cells = np.sort(cells[order[rank < most]])
    cells = cells[np.argsort(-flat[cells], kind="stable")]
    joint, rest = np.divmod(cells, low[0].size)
    return joint, rest // row - 1, rest % row - 1


def _seeds(answer: Answer, rules: Decoding) -> tuple[np.ndarray, ...]:
    """Joints that may begin somebody: joint [N], score [N], place [N, 2] px."""
    maps = answer.heatmaps
    maps = hough_votes(maps, answer.short, rules) if rules.votes else maps
    joint, y, x = local_maxima(maps, rules.score, rules.max_seeds)
    places = rules.pixels(y, x)
    if rules.votes:  # the mean of the votes around, which is finer than a cell
        return (
            joint,
            maps[joint, y, x],
            places + rules.stride * centroid(maps, joint, y, x),
        )
    return joint, maps[joint, y, x], places + answer.short[joint, :, y, x]


def centroid(maps: np.ndarray, joint, y, x) -> np.ndarray:
    """From cells to the centre of mass of the 3 x 3 cells around them; (y, x)."""
    wide = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    mass = np.stack([wide[joint, y + 1 + dy, x + 1 + dx] for dy, dx in steps], 1)
    return mass @ np.array(steps, float) / mass.sum(1, keepdims=True)


# --- from one joint to all -----------------------------------------------------------


def follow_tree(
    answer: Answer,
    joint: np.ndarray,
    score: np.ndarray,
    place: np.ndarray,
    rules: Decoding,
) -> tuple[np.ndarray, np.ndarray]:
    """From N first joints to whole people: places [N, J, 2] px and scores [N, J].

    First towards the root of the tree, then away from it.
    """
    count = (len(joint), len(answer.heatmaps))
    places, scores = np.zeros((*count, 2)), np.zeros(count)
    who = np.arange(len(joint))
    places[who, joint], scores[who, joint] = place, score
    steps = [(e, b, a, answer.backward) for e, (a, b) in enumerate(rules.tree)][::-1]
    steps += [(e, a, b, answer.forward) for e, (a, b) in enumerate(rules.tree)]
    for edge, source, target, field in steps:
        todo = np.flatnonzero((scores[:, source] > 0) & (scores[:, target] == 0))
        if len(todo):
            found = _step(answer, field[edge], places[todo, source], target, rules)
            places[todo, target], scores[todo, target] = found
    return places, scores


def _step(answer: Answer, field, place: np.ndarray, target: int, rules: Decoding):
    """Along one edge from places [N, 2] to the target joint: places and scores."""
    size = answer.heatmaps.shape[1:]
    y, x = rules.cells(place, size)
    start = rules.pixels(y, x) if rules.centred else place
    place = start + field[:, y, x].T
    y, x = rules.cells(place, size)
    for _ in range(rules.refine):
        place = rules.pixels(y, x) + answer.short[target][:, y, x].T
        score = answer.heatmaps[target, y, x]
        y, x = rules.cells(place, size)
    return place, score if rules.refine else answer.heatmaps[target, y, x]


def decode_people(answer: Answer, rules: Decoding = POSENET):
    """People, best first joint first: places [P, J, 2] (y, x) px, scores [P, J], [P].

    A person's score is the sum over the joints that are not within `nms_radius` of the
    same joint of somebody before, divided by J.
    """
    joint, score, place = _seeds(answer, rules)
    places, scores = follow_tree(answer, joint, score, place, rules)
    kept: list[int] = []
    totals: list[float] = []
    limit = rules.nms_radius**2
    for i in range(len(joint)):
        if len(kept) == rules.max_people:
            break
        apart = ((places[kept] - places[i]) ** 2).sum(-1) > limit  # [kept, J]
        if not apart[:, joint[i]].all():
            continue
        total = scores[i][apart.all(0)].sum() / scores.shape[1]
        if not rules.min_score or total >= rules.min_score:
            kept.append(i)
            totals.append(total)
    return places[kept], scores[kept], np.array(totals)


# --- whose is a pixel ----------------------------------------------------------------


def person_masks(
    far: Tensor,
    people: Tensor,
    places: np.ndarray,
    scores: np.ndarray,
    stride: int,
    size: tuple[int, int],
    threshold: float = 0.25,
) -> Tensor:
    """masks [P, H, W] bool: every pixel of people goes to the person it points to.

    far [2 J, h, w] px (all y before all x), people [h, w] in [0, 1], places [P, J, 2]
    (y, x) px, scores [P, J]. A pixel of which `people` is at least 1/2 belongs to the
    person whose joints are closest to where its long-range offsets lead, on average,
    weighted by the scores, relative to the square root of the person's area; to nobody
    if that is above `threshold` (section 3.3).
    """
    count = len(places)
    if not count:
        return torch.zeros(0, *size, dtype=torch.bool)
    both = torch.cat([far.float(), people[None].float()])[None]
    grown = [n * stride for n in far.shape[1:]]
    both = F.interpolate(both, grown, mode="bilinear", align_corners=False)[0]
    both = both[:, : size[0], : size[1]]
    y, x = (torch.arange(n, dtype=torch.float32) for n in size)
    spots = both[:-1].unflatten(0, (2, -1))  # [2, J, H, W]
    spots = spots + torch.stack(torch.meshgrid(y, x, indexing="ij"))[:, None]
    inside = both[-1] >= 0.5
    spots = spots[:, :, inside]  # [2, J, N]
    distance = torch.stack(
        [_distance(spots, *person) for person in zip(places, scores, strict=True)]
    )
    nearest, owner = distance.min(0)
    masks = torch.zeros(count, *size, dtype=torch.bool)
    mine = (owner == torch.arange(count)[:, None]) & (nearest <= threshold)  # [P, N]
    masks[:, inside] = mine
    return masks


def _distance(spots: Tensor, places: np.ndarray, scores: np.ndarray) -> Tensor:
    """How far embeddings [2, J, N] are from one person: [N], 1 is the person's size."""
    found = scores > 0
    extent = np.ptp(places[found], axis=0) if found.any() else np.zeros(2)
    size = max(float(np.sqrt(extent.prod())), 1.0)
    target = torch.from_numpy(places.T).float()[..., None]  # [2, J, 1]
    weight = torch.from_numpy(scores / max(scores.sum(), 1e-9)).float()
    return weight @ (spots - target).square().sum(0).sqrt() / size
