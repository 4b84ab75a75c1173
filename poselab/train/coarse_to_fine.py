"""How a coarse network and its second look are trained (1411.4280, section 4)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from poselab.codecs import CropHeatmapCodec, HeatmapCodec
from poselab.models import CoarseToFine, build
from poselab.train.base import Plan
from poselab.train.loop import History, Source, fit, of_stage

SIGMA = 1.5  # of the Gaussians: in cells of the coarse heatmap, in pixels of the crops
LOSS = "cross_entropy"  # which cell is it? No trap of zeros
NOISE = 3.0  # px, how far off a training crop is: what the coarse network leaves


def coarse_codec(size: tuple[int, int]) -> HeatmapCodec:
    """What the coarse network learns: which cell is it?"""
    return HeatmapCodec(size, sigma=SIGMA, loss=LOSS)


def train_coarse_to_fine(
    recipe: Plan,
    data: Source,
    seed: int = 0,
    device: torch.device | str = "cpu",
    **options: Any,
) -> tuple[CoarseToFine, list[History]]:
    """Train the coarse network on whole images, then the fine one on crops.

    The crops lie around the true joints moved by noise, so the fine network does not
    wait for the coarse one. `options` go to `fit`.
    """
    net = build(recipe.model, seed, **recipe.arguments).to(device)
    size = tuple(recipe.arguments["size"])
    todo = (
        (net.coarse, coarse_codec(size)),
        (net.fine, CropHeatmapCodec(net.crop, SIGMA, NOISE, LOSS)),
    )
    histories = [
        fit(part, codec, data, **asdict(stage), seed=seed + i, **of_stage(options, i))
        for i, ((part, codec), stage) in enumerate(
            zip(todo, recipe.stages, strict=True)
        )
    ]
    return net.eval(), histories
