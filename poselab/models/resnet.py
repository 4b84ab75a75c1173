"""ResNet-18 to ResNet-152: He et al., "Deep Residual Learning for Image Recognition",
CVPR 2016 (1512.03385), table 1.

Parameter names are those that the field's checkpoints use (`conv1`, `layer1.0.conv1`,
`layer1.0.downsample.0`, ...). In a bottleneck the 3x3 convolution carries the stride,
as in those checkpoints; the paper's first version put it on the 1x1 before.
"""

from __future__ import annotations

from torch import Tensor, nn

from poselab.errors import require

# Depth 10 is not in the paper: it is the shortest that has all the stages.
BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps the size (up to its stride)."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class Residual(nn.Module):
    """What both kinds of block share: output = relu(x + branch(x))."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.downsample = None
        if stride != 1 or inputs != outputs:  # the shortcut has to change shape too
            shortcut = conv(inputs, outputs, 1, stride)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:  # [B, C, H, W]
        shortcut = x if self.downsample is None else self.downsample(x)
        return (shortcut + self.branch(x)).relu()  # [B, C', H / stride, W / stride]


class BasicBlock(Residual):
    """Two 3x3 convolutions (ResNet-18 and 34).

    `inputs` channels come in, `width` go out, `stride` is the step.
    """

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__(inputs, width, stride)
        self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)

    def branch(self, x: Tensor) -> Tensor:
        """The residual function F(x)."""
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))


class Bottleneck(Residual):
    """1x1 down to `width`, 3x3, 1x1 up to 4 `width` (ResNet-50 and deeper).

    `inputs` channels come in, `stride` is the step.
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        outputs = width * self.expansion
        super().__init__(inputs, outputs, stride)
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, outputs, 1), nn.BatchNorm2d(outputs)

    def branch(self, x: Tensor) -> Tensor:
        """The residual function F(x)."""
        x = self.bn1(self.conv1(x)).relu()
        x = self.bn2(self.conv2(x)).relu()
        return self.bn3(self.conv3(x))


class ResNet(nn.Module):
    """The trunk without its classifier: [B, 3, H, W] -> [B, channels, H/32, W/32].

    `depth` is 10, 18, 34, 50, 101 or 152. `width` is how many channels the first stage
    counts with, 64 in the paper; each stage doubles it, and bottlenecks have 4 times as
    many. `channels` are those of the output (512 or 2048 for width 64), `levels` those
    of the four stages.
    """

    stride = 32

    def __init__(self, depth: int = 50, width: int = 64) -> None:
        super().__init__()
        require(
            depth in BLOCKS,
            "no ResNet of this depth",
            where="depth",
            value=depth,
            fix=f"Known: {', '.join(map(str, BLOCKS))}.",
        )
        block = BasicBlock if depth < 50 else Bottleneck
        self.conv1, self.bn1 = conv(3, width, 7, 2), nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.channels = width
        for i, count in enumerate(BLOCKS[depth]):
            stride = 1 if i == 0 else 2
            layer = self._layer(block, width << i, count, stride)
            setattr(self, f"layer{i + 1}", layer)
        self.levels = tuple((width << i) * block.expansion for i in range(4))

    def _layer(self, block, width: int, count: int, stride: int) -> nn.Sequential:
        blocks = []
        for i in range(count):
            blocks.append(block(self.channels, width, stride if i == 0 else 1))
            self.channels = width * block.expansion
        return nn.Sequential(*blocks)

    def features(self, x: Tensor) -> list[Tensor]:
        """The features of each stage, C2 to C5: [B, levels[i], H/4/2^i, W/4/2^i]."""
        x = self.maxpool(self.bn1(self.conv1(x)).relu())  # [B, width, H/4, W/4]
        found = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:  # [B, 3, H, W]
        return self.features(x)[-1]  # [B, channels, H/32, W/32]
