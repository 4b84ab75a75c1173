"""How DeepPose's cascade is trained, stage after stage (1312.4659, section 3.2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from poselab.codecs import DisplacementCodec, RegressionCodec
from poselab.datasets.sources import Source
from poselab.models import Cascade
from poselab.records import Sample
from poselab.train.base import Plan, of_stage, scored_as
from poselab.train.history import History
from poselab.train.loop import fit


def train_cascade(
    plan: Plan,
    data: Source,
    held_out: Sample,
    seed: int = 0,
    device: torch.device | str = "cpu",
    **options: Any,
) -> tuple[Cascade, list[History]]:
    """Train stage after stage; each learns from the errors of those before it.

    A `Trainer`; the errors are those on `held_out`, one person per picture.
    """
    cascade = plan.network(seed).to(device)
    held_out = held_out.to(device)
    nets, codec = [cascade.first, *cascade.refiners], RegressionCodec(plan.size)
    histories = []
    for i, (net, schedule) in enumerate(zip(nets, plan.stages, strict=True)):
        if i > 0:
            before = cascade.truncated(i).eval()
            seen = _last_stage(before, held_out.image)
            codec = DisplacementCodec.from_errors(
                seen, held_out, cascade.sigma, net.crop
            )
        so_far = cascade.truncated(i + 1)
        more = scored_as(of_stage(options, i), so_far, plan.reader())
        histories.append(fit(net, codec, data, schedule, seed=seed + i, **more))
    return cascade.eval(), histories


@torch.no_grad()
def _last_stage(cascade: Cascade, images: Tensor, batch_size: int = 64) -> Tensor:
    """Joints [N, J, 2] px after the last stage."""
    return torch.cat([cascade(part)[-1] for part in images.split(batch_size)])
