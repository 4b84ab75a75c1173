"""Exercises of notebook 13 over many frames: identities, and joints that are hidden."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.track import chapter

# --- 3. identities -------------------------------------------------------------------


def _identity_cases() -> list[Case]:
    def clip(
        seed: int, frames: int, people: int, share: float
    ) -> tuple[Tensor, Tensor]:
        costs = (100 * uniform(seed, frames - 1, people, people)).round() / 100
        return costs, uniform(seed + 1, frames, people) < share

    crossed = torch.tensor([[[0.1, 0.2], [0.3, 0.9]]])
    costly = torch.tensor([[[0.5, 0.9], [0.9, 0.75]]])
    back = torch.tensor([[[0.1, 0.9], [0.9, 0.1]]] * 3)
    there = torch.tensor([[True, True], [False, True], [True, False], [True, True]])
    everybody = torch.ones(2, 2, dtype=torch.bool)
    empty = torch.tensor([[True, True], [False, False], [True, False]])
    return [
        Case("four people, five frames", *clip(80, 5, 4, 0.75), 0.5),
        Case("greedy and Hungarian differ", crossed, everybody, 1.0),
        Case("one pair costs exactly as much as allowed", costly, everybody, 0.5),
        Case("people leave and come back", back, there, 0.5),
        Case("nobody in the middle", back[:2], empty, 0.5),
        Case("one frame", torch.zeros(0, 2, 2), everybody[:1], 0.5),
    ]


def _follow(costs, there, gate, pairs_of, fresh=None) -> Tensor:
    """Identities [F, P]; `pairs_of(cost, before, now)` gives pairs of rows."""
    ids = torch.full(there.shape, -1)
    count = 0
    for t, row in enumerate(there):
        before = torch.zeros_like(row) if t == 0 else there[t - 1]
        if t:
            for a, b in pairs_of(costs[t - 1], before, row):
                if costs[t - 1, a, b] <= gate:
                    ids[t, b] = ids[t - 1, a]
        for p in (row & (ids[t] < 0)).nonzero()[:, 0].tolist():
            ids[t, p] = count if fresh is None else fresh(ids[t])
            count += 1
    return ids


def _greedy(cost: Tensor, before: Tensor, now: Tensor) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for flat in cost.flatten().argsort(stable=True).tolist():
        a, b = divmod(flat, cost.shape[1])
        free = all(a != x and b != y for x, y in found)
        if before[a] and now[b] and free:
            found.append((a, b))
    return found


def _identities(costs: Tensor, there: Tensor, gate: float) -> Tensor:
    return _follow(costs, there, gate, _greedy)


identities = chapter.exercise(
    "identities",
    cases=_identity_cases,
    solution=_identities,
    returns=("identities",),
    whole=True,
    praise="Cheapest pair first, nobody twice, nothing dearer than the gate.",
)


@identities.wrong(
    "This is the assignment of least total cost (Hungarian). Greedy takes the cheapest "
    "pair first, even if the rest becomes expensive."
)
def hungarian(costs, there, gate):
    def pairs(cost, before, now):
        a, b = before.nonzero()[:, 0], now.nonzero()[:, 0]
        rows, columns = linear_sum_assignment(cost[a][:, b].double().numpy())
        return [(int(a[i]), int(b[j])) for i, j in zip(rows, columns, strict=True)]

    return _follow(costs, there, gate, pairs)


@identities.wrong(
    "The gate is missing: a pair that costs more than `gate` stays apart, and whoever "
    "is left over begins a new identity."
)
def no_gate(costs, there, gate):
    return _follow(costs, there, float("inf"), _greedy)


@identities.wrong(
    "A pair that costs exactly `gate` may still be linked: refuse what costs *more*."
)
def gate_too_strict(costs, there, gate):
    return _follow(torch.where(costs == gate, torch.inf, costs), there, gate, _greedy)


@identities.wrong(
    "Everybody takes the cheapest person of the frame before, so two people can get "
    "one identity. Once a person is given away, the row is closed."
)
def nearest_each(costs, there, gate):
    def pairs(cost, before, now):
        if not before.any():
            return []
        open_rows = torch.where(before[:, None], cost, torch.inf)
        return [
            (int(open_rows[:, b].argmin()), b) for b in now.nonzero()[:, 0].tolist()
        ]

    return _follow(costs, there, gate, pairs)


@identities.wrong(
    "You go through the people of this frame in their order and give each the cheapest "
    "person who is left. The order of rows means nothing: look for the cheapest pair "
    "of all."
)
def row_by_row(costs, there, gate):
    def pairs(cost, before, now):
        found: list[tuple[int, int]] = []
        for b in now.nonzero()[:, 0].tolist():
            taken = [a for a, _ in found]
            rows = [a for a in before.nonzero()[:, 0].tolist() if a not in taken]
            if rows:
                found.append((min(rows, key=lambda a: float(cost[a, b])), b))
        return found

    return _follow(costs, there, gate, pairs)


@identities.wrong(
    "You use a number again that somebody had before. A new identity gets a number "
    "that was never given: count them over the whole clip."
)
def numbers_again(costs, there, gate):
    return _follow(costs, there, gate, _greedy, fresh=lambda row: int(row.max()) + 1)


@identities.wrong(
    "Rows and columns are exchanged: costs[t][a, b] is between person a of frame t and "
    "person b of frame t + 1."
)
def transposed(costs, there, gate):
    return _follow(costs.transpose(1, 2), there, gate, _greedy)


@identities.wrong(
    "People who are not there are linked as well. Where `there` is False the row holds "
    "nobody, whatever its costs are."
)
def nobody_is_linked(costs, there, gate):
    def pairs(cost, before, now):
        every = torch.ones_like(now)
        return [(a, b) for a, b in _greedy(cost, every, every) if now[b]]

    return _follow(costs, there, gate, pairs)


# --- 4. joints that are hidden for a while -------------------------------------------


def _fill_cases() -> list[Case]:
    def walk(
        seed: int, frames: int, joints: int, share: float
    ) -> tuple[Tensor, Tensor]:
        return (
            uniform(seed, frames, joints, 2, high=50.0),
            uniform(seed + 1, frames, joints) < share,
        )

    line = torch.arange(6.0)[:, None, None] * torch.tensor([10.0, 2.0])
    gap = torch.tensor([True, False, False, False, True, True])[:, None]
    ends = torch.tensor([False, True, False, True, False, False])[:, None]
    points, seen = walk(90, 7, 4, 0.6)
    seen[0], seen[-1], seen[:, 3] = True, True, False
    return [
        Case("four joints, the last one never seen", points, seen),
        Case("a gap of three frames", line + 5 * (~gap)[..., None], gap),
        Case("hidden at the beginning and at the end", line, ends),
        Case("one frame", *walk(94, 1, 3, 0.5)),
        Case("all are seen", points, torch.ones_like(seen)),
    ]


def _filled(points: Tensor, seen: Tensor, between, ends: str = "hold") -> Tensor:
    """`between(p, q, share)` makes a point of the two seen ones around it."""
    out = points.clone()
    for j in range(points.shape[1]):
        known = seen[:, j].nonzero()[:, 0].tolist()
        for t in range(len(points)) if known else ():
            if seen[t, j]:
                continue
            before = [k for k in known if k < t]
            after = [k for k in known if k > t]
            if before and after:
                a, b = before[-1], after[0]
                share = (t - a) / (b - a)
                out[t, j] = between(points[a, j], points[b, j], share)
            elif ends == "hold":
                out[t, j] = points[(before[-1:] or after)[0], j]
            elif ends == "zero":
                out[t, j] = 0.0
    return out


def _line(p: Tensor, q: Tensor, share: float) -> Tensor:
    return p + share * (q - p)


def _fill(points: Tensor, seen: Tensor) -> Tensor:
    return _filled(points, seen, _line)


fill = chapter.exercise(
    "fill",
    cases=_fill_cases,
    solution=_fill,
    returns=("points",),
    praise="Straight lines between what was seen, and no guesses beyond the ends.",
)


@fill.wrong(
    "You keep the last place that was seen. The joint moves on: after the gap it is "
    "somewhere else, and the way there is known."
)
def hold(points, seen):
    return _filled(points, seen, lambda p, q, share: p)


@fill.wrong(
    "You take the mean of the two ends for the whole gap. Near its beginning the joint "
    "is near the first end: weight them by the number of frames to each."
)
def middle(points, seen):
    return _filled(points, seen, lambda p, q, share: (p + q) / 2)


@fill.wrong(
    "The weights are exchanged: just after it was seen, the joint jumps to the other "
    "end of the gap and walks back."
)
def backwards(points, seen):
    return _filled(points, seen, lambda p, q, share: _line(q, p, share))


@fill.wrong(
    "You take the nearer end, so the joint stands still and then jumps. Draw a "
    "straight line between both."
)
def nearest(points, seen):
    return _filled(points, seen, lambda p, q, share: p if share <= 0.5 else q)


@fill.wrong(
    "Before the first and after the last frame in which a joint was seen you leave "
    "what was given. Hold the nearest place that was seen."
)
def ends_as_given(points, seen):
    return _filled(points, seen, _line, ends="keep")


@fill.wrong(
    "Beyond the first and the last frame in which it was seen, a joint goes to (0, 0): "
    "a corner of the picture. Hold the nearest place that was seen."
)
def ends_at_zero(points, seen):
    return _filled(points, seen, _line, ends="zero")


@fill.wrong(
    "If one joint is hidden, you throw the whole pose of that frame away. The other "
    "joints were seen: fill each joint by itself."
)
def whole_poses(points, seen):
    every = seen.all(1, keepdim=True).expand_as(seen)
    return _filled(points, every, _line)


@fill.wrong(
    "The joints that *were* seen change, too. Fill in only where `seen` is False."
)
def smoothed(points, seen):
    full = _fill(points, seen)
    wide = torch.cat([full[:1], full, full[-1:]])
    return (wide[:-2] + wide[1:-1] + wide[2:]) / 3
