"""VNect: Mehta et al., "VNect: Real-time 3D Human Pose Estimation with a Single RGB
Camera", ACM Transactions on Graphics 36 (4), 2017 (1705.01583), section 4.

Fully convolutional: for each joint a heatmap and three location maps, which hold the
joint's X, Y and Z relative to the root at the place where the heatmap has its peak.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poselab.models.heatmaps import HeatmapNet
from poselab.models.registry import register
from poselab.models.resnet import ResNet, conv


@register("vnect_tiny")
class VNectTiny(HeatmapNet):
    """Images [B, 3, H, W] -> [B, 4 J, H/4, W/4]: heatmaps, then X, Y, Z maps.

    The network of notebook 02 with four maps for each joint; any size that 16 divides.
    """

    def __init__(self, joints: int = 17) -> None:
        super().__init__(4 * joints)


def _normed(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs, kernel), nn.BatchNorm2d(outputs))


class Widen(nn.Module):
    """res5a: a bottleneck that keeps the size, [B, 1024, h, w] -> [B, 1024, h, w]."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _normed(channels, width, 1),
            nn.ReLU(),
            _normed(width, width, 3),
            nn.ReLU(),
            _normed(width, channels, 1),
        )
        self.shortcut = _normed(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return (self.branch(x) + self.shortcut(x)).relu()


@register("vnect")
class VNect(ResNet):
    """The paper's network: [B, 3, H, W] -> [B, 4 J, H/8, W/8] (figure 4).

    ResNet up to its fourth stage (stride 16), two more blocks, then a transposed
    convolution for features and one for a first guess of the offsets from parent to
    joint, whose lengths (of the bones) join the features: structure helps the maps.
    368x368 pixels, 21 joints, ResNet-50 in the paper. No weights are published, so
    there is no golden for it.
    """

    stride = 8

    def __init__(self, depth: int = 50, joints: int = 21, width: int = 64) -> None:
        super().__init__(depth, width)
        del self.layer4
        deep = self.levels[2]  # 1024
        self.joints = joints
        self.res5a = Widen(deep, deep // 2)
        self.res5b = nn.Sequential(
            _normed(deep, deep // 4, 1),
            nn.ReLU(),
            _normed(deep // 4, deep // 8, 3),
            nn.ReLU(),
            _normed(deep // 8, deep // 4, 1),
            nn.ReLU(),
        )
        up = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}
        self.deltas = nn.ConvTranspose2d(deep // 4, 3 * joints, **up)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(deep // 4, deep // 8, **up),
            nn.BatchNorm2d(deep // 8),
            nn.ReLU(),
        )
        self.res5c = nn.Sequential(
            _normed(deep // 8 + 4 * joints, deep // 8, 3),
            nn.ReLU(),
            nn.Conv2d(deep // 8, 4 * joints, 1),
        )

    def trunk(self, images: Tensor) -> Tensor:
        """Features [B, 1024, H/16, W/16] of the first four stages."""
        x = self.maxpool(self.bn1(self.conv1(images)).relu())
        return self.layer3(self.layer2(self.layer1(x)))

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        x = self.res5b(self.res5a(self.trunk(images)))  # [B, 256, H/16, W/16]
        deltas = self.deltas(x)  # [B, 3 J, H/8, W/8]: x of all joints, then y, z
        squares = deltas.unflatten(1, (3, self.joints)).square()
        bones = (squares.sum(1) + 1e-12).sqrt()  # [B, J, H/8, W/8]
        return self.res5c(torch.cat([self.up(x), deltas, bones], 1))
