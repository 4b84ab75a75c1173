"""What happened in a training."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field


@dataclass
class History:
    """What happened: the loss and learning rate of each step, the seconds it took.

    `stopped` is "done", "time" (the budget ended first) or "data" (the samples did).
    `curve` has the scores on the way, where they were asked for: {"pictures": 8000,
    "PCK@0.1": 0.5, ...}.
    """

    loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = "done"
    curve: list[dict[str, float]] = field(default_factory=list)

    def smooth(self, window: int = 20) -> list[float]:
        """The loss averaged over the last `window` steps, for a readable curve."""
        total = [0.0, *itertools.accumulate(self.loss)]
        ends = range(1, len(total))
        starts = (max(0, end - window) for end in ends)
        return [
            (total[b] - total[a]) / (b - a) for a, b in zip(starts, ends, strict=True)
        ]
