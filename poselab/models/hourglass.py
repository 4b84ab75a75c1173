"""Stacked hourglass: down to the whole body, back up to the pixel, and again.

A. Newell, K. Yang and J. Deng, "Stacked Hourglass Networks for Human Pose Estimation",
ECCV 2016 (1603.06937). Parameters are named as in the authors' PyTorch code, so that
its checkpoints fit. That code keeps a 1x1 convolution for the shortcut of every
residual module, also where it is never used: `spare_skips`.
"""

from __future__ import annotations

import copy
from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from poselab.errors import ShapeError, require, require_shape
from poselab.models.registry import register


class Conv(nn.Module):
    """A convolution that keeps the size (up to its stride), then maybe BN and ReLU.

    `inputs` and `outputs` are channels, `kernel` the side, `stride` the step; `norm`
    adds batch normalisation.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        self.bn = nn.BatchNorm2d(outputs) if norm else None

    def forward(self, x: Tensor) -> Tensor:  # [B, C, h, w]
        x = self.conv(x)
        return x if self.bn is None else self.bn(x).relu_()


class Residual(nn.Module):
    """x + F(x), where F is 1x1, 3x3, 1x1; [B, C, h, w] -> [B, C', h, w].

    BN and ReLU stand before each convolution (pre-activation), so the sum passes on as
    it is. The 3x3 works on half of the channels (section 3.2, figure 4, left). `inputs`
    and `outputs` are channels; `spare_skip` keeps a convolution on the skip where none
    is needed.
    """

    def __init__(self, inputs: int, outputs: int, spare_skip: bool = False) -> None:
        super().__init__()
        half = outputs // 2
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), Conv(inputs, half)
        self.bn2, self.conv2 = nn.BatchNorm2d(half), Conv(half, half, 3)
        self.bn3, self.conv3 = nn.BatchNorm2d(half), Conv(half, outputs)
        self.changes = inputs != outputs
        if self.changes or spare_skip:
            self.skip_layer = Conv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:  # [B, C, h, w]
        y = self.conv1(self.bn1(x).relu_())  # [B, C'/2, h, w]
        y = self.conv2(self.bn2(y).relu_())
        y = self.conv3(self.bn3(y).relu_())  # [B, C', h, w]
        return y.add_(self.skip_layer(x) if self.changes else x)


def residuals(
    inputs: int, outputs: int, count: int = 1, spare_skip: bool = False
) -> nn.Module:
    """`count` residual modules in a row; the first changes the number of channels."""
    first = Residual(inputs, outputs, spare_skip)
    if count == 1:
        return first
    rest = [Residual(outputs, outputs, spare_skip) for _ in range(count - 1)]
    return nn.Sequential(first, *rest)


class Hourglass(nn.Module):
    """Down by max pooling and back up `depth` times: [B, C, h, w] -> the same shape.

    An hourglass is a branch at the present resolution plus a smaller hourglass at half
    of it, enlarged by repeating cells; the innermost one is a residual module (section
    3.1, figure 3). `growth` channels are added at each level (the paper: none), with
    `count` residual modules wherever the paper has one. Without `skips` there are no
    branches; `skip = False` takes one away from a network that has learnt with it.
    2^depth has to divide h and w. `width` is the number of channels; `spare_skip` as
    for `Residual`.
    """

    def __init__(
        self,
        depth: int,
        width: int,
        growth: int = 0,
        count: int = 1,
        spare_skip: bool = False,
        skips: bool = True,
    ) -> None:
        super().__init__()
        inner, more = width + growth, (count, spare_skip)
        self.depth, self.skip = depth, skips
        if skips:
            self.up1 = residuals(width, width, *more)
        self.low1 = residuals(width, inner, *more)
        if depth > 1:
            self.low2 = Hourglass(depth - 1, inner, growth, *more, skips)
        else:
            self.low2 = residuals(inner, inner, *more)
        self.low3 = residuals(inner, width, *more)

    def forward(self, x: Tensor) -> Tensor:  # [B, C, h, w]
        low = self.low1(F.max_pool2d(x, 2))  # [B, C, h/2, w/2]
        low = F.interpolate(self.low3(self.low2(low)), scale_factor=2)  # [B, C, h, w]
        return self.up1(x).add_(low) if self.skip else low

    def levels(self) -> list[Hourglass]:
        """This hourglass and those inside it, from the finest to the coarsest."""
        return [self, *(self.low2.levels() if self.depth > 1 else [])]


@register("hourglass")
class StackedHourglass(nn.Module):
    """Images [B, 3, H, W] in [0, 1] -> heatmaps [B, J, H/4, W/4], one per stack in a
    list.

    The paper has 8 stacks of depth 4 with 256 channels and `stem` (64, 128) on 256x256
    (section 3.1); each stack after the first gets features and heatmaps of the one
    before, brought back by 1x1 convolutions and added to what that one was given
    (section 3.3, figure 4). A loss belongs on every stack. 4 * 2^depth has to divide H
    and W, or else a `ShapeError` is raised. `growth`, `residuals`, `spare_skips` and
    `skips`: see `Hourglass`. `joints` is J, `stacks` how many hourglasses there are,
    `width` their channels, `depth` how often they halve.
    """

    stride = 4

    def __init__(
        self,
        joints: int = 16,
        stacks: int = 2,
        width: int = 256,
        depth: int = 4,
        stem: tuple[int, int] = (64, 128),
        growth: int = 0,
        residuals: int = 1,
        spare_skips: bool = False,
        skips: bool = True,
    ) -> None:
        super().__init__()
        for name, value in (
            ("joints", joints),
            ("stacks", stacks),
            ("depth", depth),
            ("residuals", residuals),
        ):
            require(
                value >= 1, "must be a whole number from 1", where=name, value=value
            )
        self.stages, self.depth = stacks, depth
        self.pre = stem_layers(*stem, width, spare_skips)
        self.hgs = nn.ModuleList(
            nn.Sequential(
                Hourglass(depth, width, growth, residuals, spare_skips, skips)
            )
            for _ in range(stacks)
        )
        self.features = nn.ModuleList(
            nn.Sequential(
                Residual(width, width, spare_skips), Conv(width, width, norm=True)
            )
            for _ in range(stacks)
        )
        self.outs = nn.ModuleList(Conv(width, joints) for _ in range(stacks))
        between = range(stacks - 1)
        self.merge_features = nn.ModuleList(merge(width, width) for _ in between)
        self.merge_preds = nn.ModuleList(merge(joints, width) for _ in between)

    def forward(self, images: Tensor) -> list[Tensor]:  # [B, 3, H, W]
        check_sides(images, self.depth)
        x, outputs = self.pre(images), []  # [B, C, H/4, W/4]
        for i in range(self.stages):
            features = self.features[i](self.hgs[i](x))  # [B, C, H/4, W/4]
            outputs.append(self.outs[i](features))  # [B, J, H/4, W/4]
            if i + 1 < self.stages:
                x = self.join(i, x, features, outputs[-1])
        return outputs

    def join(self, i: int, x: Tensor, features: Tensor, maps: Tensor) -> Tensor:
        """The input of stack i + 1: that of stack i, its features and its heatmaps."""
        x = self.merge_preds[i](maps).add_(x)
        return x.add_(self.merge_features[i](features))

    def truncated(self, stages: int) -> StackedHourglass:
        """The network up to stack `stages`; it shares the weights."""
        require(
            1 <= stages <= self.stages,
            f"there are {self.stages} stacks",
            where="stages",
            value=stages,
        )
        part = copy.copy(self)
        part._modules = dict(self._modules)  # or the lists below would replace ours
        part.stages = stages
        for name in ("hgs", "features", "outs"):
            setattr(part, name, getattr(self, name)[:stages])
        for name in ("merge_features", "merge_preds"):
            setattr(part, name, getattr(self, name)[: stages - 1])
        return part


def check_sides(images: Tensor, depth: int) -> None:
    """A `ShapeError` unless all halvings of images [B, 3, H, W] come out even."""
    require_shape("images", images, None, 3, None, None)
    unit = 4 * 2**depth
    if images.shape[-2] % unit or images.shape[-1] % unit:
        raise ShapeError(
            f"both sides must be multiples of {unit}: two halvings in the stem and "
            f"{depth} in an hourglass, or what comes back up does not fit what it is "
            "added to",
            where="images",
            field="shape",
            value=list(images.shape),
            fix="Resize or pad them.",
        )


def stem_layers(first: int, second: int, width: int, spare_skips: bool) -> nn.Module:
    """7x7 with stride 2, residual, pooling, two residuals: to a quarter of the size."""
    return nn.Sequential(
        Conv(3, first, 7, 2, norm=True),  # [B, 64, H/2, W/2]
        Residual(first, second, spare_skips),
        nn.MaxPool2d(2),  # [B, 128, H/4, W/4]
        Residual(second, second, spare_skips),
        Residual(second, width, spare_skips),  # [B, 256, H/4, W/4]
    )


def merge(inputs: int, outputs: int) -> nn.Sequential:
    """A 1x1 convolution from maps or features to the input of the next stack."""
    return nn.Sequential(OrderedDict(conv=Conv(inputs, outputs)))


@register("hourglass_paper")
def hourglass_paper(
    joints: int = 16, stacks: int = 8, width: int = 256, depth: int = 4, growth: int = 0
) -> StackedHourglass:
    """As released: 8,429,088 parameters with 2 stacks, 32,819,328 with 8, of which the
    spare shortcuts are never used; [B, 3, 256, 256] in [0, 1] -> [B, 16, 64, 64]."""
    return StackedHourglass(
        joints, stacks, width, depth, growth=growth, spare_skips=True
    )
