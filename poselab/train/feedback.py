"""How iterative error feedback is trained: fixed path consolidation (1507.06550)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from poselab.codecs import FeedbackCodec
from poselab.models import IterativeFeedback, build
from poselab.records import Sample
from poselab.train.base import Plan
from poselab.train.loop import History, Source, fit, of_stage

SPREAD = 6.0  # px, how far a training path starts from the mean pose


def mean_pose(sample: Sample) -> Tensor:
    """The mean place of each joint where it is labelled, [J, 2] px; P = 1."""
    points, known = sample.keypoints[:, 0], sample.visibility[:, 0, :, None] > 0
    return torch.where(known, points, 0.0).sum(0) / known.sum(0).clamp(min=1)


def consolidate(
    net: IterativeFeedback,
    data: Source,
    stages: tuple[dict[str, Any], ...],
    seed: int = 0,
    spread: float = SPREAD,
    **options: Any,
) -> list[History]:
    """Train `net.corrector` on the first step of the path, then on the first two, ...

    `stages` holds the arguments of each phase's `fit`, `options` those of all.
    """
    histories = []
    for i, stage in enumerate(stages):
        codec = FeedbackCodec(net.start, net.bound, net.sigma, i + 1, spread)
        histories.append(
            fit(
                net.corrector,
                codec,
                data,
                **stage,
                seed=seed + i,
                **of_stage(options, i),
            )
        )
    return histories


def train_feedback(
    recipe: Plan,
    data: Source,
    held_out: Sample,
    seed: int = 0,
    device: torch.device | str = "cpu",
    **options: Any,
) -> tuple[IterativeFeedback, list[History]]:
    """Set the start to the mean pose of `held_out`, then `consolidate`."""
    net = build(recipe.model, seed, **recipe.arguments)
    net.start.copy_(mean_pose(held_out))
    net = net.to(device)
    stages = tuple(asdict(stage) for stage in recipe.stages)
    return net.eval(), consolidate(net, data, stages, seed, **options)
