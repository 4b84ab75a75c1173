"""OccNet and OccNetCB: Golda, Kalb, Schumann & Beyerer, "Human Pose Estimation for
Real-World Crowded Scenarios", AVSS 2019 (1907.06922), section 3.

Simple Baseline with two ends: one for the visible joints, one for the hidden ones.
OccNet splits after the second transposed convolution; OccNetCB after the first, and
both ends look at both branches ("cross branches").
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poselab.models.heatmaps import up_block
from poselab.models.registry import register
from poselab.models.resnet import ResNet


@register("occnet")
class OccNet(ResNet):
    """Images [B, 3, H, W] -> heatmaps of visible and of hidden joints, two times
    [B, J, H/4, W/4], for sides that 32 divides.

    `depth` and `width` as for `ResNet`, `filters` the channels of each transposed
    convolution. The paper: ResNet-50, 256 filters, 256x192 pixels, CrowdPose's 14
    joints.
    """

    stride = 4

    def __init__(
        self, depth: int = 50, joints: int = 14, width: int = 64, filters: int = 256
    ) -> None:
        super().__init__(depth, width)
        self.up1 = up_block(self.channels, filters)
        self.up2 = up_block(filters, filters)
        self.up3_visible = up_block(filters, filters)
        self.up3_hidden = up_block(filters, filters)
        self.visible = nn.Conv2d(filters, joints, 1)
        self.hidden = nn.Conv2d(filters, joints, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        shared = self.up2(self.up1(super().forward(images)))  # [B, F, H/8, W/8]
        visible = self.visible(self.up3_visible(shared))  # [B, J, H/4, W/4]
        return visible, self.hidden(self.up3_hidden(shared))


def _branch(filters: int) -> nn.Sequential:
    return nn.Sequential(up_block(filters, filters), up_block(filters, filters))


@register("occnet_cb")
class OccNetCB(ResNet):
    """`OccNet` that splits earlier and whose two ends see both branches.

    Shapes and arguments are those of `OccNet`.
    """

    stride = 4

    def __init__(
        self, depth: int = 50, joints: int = 14, width: int = 64, filters: int = 256
    ) -> None:
        super().__init__(depth, width)
        self.up1 = up_block(self.channels, filters)
        self.branch_visible, self.branch_hidden = _branch(filters), _branch(filters)
        self.visible = nn.Conv2d(2 * filters, joints, 1)
        self.hidden = nn.Conv2d(2 * filters, joints, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        shared = self.up1(super().forward(images))  # [B, F, H/16, W/16]
        both = self.branch_hidden(shared), self.branch_visible(shared)
        both = torch.cat(both, 1)  # [B, 2 F, H/4, W/4]: hidden first, as in the code
        return self.visible(both), self.hidden(both)  # [B, J, H/4, W/4] each
