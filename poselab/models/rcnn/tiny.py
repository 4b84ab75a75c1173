"""A detector of people for 192x256 drawn crowds, of the same parts as the large ones.

What is smaller: a body of plain convolutions, a pyramid of 48 channels that starts at
stride 8, anchors as tall as people, one class, a box head of 96.
"""

from __future__ import annotations

from torch import Tensor, nn

from poselab.models.deeppose import conv_block
from poselab.models.normalise import PLAIN
from poselab.models.rcnn.network import RCNN, RoiHeads
from poselab.models.rcnn.pyramid import PyramidBackbone
from poselab.models.rcnn.rpn import ProposalNetwork
from poselab.models.registry import register

STRIDES = (8, 16, 32)


class TinyBody(nn.Module):
    """Images [B, 3, H, W] -> maps of strides 8, 16, 32 with `levels` channels."""

    def __init__(self, levels: tuple[int, int, int] = (64, 96, 96)) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.stem = nn.Sequential(
            conv_block(3, 16, stride=2),
            conv_block(16, 32, stride=2),
            conv_block(32, 32),
        )
        inputs = (32, *self.levels)
        self.stages = nn.ModuleList(
            nn.Sequential(conv_block(a, b, stride=2), conv_block(b, b))
            for a, b in zip(inputs, inputs[1:], strict=False)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x, maps = self.stem(x), []  # [B, 32, H/4, W/4]
        for stage in self.stages:
            x = stage(x)
            maps.append(x)  # [B, levels[i], H / 2^(3 + i), W / 2^(3 + i)]
        return maps


@register("rcnn_tiny")
def rcnn_tiny(
    sizes: tuple[float, ...] = (36.0, 60.0, 96.0, 150.0),
    ratios: tuple[float, ...] = (1.5, 2.5, 4.0),
    width: int = 48,
    hidden: int = 96,
    iou_threshold: float = 0.65,
) -> RCNN:
    """The tiny detector; images stay as they are, in [0, 1] and at their own size."""
    backbone = PyramidBackbone(TinyBody(), width)
    few = {"pre_nms_topk": 100, "post_nms_topk": 48}
    rpn = ProposalNetwork(width, tuple(sizes), tuple(ratios), **few)
    heads = RoiHeads(width, 2, hidden, STRIDES)
    return RCNN(
        backbone, rpn, heads, side=None, normalise=PLAIN, iou_threshold=iou_threshold
    )
