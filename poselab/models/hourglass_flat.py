"""The stacked hourglass under the names of a second family of checkpoints.

The network of `poselab.models.hourglass` (1603.06937) with three differences: its
levels stand in lists instead of inside each other, the stem widens one residual module
earlier, and there are no spare shortcuts. Names as in bearpaw/pytorch-pose, whose
checkpoints many projects start from.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from poselab.models.hourglass import check_sides
from poselab.models.registry import register


class FlatResidual(nn.Module):
    """`hourglass.Residual`: x + F(x), pre-activated; [B, C, h, w] -> [B, C', h, w]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, half, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(half), nn.Conv2d(half, half, 3, 1, 1)
        self.bn3, self.conv3 = nn.BatchNorm2d(half), nn.Conv2d(half, outputs, 1)
        self.downsample = None
        if inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:  # [B, C, h, w]
        y = self.conv1(self.bn1(x).relu_())
        y = self.conv2(self.bn2(y).relu_())
        y = self.conv3(self.bn3(y).relu_())
        return y.add_(x if self.downsample is None else self.downsample(x))


def row(inputs: int, outputs: int, count: int) -> nn.Sequential:
    """`count` residual modules; the first changes the number of channels."""
    first = FlatResidual(inputs, outputs)
    rest = [FlatResidual(outputs, outputs) for _ in range(count - 1)]
    return nn.Sequential(first, *rest)


class FlatHourglass(nn.Module):
    """`hourglass.Hourglass` with a list of levels, the coarsest first.

    A level holds the branch, the way down and the way up; level 0 also the bottom.
    """

    def __init__(self, depth: int, width: int, count: int) -> None:
        super().__init__()
        self.hg = nn.ModuleList(
            nn.ModuleList(row(width, width, count) for _ in range(3 if level else 4))
            for level in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:  # [B, C, h, w]
        return self.level(len(self.hg) - 1, x)

    def level(self, index: int, x: Tensor) -> Tensor:
        """The part of the hourglass from this level down to the bottom."""
        branch, down, up = self.hg[index][:3]
        low = down(F.max_pool2d(x, 2))  # [B, C, h/2, w/2]
        low = self.level(index - 1, low) if index else self.hg[0][3](low)
        return branch(x).add_(F.interpolate(up(low), scale_factor=2))


@register("hourglass_flat")
class FlatStackedHourglass(nn.Module):
    """Images [B, 3, H, W] in [0, 1] -> heatmaps [B, J, H/4, W/4], one per stack in a
    list.

    3,586,960 parameters with 1 stack, 25,594,624 with 8. The sizes are those of
    `StackedHourglass`, and so is the `ShapeError` where they do not fit.
    """

    stride = 4

    def __init__(
        self,
        joints: int = 16,
        stacks: int = 8,
        width: int = 256,
        depth: int = 4,
        residuals: int = 1,
        stem: int = 64,
    ) -> None:
        super().__init__()
        self.stages, self.depth = stacks, depth
        self.conv1, self.bn1 = nn.Conv2d(3, stem, 7, 2, 3), nn.BatchNorm2d(stem)
        self.layer1 = row(stem, 2 * stem, 1)
        self.layer2 = row(2 * stem, 4 * stem, 1)
        self.layer3 = row(4 * stem, width, 1)

        def each(make, count: int = stacks) -> nn.ModuleList:
            return nn.ModuleList(make() for _ in range(count))

        self.hg = each(lambda: FlatHourglass(depth, width, residuals))
        self.res = each(lambda: row(width, width, residuals))
        self.fc = each(
            lambda: nn.Sequential(
                nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
            )
        )
        self.score = each(lambda: nn.Conv2d(width, joints, 1))
        self.fc_ = each(lambda: nn.Conv2d(width, width, 1), stacks - 1)
        self.score_ = each(lambda: nn.Conv2d(joints, width, 1), stacks - 1)

    def forward(self, images: Tensor) -> list[Tensor]:  # [B, 3, H, W]
        check_sides(images, self.depth)
        x = self.layer1(self.bn1(self.conv1(images)).relu_())  # [B, 128, H/2, W/2]
        x = self.layer3(self.layer2(F.max_pool2d(x, 2)))  # [B, C, H/4, W/4]
        outputs = []
        for i in range(self.stages):
            features = self.fc[i](self.res[i](self.hg[i](x)))  # [B, C, H/4, W/4]
            outputs.append(self.score[i](features))  # [B, J, H/4, W/4]
            if i + 1 < self.stages:
                x = self.score_[i](outputs[i]).add_(x).add_(self.fc_[i](features))
        return outputs
