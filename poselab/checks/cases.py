"""Inputs of cases: drawn numbers that are the same every time."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.heatmap import gaussian_heatmaps


def uniform(seed: int, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Numbers between `low` and `high`."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) * (high - low) + low


def signed(seed: int, *shape: int) -> Tensor:
    """Numbers between -1 and 1."""
    return uniform(seed, *shape, low=-1.0)


def bumps(
    seed: int, *shape: int, size: tuple[int, int] = (16, 12), sigma: float = 1.5
) -> Tensor:
    """Clean heatmaps of joints that are well inside; [*shape, h, w]."""
    room = torch.tensor([size[1] - 5.0, size[0] - 5.0])
    return gaussian_heatmaps(uniform(seed, *shape, 2) * room + 2, size, sigma)
