"""Joints from a network for any number of images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs import Codec, PointsCodec
from poselab.system import distributed


@torch.no_grad()
def predict(
    net: nn.Module, images: Tensor, batch_size: int = 64, codec: Codec | None = None
) -> list[Tensor]:
    """Joints for any number of images: [N, J, 2] px for each stage of the network.

    Without a `codec` the network answers in pixels (`PointsCodec`). A team of processes
    shares the batches out, and each gets the answers to all.
    """
    codec = codec or PointsCodec(tuple(images.shape[-2:]))
    team, batches = distributed.team(), images.split(batch_size)
    own = [_stages(net(part), codec) for part in batches[team.rank :: team.size]]
    found = distributed.gather(own)
    parts = [found[i % team.size][i // team.size] for i in range(len(batches))]
    return [torch.cat(stage) for stage in zip(*parts, strict=True)]


def _stages(output: Any, codec: Codec) -> list[Tensor]:
    """The joints [B, J, 2] px after each stage of a network's output."""
    return [codec.decode(stage).keypoints[:, 0] for stage in codec.stages(output)]
