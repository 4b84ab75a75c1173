"""The trunk that the tiny networks for whole scenes share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from poselab.models.hrnet import HRNet

# Three branches, the coarsest at stride 16, which is passed twice: an answer depends on
# about 150 pixels each way, as high as the people in our crowds.
SMALL = {"modules": (1, 2), "blocks": 1, "stem": 32}

RARE = 0.01  # of the cells of a heatmap about this many lie on a joint


def expect_little(head: nn.Conv2d, outputs: int | None = None) -> None:
    """Let the first `outputs` of a new head (default: all) begin at sigmoid = `RARE`.

    From 1/2 the many empty cells would drown the few that matter in the first steps
    (Lin et al. 2017, 1708.02002, section 3.3).
    """
    assert head.bias is not None
    nn.init.constant_(head.bias[:outputs], math.log(RARE / (1 - RARE)))


def probabilities(maps: Tensor, count: int) -> Tensor:
    """The same maps [B, C, h, w], the first `count` of them through a sigmoid."""
    if not count:
        return maps
    first, rest = maps[:, :count], maps[:, count:]
    return torch.cat([first.float().sigmoid(), rest.float()], 1)


class SmallTrunk(nn.Module):
    """The features of a small HRNet: images [B, 3, H, W] -> [B, width, H/4, W/4].

    Takes the place of VGG-19 or ResNet-101 in the tiny networks for whole scenes, so
    that they differ in what they answer and not in what they see. 16 divides H and W.
    """

    stride = 4

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.net = HRNet(width, 1, **SMALL)
        del self.net.final_layer  # HRNet's own head is not needed

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        return self.net.features(images)  # [B, width, H/4, W/4]
