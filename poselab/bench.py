"""Measurements that the course quotes: `python -m poselab.bench NAME`.

Each compares alternatives in one run, repetition by repetition in turn, and prints
medians: what else the machine does then weighs on all of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

BATCH, SIZE = 64, (128, 96)


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


def training_step(device: torch.device) -> Callable[[], object]:
    """One step of the tiny DeepPose: encode, forward, backward, Adam."""
    from poselab.codecs.regression import RegressionCodec
    from poselab.datasets import SyntheticPeople
    from poselab.models.deeppose import DeepPose

    sample = SyntheticPeople(size=SIZE, seed=1, device=device).batch(BATCH)
    torch_state = torch.random.get_rng_state()
    model, codec = DeepPose(17, SIZE).to(device), RegressionCodec(SIZE)
    torch.random.set_rng_state(torch_state)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        encoded = codec.encode(sample)
        loss = codec.loss(model(encoded["input"]), encoded)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def render(repeats: int) -> dict[str, float]:
    """Drawing a batch against training on it, and windows against full frames.

    "tight" and "full" draw the same scenes to the same pixels; "full" in slices of
    4 images, since it visits 200 times as many (primitive, pixel) pairs.
    """
    from poselab.datasets import SyntheticPeople
    from poselab.people.scene import draw, part

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    maker = SyntheticPeople(size=SIZE, device=device)
    scene = maker.scenes(BATCH, maker.generator())
    slices = [part(scene, range(i, i + 4)) for i in range(0, BATCH, 4)]
    times = interleaved(
        {
            "batch": lambda: maker.batch(BATCH),
            "step": training_step(device),
            "tight": lambda: draw(scene, SIZE),
            "full": lambda: [draw(s, SIZE, window="full") for s in slices[:4]],
        },
        repeats,
    )
    times["full"] *= len(slices) / 4
    ratios = {"render / step": times["batch"] / times["step"],
              "full / tight": times["full"] / times["tight"]}  # fmt: skip
    return times | ratios


BENCHES: dict[str, Callable[[int], dict[str, float]]] = {"render": render}


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="poselab.bench", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    print(f"{torch.get_num_threads()} threads, medians of {options.repeats}")
    for name, value in BENCHES[options.name](options.repeats).items():
        unit = "" if "/" in name else " s"
        print(f"{name:16s} {value:8.3f}{unit}")


if __name__ == "__main__":
    main()
