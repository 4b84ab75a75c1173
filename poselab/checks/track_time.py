"""Exercise of notebook 13: identities over a whole clip."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import uniform
from poselab.checks.track import chapter


def _identity_cases() -> list[Case]:
    def clip(
        seed: int, frames: int, people: int, share: float
    ) -> tuple[Tensor, Tensor]:
        costs = (100 * uniform(seed, frames - 1, people, people)).round() / 100
        return costs, uniform(seed + 1, frames, people) < share

    crossed = torch.tensor([[[0.1, 0.2], [0.3, 0.9]]])
    later = torch.tensor([[[0.3, 0.4], [0.1, 0.9]]])
    costly = torch.tensor([[[0.5, 0.9], [0.9, 0.75]]])
    back = torch.tensor([[[0.1, 0.9], [0.9, 0.1]]] * 3)
    there = torch.tensor([[True, True], [False, True], [True, False], [True, True]])
    everybody = torch.ones(2, 2, dtype=torch.bool)
    empty = torch.tensor([[True, True], [False, False], [True, False]])
    return [
        Case("four people, five frames", *clip(80, 5, 4, 0.75), 0.5),
        Case("greedy and Hungarian differ", crossed, everybody, 1.0),
        Case("a later row is cheaper", later, everybody, 1.0),
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


@identities.wrong(
    "Row by row, in the order of the rows: a row may take what a later row has more "
    "claim to. The cheapest pair of the *whole* table comes first."
)
def rows_in_order(costs, there, gate):
    def pairs(cost, before, now):
        cost = cost.masked_fill(~now, torch.inf).clone()
        found = []
        for a in before.nonzero()[:, 0].tolist():
            b = int(cost[a].argmin())
            if cost[a, b] <= gate:
                found.append((a, b))
                cost[:, b] = torch.inf
        return found

    return _follow(costs, there, gate, pairs)


@identities.wrong(
    "Rows that hold nobody take part: they are linked, or take somebody away. Look at "
    "`there` of both frames before you compare costs."
)
def empty_rows_linked(costs, there, gate):
    return torch.where(there, _follow(costs, there, gate, _all_rows), -1)


def _all_rows(cost: Tensor, before: Tensor, now: Tensor) -> list[tuple[int, int]]:
    return _greedy(cost, torch.ones_like(before), torch.ones_like(now))
