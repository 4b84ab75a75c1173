"""How much faster several processes train than one: `python -m poselab.bench scale`.

Each team is a run of its own under torchrun, one thread a process; the teams take
turns, so that what else the machine does weighs on all of them alike. A team's speed
counts its steps after the first ten, without the start of its processes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import torch

from poselab import recipes
from poselab.datasets import SyntheticPeople
from poselab.datasets.sources import Source
from poselab.records import Sample
from poselab.system import distributed
from poselab.train import Schedule, fit

STEPS, WARM_UP, BATCH = 40, 10, 64


class Clock(Source):
    """The same drawn people again and again, and when each batch was asked for."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.times: list[float] = []

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """One batch, drawn once, without end."""
        batch = SyntheticPeople(size=self.size, seed=seed).batch(batch_size)
        while True:
            self.times.append(time.perf_counter())
            yield batch


def images_per_second() -> float:
    """The speed at which this process and its team train the tiny heat-map network."""
    recipe = recipes.find("heatmap_tiny")
    clock = Clock(recipe.size)
    schedule = Schedule(STEPS, BATCH)
    fit(recipe.network(0), recipe.reader(), clock, schedule, progress=False)
    times = clock.times
    own = times[-1] - times[WARM_UP]
    slowest = max(distributed.gather(own))
    return BATCH * (len(times) - 1 - WARM_UP) / slowest


def run_team(processes: int) -> float:
    """Images per second of a team of so many processes."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
        "-m",
        "poselab.bench.scale",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return float(done.stdout.split()[-1])


def scale(repeats: int) -> dict[str, float]:
    """One process against two, one thread each, both with 64 images a step."""
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for processes, found in speeds.items():
            found.append(run_team(processes))
    one, two = (statistics.median(found) for found in speeds.values())
    return {
        "1 process, images/s": one,
        "2 processes, images/s": two,
        "2 processes / 1 process": two / one,
    }


def main() -> None:
    """What torchrun starts; the leader prints the team's speed."""
    torch.set_num_threads(1)
    with distributed.joined("cpu"):
        speed = images_per_second()
        if distributed.team().leads:
            print(speed)


if __name__ == "__main__":
    main()
