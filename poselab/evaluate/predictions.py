"""Joints from a network for any number of images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from poselab.system import distributed


@torch.no_grad()
def predict(
    net: nn.Module, images: Tensor, batch_size: int = 64, codec: Any = None
) -> list[Tensor]:
    """Joints for any number of images: [N, J, 2] px for each stage of the network.

    A network that answers in maps needs the `codec` that reads them; a cascade answers
    in pixels. One that gives a single tensor has a single stage. A team of processes
    shares the batches out, and each gets the answers to all.
    """
    team, batches = distributed.team(), images.split(batch_size)
    own = [_stages(net(part), codec) for part in batches[team.rank :: team.size]]
    found = distributed.gather(own)
    parts = [found[i % team.size][i // team.size] for i in range(len(batches))]
    return [torch.cat(stage) for stage in zip(*parts, strict=True)]


def _stages(output: Any, codec: Any) -> list[Tensor]:
    """The joints [B, J, 2] px after each stage of a network's output."""
    stages = output if isinstance(output, (list, tuple)) else [output]
    if codec is None:
        return list(stages)
    return [codec.decode(stage).keypoints[:, 0] for stage in stages]
