"""Associative embedding: each joint comes with a tag, and equal tags belong together.

A. Newell, Z. Huang and J. Deng, "Associative Embedding: End-to-End Learning for Joint
Detection and Grouping", NIPS 2017 (1611.05424), section 3.3. Four stacked hourglasses
without residual modules, which grow by 128 channels at every level. Parameters are
named as in the authors' PyTorch code, so that its checkpoints fit.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from poselab.errors import require
from poselab.models.hourglass import check_sides, merge
from poselab.models.registry import register
from poselab.models.trunk import expect_little, probabilities


class Layer(nn.Module):
    """A convolution that keeps the size (up to its stride), ReLU, then maybe BN.

    In this order, as the authors' code has it: elsewhere BN comes before the ReLU.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        norm: bool = False,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        self.bn = nn.BatchNorm2d(outputs) if norm else None
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:  # [B, C, h, w]
        x = self.conv(x)
        x = x.relu() if self.relu else x
        return x if self.bn is None else self.bn(x)


class GrowingHourglass(nn.Module):
    """Down `depth` times and back up: [B, C, h, w] -> the same shape.

    `growth` channels more at each level; one 3x3 convolution wherever the hourglass of
    1603.06937 has a residual module. 2^depth has to divide h and w.
    """

    def __init__(self, depth: int, width: int, growth: int, norm: bool) -> None:
        super().__init__()
        inner = width + growth
        self.up1 = Layer(width, width, norm=norm)
        self.low1 = Layer(width, inner, norm=norm)
        if depth > 1:
            self.low2 = GrowingHourglass(depth - 1, inner, growth, norm)
        else:
            self.low2 = Layer(inner, inner, norm=norm)
        self.low3 = Layer(inner, width, norm=norm)

    def forward(self, x: Tensor) -> Tensor:  # [B, C, h, w]
        low = self.low3(self.low2(self.low1(F.max_pool2d(x, 2))))  # [B, C, h/2, w/2]
        return self.up1(x) + F.interpolate(low, scale_factor=2)


@register("associative_embedding")
class AssociativeEmbedding(nn.Module):
    """Images [B, 3, H, W] in [0, 1] -> a list with [B, C, H/4, W/4] of every stack.

    Channels 0 to J - 1 are heatmaps, J to 2 J - 1 tags. The released network has 68
    channels for 17 joints, of which the second half is never used: `spare` = 34.
    `stem` are the channels at strides 2 and 4, `norm` adds BN after each ReLU.
    With `logistic` the heatmaps are probabilities, for a loss of cross-entropies.
    4 * 2^depth has to divide H and W. Raises `ShapeError` and `ArgumentError`.
    """

    stride = 4

    def __init__(
        self,
        joints: int = 17,
        stacks: int = 4,
        width: int = 256,
        growth: int = 128,
        depth: int = 4,
        stem: tuple[int, int] = (64, 128),
        norm: bool = False,
        spare: int = 0,
        logistic: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("joints", joints), ("stacks", stacks), ("depth", depth)):
            require(
                isinstance(value, int) and value >= 1,
                "must be a whole number from 1",
                where="AssociativeEmbedding",
                field=name,
                value=value,
            )
        self.stages, self.depth, outputs = stacks, depth, 2 * joints + spare
        self.pre = nn.Sequential(
            Layer(3, stem[0], 7, 2, norm),  # [B, 64, H/2, W/2]
            Layer(stem[0], stem[1], norm=norm),
            nn.MaxPool2d(2),  # [B, 128, H/4, W/4]
            Layer(stem[1], stem[1], norm=norm),
            Layer(stem[1], width, norm=norm),  # [B, 256, H/4, W/4]
        )
        self.features = nn.ModuleList(
            nn.Sequential(
                GrowingHourglass(depth, width, growth, norm),
                Layer(width, width, norm=norm),
                Layer(width, width, norm=norm),
            )
            for _ in range(stacks)
        )
        self.outs = nn.ModuleList(
            Layer(width, outputs, 1, relu=False) for _ in range(stacks)
        )
        self.probable = joints if logistic else 0
        for out in self.outs if logistic else ():
            expect_little(out.conv, joints)
        between = range(stacks - 1)
        self.merge_features = nn.ModuleList(merge(width, width) for _ in between)
        self.merge_preds = nn.ModuleList(merge(outputs, width) for _ in between)

    def forward(self, images: Tensor) -> list[Tensor]:  # [B, 3, H, W]
        check_sides(images, self.depth)
        x, outputs = self.pre(images), []  # [B, width, H/4, W/4]
        for i in range(self.stages):
            features = self.features[i](x)  # [B, width, H/4, W/4]
            answer = probabilities(self.outs[i](features), self.probable)
            outputs.append(answer)  # [B, 2 J, H/4, W/4]
            if i + 1 < self.stages:
                x = x + self.merge_preds[i](outputs[-1])
                x = x + self.merge_features[i](features)
        return outputs


@register("associative_embedding_tiny")
def associative_embedding_tiny(
    joints: int = 17,
    stacks: int = 2,
    width: int = 40,
    growth: int = 8,
    depth: int = 4,
    logistic: bool = False,
) -> AssociativeEmbedding:
    """For images of 192 x 256 on a laptop: two narrow stacks, with BN."""
    stem = (width // 2, width)
    return AssociativeEmbedding(
        joints, stacks, width, growth, depth, stem, norm=True, logistic=logistic
    )
