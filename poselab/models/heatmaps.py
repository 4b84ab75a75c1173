"""A small network for heatmaps, on the backbone of the small DeepPose.

Its head is that of Simple Baseline (Xiao, Wu & Wei 2018, 1804.06208, section 2) in
small: transposed convolutions up to stride 4, then one 1x1 convolution per joint's
heatmap.
"""

from __future__ import annotations

from torch import Tensor, nn

from poselab.models.deeppose import Backbone
from poselab.models.registry import register


def up_block(inputs: int, outputs: int) -> nn.Sequential:
    """4x4 transposed convolution of stride 2, normalised, ReLU: twice the size.

    With padding 1 the centres of 2x2 output cells lie around that of their input cell.
    """
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


@register("heatmap_net")
class HeatmapNet(nn.Module):
    """Images [B, 3, H, W] -> heatmaps [B, J, H/4, W/4], for sides that 16 divides.

    The output is heatmaps or logits, whichever the loss takes. 0.47 M parameters for 17
    joints, about as many as `DeepPose`, with the same backbone; no part of it depends
    on the size of the image. `joints` is J.
    """

    stride = 4

    def __init__(self, joints: int = 17) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.head = nn.Sequential(
            up_block(Backbone.channels, 64),  # [B, 64, H/8, W/8]
            up_block(64, 48),  # [B, 48, H/4, W/4]
            nn.Conv2d(48, joints, 1),
        )

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        return self.head(self.backbone(images))  # [B, J, H/4, W/4]
