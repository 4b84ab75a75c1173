"""Joints from a network for any number of images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs import Codec
from poselab.models import PLAIN
from poselab.system import distributed


@torch.no_grad()
def predict(
    net: nn.Module, images: Tensor, batch_size: int = 64, codec: Codec | None = None
) -> list[Tensor]:
    """Joints of one person per image [N, 3, H, W]: [N, J, 2] px after each stage.

    The `codec` reads the output; by default that of a network from `zoo.load`, whose
    `normalise` is applied as well. A team of processes shares the batches out, and each
    gets the answers to all.
    """
    codec = net.codec if codec is None else codec
    normalise = getattr(net, "normalise", PLAIN)
    team, batches = distributed.team(), images.split(batch_size)
    mine = batches[team.rank :: team.size]
    own = [_stages(net(normalise(part)), codec) for part in mine]
    found = distributed.gather(own)
    parts = [found[i % team.size][i // team.size] for i in range(len(batches))]
    return [torch.cat(stage) for stage in zip(*parts, strict=True)]


def _stages(output: Any, codec: Codec) -> list[Tensor]:
    """The joints [B, J, 2] px after each stage of a network's output."""
    return [codec.decode(stage).keypoints[:, 0] for stage in codec.stages(output)]
