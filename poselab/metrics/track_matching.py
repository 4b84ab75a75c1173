"""Which predicted identity is matched to which true one, frame after frame.

The four steps of `poselab.metrics.tracks`, for one kind of joint.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


class JointMatcher:
    """Which predicted identity each true one has, for one kind of joint."""

    def __init__(self) -> None:
        self.partner: dict[int, int] = {}  # of a true identity, the last one it had
        self.owner: dict[int, int] = {}  # of a predicted one, whom it was given last
        self.seen: set[int] = set()  # predicted identities that were ever matched
        self.now: set[int] = set()  # true identities matched in the frame before

    def step(self, far: np.ndarray, truth: np.ndarray, found: np.ndarray):
        """Pairs (p, q, is a switch) of one frame, and the evaluator's extra distance.

        far [P, Q] in heads, inf where a pair cannot match.
        """
        extra = float(far[np.isfinite(far)].sum())
        kept = self._keep(far, truth, found)
        free = far.copy()
        for p, q in kept:
            free[p, :], free[:, q] = np.inf, np.inf
        pairs = [(p, q, False) for p, q in kept]
        for p, q in assign(free):
            switch, times = self._meet(int(truth[p]), int(found[q]))
            pairs.append((p, q, switch))
            extra += times * float(far[p, q])
        self.now = {int(truth[p]) for p, _, _ in pairs}
        self.seen |= {int(found[q]) for _, q, _ in pairs}
        return pairs, extra

    def _keep(self, far, truth, found) -> list[tuple[int, int]]:
        """Pairs of the frame before that are still near enough."""
        index = {int(name): q for q, name in enumerate(found)}
        kept: dict[int, int] = {}  # q -> p
        for p, name in enumerate(map(int, truth)):
            q = index.get(self.partner[name]) if name in self.now else None
            if q is not None and q not in kept and np.isfinite(far[p, q]):
                kept[q] = p
        return [(p, q) for q, p in kept.items()]

    def _meet(self, truth: int, found: int) -> tuple[bool, int]:
        """Whether a new pair is a switch, and how often the evaluator adds it again."""
        switch = self.partner.get(truth, found) != found
        stolen = self.owner.get(found, truth) != truth
        times = int(switch and found not in self.seen)
        times += int(stolen) * (1 + int(truth not in self.partner))
        self.partner[truth], self.owner[found] = found, truth
        return switch, times


def assign(cost: np.ndarray) -> list[tuple[int, int]]:
    """The cheapest of the largest sets of pairs (row, column) with finite cost."""
    finite = np.isfinite(cost)
    if not finite.any():
        return []
    # One forbidden pair costs more than all allowed ones together.
    forbidden = 2 * min(cost.shape) * (np.abs(cost[finite]).max() + 1)
    rows, columns = linear_sum_assignment(np.where(finite, cost, forbidden))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [pair for pair in pairs if finite[pair]]
