"""How iterative error feedback is trained: fixed path consolidation (1507.06550)."""

from __future__ import annotations

import copy
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
    whole: bool = False,
    own_path: bool = False,
    **options: Any,
) -> tuple[IterativeFeedback, list[History]]:
    """Train the corrector on the first step of the path, then on the first two, ...

    A `Trainer`. The path starts at the mean pose of `held_out`, moved at random by
    `spread` px. For comparison: targets may be the `whole` residual, and the path may
    be its `own_path`, on which the network as the phase before left it goes.
    """
    net = plan.network(seed)
    net.start.copy_(mean_pose(held_out))
    net, histories = net.to(device), []
    for i, schedule in enumerate(plan.stages):
        codec = IefCodec(net.start, net.bound, net.sigma, i + 1, spread, whole)
        if own_path:
            codec = OwnPath(copy.deepcopy(net).eval(), codec)
        more = scored_as(of_stage(options, i), net, plan.reader())
        histories.append(
            fit(net.corrector, codec, data, schedule, seed=seed + i, **more)
        )
    return net.eval(), histories


class OwnPath(IefCodec):
    """Lessons on the poses that `net` itself reaches, in place of a fixed path.

    `codec` says what else is asked; with its first step alone nothing differs.
    """

    def __init__(self, net: IterativeFeedback, codec: IefCodec) -> None:
        super().__init__(
            codec.start, codec.bound, codec.sigma, 1, codec.spread, codec.whole
        )
        self.net, self.most = net, codec.steps

    @torch.no_grad()
    def points(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """The pose of each image after 0 to `most` - 1 steps of `net`, [B, J, 2] px."""
        points = super().points(sample, generator)  # y_0, moved at random
        taken = torch.randint(self.most, (len(points),), generator=generator)
        for t in range(1, self.most):
            moved = points + self.net.correction(sample.image, points)
            going = (taken >= t).to(points.device)[:, None, None]
            points = torch.where(going, moved, points)
        return points


def train_from_one_start(*args: Any, **options: Any):
    """`train_feedback` from exactly the mean pose, as in the paper."""
    return train_feedback(*args, **{**options, "spread": 0.0})


def train_whole_residuals(*args: Any, **options: Any):
    """`train_feedback` with unbounded targets on the path of bounded steps."""
    return train_feedback(*args, **{**options, "whole": True})


def train_leaps_on_own_path(*args: Any, **options: Any):
    """`train_feedback` with unbounded targets where such leaps lead."""
    return train_feedback(*args, **{**options, "whole": True, "own_path": True})


def train_one_leap(*args: Any, **options: Any):
    """`train_feedback` with unbounded targets from exactly the mean pose."""
    return train_feedback(*args, **{**options, "whole": True, "spread": 0.0})
