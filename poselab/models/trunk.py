"""The trunk that the tiny networks for whole scenes share."""

from __future__ import annotations

from torch import Tensor, nn

from poselab.models.hrnet import HRNet

# Three branches, the coarsest at stride 16, which is passed twice: an answer depends on
# about 150 pixels each way, as high as the people in our crowds.
SMALL = {"modules": (1, 2), "blocks": 1, "stem": 32}


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
