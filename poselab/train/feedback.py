"""How iterative error feedback is trained: fixed path consolidation (1507.06550)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from poselab.codecs import IefCodec
from poselab.datasets.sources import Source
from poselab.models import IterativeFeedback
from poselab.records import Sample
from poselab.train.base import Plan, of_stage, scored_as
from poselab.train.history import History
from poselab.train.loop import fit

SPREAD = 6.0  # px, how far a training path starts from the mean pose


def mean_pose(sample: Sample) -> Tensor:
    """The mean place of each joint where it is labelled, [J, 2] px; P = 1."""
    points, known = sample.keypoints[:, 0], sample.visibility[:, 0, :, None] > 0
    return torch.where(known, points, 0.0).sum(0) / known.sum(0).clamp(min=1)


def train_feedback(
    plan: Plan,
    data: Source,
    held_out: Sample,
    seed: int = 0,
    device: torch.device | str = "cpu",
    spread: float = SPREAD,
    **options: Any,
) -> tuple[IterativeFeedback, list[History]]:
    """Train the corrector on the first step of the path, then on the first two, ...

    A `Trainer`. The path starts at the mean pose of `held_out`, moved at random by
    `spread` px.
    """
    net = plan.network(seed)
    net.start.copy_(mean_pose(held_out))
    net, histories = net.to(device), []
    for i, schedule in enumerate(plan.stages):
        codec = IefCodec(net.start, net.bound, net.sigma, i + 1, spread)
        more = scored_as(of_stage(options, i), net, plan.reader())
        histories.append(
            fit(net.corrector, codec, data, schedule, seed=seed + i, **more)
        )
    return net.eval(), histories
