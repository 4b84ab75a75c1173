"""`python -m poselab.bench people`: how many people are drawn in a second."""

from __future__ import annotations

import torch

from poselab.bench.timing import interleaved
from poselab.datasets import PersonCrops, SyntheticPeople, augment

BATCHES = {"cpu": 64, "cuda": 2048}


def people(repeats: int) -> dict[str, float]:
    """People a second in the largest batches that make sense: on a GPU if there is one.

    "framed" fill their picture, "crops" are cut out of crowds of 384x512 px, "varied"
    are pictures that `augment` changes.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    batch = BATCHES[device]
    makers = {
        "framed": SyntheticPeople(device=device, cast_there=True),
        "crops": PersonCrops(device=device, cast_there=True),
    }
    jobs = {n: lambda maker=maker: maker.batch(batch) for n, maker in makers.items()}
    sample, generator = makers["crops"].batch(batch), makers["crops"].generator()
    jobs["varied"] = lambda: augment(sample, generator, degrees=15.0, zoom=0.1)
    times = interleaved(jobs, repeats)
    return {f"{name} / s": batch / seconds for name, seconds in times.items()}
