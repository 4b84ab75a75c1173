"""How a coarse network and its second look are trained (1411.4280, section 4)."""

from __future__ import annotations

from typing import Any

import torch

from poselab.codecs import CropHeatmapCodec, HeatmapCodec
from poselab.datasets.sources import Source
from poselab.models import CoarseToFine
from poselab.records import Sample
from poselab.train.base import Plan, of_stage, scored_as
from poselab.train.history import History
from poselab.train.loop import fit

SIGMA = 1.5  # of the Gaussians: in cells of the coarse heatmap, in pixels of the crops
LOSS = "cross_entropy"  # which cell is it? No trap of zeros
NOISE = 3.0  # px, how far off a training crop is: what the coarse network leaves


def train_coarse_to_fine(
    plan: Plan,
    data: Source,
    held_out: Sample | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    **options: Any,
) -> tuple[CoarseToFine, list[History]]:
    """Train the coarse network on whole images, then the fine one on crops.

    A `Trainer`; `held_out` is not looked at. The crops lie around the true joints moved
    by noise, so the fine network does not wait for the coarse one.
    """
    net = plan.network(seed).to(device)
    first, second = plan.stages
    coarse = HeatmapCodec(plan.size, sigma=SIGMA, criterion=LOSS)
    options_1 = of_stage(options, 0)
    history = fit(net.coarse, coarse, data, first, seed=seed, **options_1)
    fine = CropHeatmapCodec(net.crop, SIGMA, NOISE, LOSS)
    options_2 = scored_as(of_stage(options, 1), net, plan.reader())
    again = fit(net.fine, fine, data, second, seed=seed + 1, **options_2)
    return net.eval(), [history, again]
