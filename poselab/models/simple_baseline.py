"""Simple Baseline: Xiao, Wu & Wei, "Simple Baselines for Human Pose Estimation and
Tracking", ECCV 2018 (1804.06208), section 2.

A ResNet down to stride 32 and three transposed convolutions up to stride 4 again; no
skip connections. Parameter names are those of the field's checkpoints.
"""

from __future__ import annotations

from torch import Tensor, nn

from poselab.models.heatmaps import up_block
from poselab.models.registry import register
from poselab.models.resnet import ResNet


@register("simple_baseline")
class SimpleBaseline(ResNet):
    """Images [B, 3, H, W] -> heatmaps [B, J, H/4, W/4], for sides that 32 divides.

    The output is heatmaps or logits, whichever the loss takes. `depth` and `width` as
    for `ResNet`; `filters` are the channels of each of the three transposed
    convolutions. The paper: depth 50, 101 or 152, width 64, 256 filters, 256x192
    pixels. For the released weights see `poselab.zoo.released()`; they take images
    normalised by the mean and the standard deviation of ImageNet. `joints` is J.
    """

    stride = 4

    def __init__(
        self, depth: int = 50, joints: int = 17, width: int = 64, filters: int = 256
    ) -> None:
        super().__init__(depth, width)
        inputs = (self.channels, filters, filters)
        ups = [up_block(channels, filters) for channels in inputs]
        self.deconv_layers = nn.Sequential(*(layer for up in ups for layer in up))
        self.final_layer = nn.Conv2d(filters, joints, 1)

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        deep = super().forward(images)  # [B, C5, H/32, W/32]
        return self.final_layer(self.deconv_layers(deep))  # [B, J, H/4, W/4]
