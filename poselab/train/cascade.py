"""How DeepPose's cascade is trained, stage after stage (1312.4659, section 3.2)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from poselab.codecs import DisplacementCodec, RegressionCodec
from poselab.models import Cascade, build
from poselab.records import Sample
from poselab.train.base import Plan
from poselab.train.loop import History, Source, fit, of_stage


def train_cascade(
    recipe: Plan,
    data: Source,
    held_out: Sample,
    seed: int = 0,
    device: torch.device | str = "cpu",
    **options: Any,
) -> tuple[Cascade, list[History]]:
    """Train stage after stage; each learns from the errors of those before it.

    `data` gives the training batches, `held_out` (stacked) the errors; `options` go to
    `fit`. The same seed gives the same weights on the same machine.
    """
    cascade = build(recipe.model, seed, **recipe.arguments).to(device)
    held_out = held_out.to(device)
    nets = [cascade.first, *cascade.refiners]
    codec: Any = RegressionCodec(recipe.size)
    histories = []
    for i, (net, stage) in enumerate(zip(nets, recipe.stages, strict=True)):
        if i > 0:
            before = Cascade(cascade.first, nets[1:i], cascade.sigma).eval()
            seen = _last_stage(before, held_out.image)
            codec = DisplacementCodec.from_errors(
                seen, held_out, cascade.sigma, net.crop
            )
        histories.append(
            fit(
                net, codec, data, **asdict(stage), seed=seed + i, **of_stage(options, i)
            )
        )
    return cascade.eval(), histories


@torch.no_grad()
def _last_stage(cascade: Cascade, images: Tensor, batch_size: int = 64) -> Tensor:
    """Joints [N, J, 2] px after the last stage."""
    return torch.cat([cascade(part)[-1] for part in images.split(batch_size)])
