"""How a spatial transformer around a frozen network is trained (1612.00137)."""

from __future__ import annotations

from typing import Any

import torch

from poselab.codecs import CentreCodec
from poselab.datasets.sources import Source
from poselab.models.rmpe import SymmetricTransformer
from poselab.records import Sample
from poselab.train.base import Plan, of_stage, scored_as
from poselab.train.history import History
from poselab.train.loop import fit


def train_symmetric(
    plan: Plan,
    data: Source,
    held_out: Sample | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    **options: Any,
) -> tuple[SymmetricTransformer, list[History]]:
    """Teach the transformer where people are, then by the poses that come out.

    A `Trainer` in two stages. The first shows it the true boxes (`CentreCodec`), which
    is ours and fast; the second is the paper's, with the parallel branch (section 3.2).
    """
    first, second = plan.stages
    net, codec = plan.network(seed).to(device), plan.reader()
    finder = CentreCodec(codec.size)
    more = scored_as(of_stage(options, 0), net, codec)
    histories = [fit(net.localisation, finder, data, first, seed=seed, **more)]
    more = of_stage(options, 1)
    histories.append(fit(net, codec, data, second, seed=seed + 1, **more))
    return net.eval(), histories
