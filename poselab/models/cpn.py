"""Cascaded pyramid network: Chen et al., "Cascaded Pyramid Network for Multi-Person
Pose Estimation", CVPR 2018 (1711.07319), section 3.2.

`GlobalNet` is a feature pyramid with heatmaps on every level, for the joints that are
easy to see; `RefineNet` joins all levels and learns from the joints that are hard
(`poselab.codecs.OhkmCodec`). Parameter names are those of a public PyTorch version.
Everything is resized corner on corner, as there.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.errors import require
from poselab.models.registry import register
from poselab.models.resnet import Bottleneck, ResNet, conv


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Features [B, C, h, w] at another size, the centres of the corner cells kept."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


class Resize(nn.Module):
    """`resize` as a layer of a `Sized` chain."""

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return resize(x, size)


class Sized(nn.Sequential):
    """Layers in a row, of which those that resize get the size."""

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        for layer in self:
            x = layer(x, size) if isinstance(layer, Resize) else layer(x)
        return x


class GlobalNet(nn.Module):
    """C2 to C5 of a ResNet -> features of four levels and their heatmaps, coarse first.

    `channels` are those of C2 to C5. Each level is brought to `filters` channels by a
    1x1 convolution; the level above is up-sampled, passed through another, and added.
    `joints` is J.
    """

    def __init__(self, channels: tuple[int, ...], joints: int, filters: int) -> None:
        super().__init__()
        coarse_first = tuple(reversed(channels))
        self.laterals = nn.ModuleList(
            nn.Sequential(conv(c, filters, 1), nn.BatchNorm2d(filters), nn.ReLU())
            for c in coarse_first
        )
        self.upsamples = nn.ModuleList(
            Sized(Resize(), conv(filters, filters, 1), nn.BatchNorm2d(filters))
            for _ in coarse_first[1:]
        )
        self.predict = nn.ModuleList(
            Sized(
                conv(filters, filters, 1),
                nn.BatchNorm2d(filters),
                nn.ReLU(),
                conv(filters, joints, 3),
                Resize(),
                nn.BatchNorm2d(joints),
            )
            for _ in coarse_first
        )

    def forward(self, levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        size = tuple(levels[0].shape[-2:])
        features, maps = [], []
        for i, lateral in enumerate(self.laterals):
            x = lateral(levels[-1 - i])  # [B, filters, H/32 2^i, W/32 2^i]
            if features:
                x = x + self.upsamples[i - 1](features[-1], tuple(x.shape[-2:]))
            features.append(x)
            maps.append(self.predict[i](x, size))  # [B, J, H/4, W/4]
        return features, maps


class RefineBlock(Bottleneck):
    """A bottleneck to half the channels, with a convolution on its shortcut too.

    `inputs` and `outputs` are channels.
    """

    expansion = 2

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs // 2, 1)
        shortcut = conv(inputs, outputs, 1)
        self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))


class RefineNet(nn.Module):
    """The features of the levels, coarse first -> one set of heatmaps [B, J, H/4, W/4].

    The coarser a level, the more bottlenecks it passes; then all are brought to the
    finest size and joined. `joints` is J, `filters` the channels of the features,
    `levels` how many of them there are.
    """

    def __init__(self, joints: int, filters: int, levels: int = 4) -> None:
        super().__init__()
        self.cascade = nn.ModuleList(
            Sized(
                *(RefineBlock(filters, filters) for _ in range(levels - 1 - i)),
                Resize(),
            )
            for i in range(levels)
        )
        self.final_predict = nn.Sequential(
            RefineBlock(levels * filters, filters),
            conv(filters, joints, 3),
            nn.BatchNorm2d(joints),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        size = tuple(features[-1].shape[-2:])
        same = [part(x, size) for part, x in zip(self.cascade, features, strict=True)]
        return self.final_predict(torch.cat(same, 1))


class CPN(nn.Module):
    """Images [B, 3, H, W] -> heatmaps [B, J, H/4, W/4] of each stage, from first to
    last.

    The stages are the levels of GlobalNet, coarse (C5) to fine (C2), and last
    RefineNet, whose heatmaps are decoded. The output is heatmaps or logits, whichever
    the loss takes. For the released weights see `poselab.zoo.released()`; they take
    images normalised by the mean of ImageNet. `resnet`, `global_net` and `refine_net`
    are its parts; without the last, GlobalNet alone.
    """

    stride = 4

    def __init__(
        self, resnet: ResNet, global_net: GlobalNet, refine_net: RefineNet | None
    ) -> None:
        super().__init__()
        self.resnet, self.global_net, self.refine_net = resnet, global_net, refine_net

    @property
    def stages(self) -> int:
        """How many sets of heatmaps there are: 5, unless it has been `truncated`."""
        return len(self.global_net.laterals) + (self.refine_net is not None)

    def forward(self, images: Tensor) -> list[Tensor]:  # [B, 3, H, W]
        features, maps = self.global_net(self.resnet.features(images))
        return maps if self.refine_net is None else [*maps, self.refine_net(features)]

    def truncated(self, stages: int) -> CPN:
        """Its first `stages` stages, as a network that shares the weights."""
        require(
            1 <= stages <= self.stages,
            f"this network has {self.stages} stages",
            where="truncated",
            field="stages",
            value=stages,
        )
        if stages == self.stages:
            return self
        net = copy.copy(self.global_net)
        net._modules = {
            "laterals": net.laterals[:stages],
            "upsamples": net.upsamples[: stages - 1],
            "predict": net.predict[:stages],
        }
        return CPN(self.resnet, net, None).train(self.training)


@register("cpn")
def cpn(depth: int = 50, joints: int = 17, width: int = 64, filters: int = 256) -> CPN:
    """The network of the paper, on a ResNet of `depth` and `width`."""
    trunk = ResNet(depth, width)
    net = GlobalNet(trunk.levels, joints, filters)
    return CPN(trunk, net, RefineNet(joints, filters))
