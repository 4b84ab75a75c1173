"""Seconds of alternatives that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch


def interleaved(
    jobs: dict[str, Callable[[], object]], repeats: int
) -> dict[str, float]:
    """Median seconds of each job; every repetition runs all of them in turn."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
    # The first repetition warms up.
    return {name: statistics.median(values[1:]) for name, values in times.items()}
