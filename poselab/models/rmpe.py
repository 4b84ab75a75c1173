"""RMPE and AlphaPose: Fang, Xie, Tai & Lu, "RMPE: Regional Multi-Person Pose
Estimation", ICCV 2017 (1612.00137), section 3.2.

`FastPose` is the single-person network of the present AlphaPose. `SpatialTransformer`
moves the person to the middle of the crop before any single-person network, and its
inverse brings the joints back (the paper's STN and SDTN). Parameter names of FastPose
are those of the field's checkpoints.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.errors import require_shape
from poselab.models.registry import maker, register
from poselab.models.resnet import Bottleneck, ResNet


class SqueezeExcitation(nn.Module):
    """Weighs each channel by what all pixels together hold (1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels),
            nn.ReLU(),
            nn.Linear(channels, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:  # [B, C, H, W]
        return x * self.fc(x.mean((2, 3)))[..., None, None]


class SEBottleneck(Bottleneck):
    """A bottleneck whose branch ends in `SqueezeExcitation`."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__(inputs, width, stride)
        self.se = SqueezeExcitation(width * self.expansion)

    def branch(self, x: Tensor) -> Tensor:
        """The residual function F(x)."""
        return self.se(super().branch(x))


class SEResNet(ResNet):
    """A ResNet whose stages begin with an `SEBottleneck`; depth 50 and more."""

    def _layer(self, block, width: int, count: int, stride: int) -> nn.Sequential:
        inputs = self.channels
        layer = super()._layer(block, width, count, stride)
        layer[0] = SEBottleneck(inputs, width, stride)
        return layer


class DenseUpsampling(nn.Module):
    """[B, inputs, h, w] -> [B, outputs / 4, 2h, 2w]: 3x3 convolution, pixel shuffle."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn, self.shuffle = nn.BatchNorm2d(outputs), nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.shuffle(self.bn(self.conv(x)).relu())


@register("fastpose")
class FastPose(nn.Module):
    """Images [B, 3, H, W] -> heatmaps [B, J, H/4, W/4], for sides that 32 divides.

    A ResNet of `depth` 50 or more with `width` channels in its first stage and three
    times sub-pixel upsampling. AlphaPose: depth 50, width 64, 256x192 pixels.
    """

    stride = 4

    def __init__(self, depth: int = 50, joints: int = 17, width: int = 64) -> None:
        super().__init__()
        self.preact = SEResNet(depth, width)
        deep = self.preact.channels  # 2048 in AlphaPose
        self.suffle1 = nn.PixelShuffle(2)
        self.duc1 = DenseUpsampling(deep // 4, deep // 2)
        self.duc2 = DenseUpsampling(deep // 8, deep // 4)
        self.conv_out = nn.Conv2d(deep // 16, joints, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        x = self.suffle1(self.preact(images))  # [B, C / 4, H/16, W/16]
        return self.conv_out(self.duc2(self.duc1(x)))  # [B, J, H/4, W/4]


def affine_inverse(theta: Tensor) -> Tensor:
    """The inverse of affine maps theta [B, 2, 3]; the paper's equation 3."""
    require_shape("theta", theta, None, 2, 3)
    linear = torch.linalg.inv(theta[:, :, :2])  # [B, 2, 2]
    return torch.cat([linear, -linear @ theta[:, :, 2:]], 2)  # [B, 2, 3]


def resample(maps: Tensor, theta: Tensor) -> Tensor:
    """Maps [B, C, H, W] looked at through affine maps theta [B, 2, 3]; same size.

    theta leads from the new picture's coordinates to the old one's, both from -1 to 1
    between the outer edges of the border pixels (equation 1 of the paper).
    """
    grid = F.affine_grid(theta.to(maps), list(maps.shape), align_corners=False)
    return F.grid_sample(maps, grid, align_corners=False)


class Localisation(nn.Module):
    """Crops [B, 3, H, W] -> theta [B, 2, 3]: where in the crop the person is (the STN).

    Shift and scale, no rotation. Begins as the identity, since its last layer is 0.
    `width` is the number of channels of the first of three layers.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        channels = [3, width, 2 * width, 4 * width]
        layers = []
        for few, many in zip(channels, channels[1:], strict=False):
            conv = nn.Conv2d(few, many, 5, stride=2, padding=2, bias=False)
            layers += [conv, nn.BatchNorm2d(many), nn.ReLU()]
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((4, 3)))
        self.answer = nn.Linear(12 * channels[-1], 4)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, crops: Tensor) -> Tensor:
        return shift_and_scale(self.answer(self.features(crops).flatten(1)))


class ResNetLocalisation(ResNet):
    """`Localisation` with a ResNet of `depth` and `width` for its features.

    The paper's has 18 layers. Its layers have the names of `ResNet`, so that weights
    of a single-person network can be where it begins.
    """

    def __init__(self, depth: int = 18, width: int = 64) -> None:
        super().__init__(depth, width)
        self.answer = nn.Linear(12 * self.channels, 4)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, crops: Tensor) -> Tensor:
        features = F.adaptive_avg_pool2d(super().forward(crops), (4, 3))
        return shift_and_scale(self.answer(features.flatten(1)))


def shift_and_scale(found: Tensor) -> Tensor:
    """Four numbers [B, 4] -> theta [B, 2, 3] without rotation; zeros: the identity."""
    scale, shift = (0.5 * found[:, :2].tanh()).exp(), found[:, 2:].tanh()
    return torch.cat([torch.diag_embed(scale), shift[..., None]], 2)


class SymmetricTransformer(nn.Module):
    """SSTN: a spatial transformer before a single-person network, its inverse after.

    `net` answers crops [B, 3, H, W] with heatmaps [B, J, h, w]. The answer is in the
    frame of the crop as it came in. In training the output is a pair: that answer, and
    the one of a parallel copy of `net` with frozen weights, which has no inverse behind
    it and is compared with a centred pose: only the transformer learns from it, so it
    learns to centre the person (section 3.2). With `frozen` the network itself keeps
    its weights, too, and then stands for its copy. `localisation` finds theta
    (`Localisation()`).
    """

    def __init__(
        self,
        net: nn.Module,
        localisation: nn.Module | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.localisation, self.net = localisation or Localisation(), net
        self.parallel = None if frozen else copy.deepcopy(net).requires_grad_(False)
        if frozen:
            net.requires_grad_(False)

    def train(self, mode: bool = True) -> SymmetricTransformer:
        """What is frozen stays as it is: its statistics are frozen too."""
        super().train(mode)
        frozen = self.net if self.parallel is None else self.parallel
        frozen.eval()
        return self

    def forward(self, crops: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        theta = self.localisation(crops)  # [B, 2, 3]
        centred = resample(crops, theta)
        found = self.net(centred)  # [B, J, h, w]
        low = found.amin((2, 3), keepdim=True)  # where nothing was seen: the least
        heatmaps = resample(found - low, affine_inverse(theta)) + low
        if not self.training:
            return heatmaps
        same = self.parallel is None
        return heatmaps, found if same else self.parallel(centred)


@register("sstn")
def sstn(net: str, arguments: dict, depth: int = 18, width: int = 64):
    """The network `net` with its `arguments`, frozen, in a `SymmetricTransformer`.

    `depth` and `width` are those of its `ResNetLocalisation`.
    """
    inner = maker(net)(**arguments)
    return SymmetricTransformer(inner, ResNetLocalisation(depth, width), frozen=True)
