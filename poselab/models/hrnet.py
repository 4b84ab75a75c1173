"""HRNet: Sun et al., "Deep High-Resolution Representation Learning for Human Pose
Estimation", CVPR 2019 (1902.09212), section 3.

The resolution is never given up: a branch at stride 4 runs through the whole
network, branches at half the resolution of the last are added one by one, and all of
them exchange features again and again. Parameter names are those of the field's
checkpoints.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from poselab.errors import require
from poselab.models.registry import register
from poselab.models.resnet import BasicBlock, Bottleneck, conv

FUSIONS = ("all", "last", "none")
MODULES = (1, 4, 3)  # exchange modules of stages 2, 3 and 4 in the paper


def down(inputs: int, outputs: int, relu: bool = True) -> nn.Sequential:
    """3x3 convolution of stride 2, normalised, ReLU where `relu`."""
    layers = [conv(inputs, outputs, 3, 2), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


class FuseModule(nn.Module):
    """Branches of `channels`, each through residual blocks, then all into each.

    [B, C_i, h / 2^i, w / 2^i] for every branch i -> the same for the first `outputs`
    branches. A finer branch comes down by convolutions of stride 2, a coarser one up by
    a 1x1 convolution and nearest neighbours; what arrives is added (figure 3).
    `blocks` is the number of residual blocks, `fuse` is whether they exchange.
    """

    def __init__(
        self, channels: tuple[int, ...], blocks: int, outputs: int, fuse: bool
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(c, c, 1) for _ in range(blocks)))
            for c in channels
        )
        self.outputs = outputs
        self.fuse_layers = None
        if fuse:
            self.fuse_layers = nn.ModuleList(
                nn.ModuleList(_path(channels, j, i) for j in range(len(channels)))
                for i in range(outputs)
            )

    def forward(
        self, branches: list[Tensor], silent: tuple[int, ...] = ()
    ) -> list[Tensor]:
        """`silent` branches reach no other: what would be lost?"""
        x = [net(b) for net, b in zip(self.branches, branches, strict=True)]
        if self.fuse_layers is None:
            return x[: self.outputs]
        fused = []
        for i, paths in enumerate(self.fuse_layers):
            total = x[i]
            for j, path in enumerate(paths):
                if j != i and j not in silent:
                    total = total + upsample(path(x[j]), total)
            fused.append(total.relu())
        return fused


def _path(channels: tuple[int, ...], start: int, end: int) -> nn.Module:
    """The layers from branch `start` to branch `end`; up-sampling is done later."""
    a, b = channels[start], channels[end]
    if start == end:
        return nn.Identity()
    if start > end:
        return nn.Sequential(conv(a, b, 1), nn.BatchNorm2d(b))
    steps = [down(a, a) for _ in range(end - start - 1)]
    return nn.Sequential(*steps, down(a, b, relu=False))


def upsample(x: Tensor, like: Tensor) -> Tensor:
    """Nearest neighbours up to the size of `like`; as it is where it has that size."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, like.shape[-2:], mode="nearest")


@register("hrnet")
class HRNet(nn.Module):
    """Images [B, 3, H, W] -> heatmaps [B, J, H/4, W/4], for sides that 32 divides.

    Branch i has `width` 2^i channels: W32 and W48 of the paper have 32 and 48.
    `modules` are the exchange modules of stages 2, 3, ...: three entries make four
    branches. `blocks` residual blocks stand in each branch of each module, `stem` is
    the width of what comes before. `fusion` names the modules that exchange: "all",
    only the "last", or "none". The output is heatmaps or logits, whichever the loss
    takes. For the released weights see `poselab.zoo.released()`; they take RGB
    normalised by the mean and the standard deviation of ImageNet. `joints` is J.
    """

    stride = 4

    def __init__(
        self,
        width: int = 32,
        joints: int = 17,
        modules: tuple[int, ...] = MODULES,
        blocks: int = 4,
        stem: int = 64,
        fusion: str = "all",
    ) -> None:
        super().__init__()
        require(
            fusion in FUSIONS,
            "unknown fusion",
            where="fusion",
            value=fusion,
            fix=f"Known: {', '.join(FUSIONS)}.",
        )
        self.conv1, self.bn1 = conv(3, stem, 3, 2), nn.BatchNorm2d(stem)
        self.conv2, self.bn2 = conv(stem, stem, 3, 2), nn.BatchNorm2d(stem)
        wide = stem * Bottleneck.expansion
        self.layer1 = nn.Sequential(
            *(Bottleneck(wide if i else stem, stem, 1) for i in range(blocks))
        )
        self.channels = tuple(width << i for i in range(len(modules) + 1))
        self.modules_per_stage = tuple(modules)
        for k, count in enumerate(modules):
            new = self.channels[k + 1]
            enter = self._enter(k, wide, new)
            setattr(self, f"transition{k + 1}", enter)
            last = k == len(modules) - 1
            stage = self._stage(self.channels[: k + 2], count, blocks, last, fusion)
            setattr(self, f"stage{k + 2}", stage)
        self.final_layer = nn.Conv2d(width, joints, 1)

    def _enter(self, k: int, wide: int, new: int) -> nn.ModuleList:
        """How stage k + 2 gets its branches: the old ones, and one half as fine."""
        if k:
            old = [nn.Identity() for _ in range(k + 1)]
            return nn.ModuleList([*old, nn.Sequential(down(self.channels[k], new))])
        first = self.channels[0]
        same = nn.Sequential(conv(wide, first, 3), nn.BatchNorm2d(first), nn.ReLU())
        return nn.ModuleList([same, nn.Sequential(down(wide, new))])

    @staticmethod
    def _stage(channels, count: int, blocks: int, last: bool, fusion: str):
        """`count` exchange modules; the last of the network has one output."""
        ends = [last and i == count - 1 for i in range(count)]
        return nn.Sequential(
            *(
                FuseModule(
                    channels,
                    blocks,
                    1 if end else len(channels),
                    fusion == "all" or (fusion == "last" and end),
                )
                for end in ends
            )
        )

    def features(self, images: Tensor, silent: tuple[int, ...] = ()) -> Tensor:
        """The input of the head: [B, width, H/4, W/4]; `silent` as for `FuseModule`."""
        x = self.bn1(self.conv1(images)).relu()  # [B, stem, H/2, W/2]
        x = self.bn2(self.conv2(x)).relu()  # [B, stem, H/4, W/4]
        branches = [self.layer1(x)]
        for k in range(len(self.modules_per_stage)):
            enter = getattr(self, f"transition{k + 1}")
            # A new branch starts from the coarsest of the stage before.
            sources = [*branches[: len(enter) - 1], branches[-1]]
            branches = [f(b) for f, b in zip(enter, sources, strict=True)]
            for module in getattr(self, f"stage{k + 2}"):
                branches = module(branches, silent)
        return branches[0]

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        return self.final_layer(self.features(images))  # [B, J, H/4, W/4]
