"""Images as weights from ImageNet expect them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0, 1]


class Normalise(nn.Module):
    """Images [B, 3, H, W] in [0, 1] -> (image - mean) / std, channel by channel."""

    def __init__(self, mean: tuple = MEAN, std: tuple = STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        return (images - self.mean) / self.std
