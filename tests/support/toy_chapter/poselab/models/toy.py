"""The network of the toy chapter: one convolution that sees 4 x 4 pixels."""

from __future__ import annotations

from torch import Tensor, nn

from poselab.models.registry import register


@register("toy")
class Toy(nn.Module):
    """Images [B, 3, H, W] in [0, 1] -> heatmaps [B, J, H / 4, W / 4].

    `joints` is J.
    """

    def __init__(self, joints: int = 17) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, joints, 4, stride=4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images)
