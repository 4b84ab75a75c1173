"""A small network for clips: the heatmap network of notebook 02, inflated in part.

Girdhar et al., "Detect-and-Track: Efficient Pose Estimation in Videos", CVPR 2018
(1712.09184), section 3.1: a network for images whose kernels are given a third side,
time, and which answers with a heatmap per joint and frame. The paper inflates all of a
ResNet and a head of eight convolutions; here five of seven convolutions are inflated,
and the two that hold most of the weights stay within a frame, as does the head.
"""

from __future__ import annotations

from torch import Tensor, nn

from poselab.models.heatmaps import HeatmapNet
from poselab.models.inflate import inflate
from poselab.models.registry import register

INFLATED = 5  # convolutions of the backbone: those of stride 2, 4 and 8


@register("tube_net")
class TubeNet(nn.Module):
    """Clips [B, 3, T, H, W] -> heatmaps [B, J, T, H/4, W/4], for sides that 16 divides.

    Its layers have the names of `HeatmapNet`'s. `joints` is J; the kernels of the first
    `INFLATED` convolutions see `time` frames, an odd number. With `time` 1 it is the
    network for images, on each frame by itself.
    """

    stride = HeatmapNet.stride

    def __init__(self, joints: int = 17, time: int = 3) -> None:
        super().__init__()
        flat = HeatmapNet(joints)
        times = [time if i < INFLATED else 1 for i in range(len(flat.backbone))]
        pairs = zip(flat.backbone, times, strict=True)
        self.backbone = nn.Sequential(*[inflate(block, t) for block, t in pairs])
        self.head = inflate(flat.head, 1)

    def forward(self, clips: Tensor) -> Tensor:  # [B, 3, T, H, W]
        return self.head(self.backbone(clips))  # [B, J, T, H/4, W/4]
