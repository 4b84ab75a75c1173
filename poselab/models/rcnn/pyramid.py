"""The feature pyramid: a ResNet that shows its stages, and the way back up.

Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017 (1612.03144),
section 3. Names of parameters are those of the field's checkpoints.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.models.resnet import ResNet


class FrozenBatchNorm(nn.Module):
    """Batch normalisation whose four vectors are fixed: y = (x - mean) / std * w + b.

    A detector sees one or two large images at a time, too few for statistics, so it
    keeps those of the classifier that it starts from (He et al. 2016, 1512.03385,
    appendix A). `eps` is 0 in the released detectors, not 1e-5. `channels` is C.
    """

    def __init__(self, channels: int, eps: float = 0.0) -> None:
        super().__init__()
        self.eps = eps
        for name, value in (
            ("weight", 1.0),
            ("bias", 0.0),
            ("running_mean", 0.0),
            ("running_var", 1.0),
        ):
            self.register_buffer(name, torch.full((channels,), value))

    def forward(self, x: Tensor) -> Tensor:  # [B, C, H, W]
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + shift[:, None, None]


def frozen(net: nn.Module, eps: float = 0.0) -> nn.Module:
    """`net` with every batch normalisation replaced by a frozen one."""
    for name, child in net.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(net, name, FrozenBatchNorm(child.num_features, eps))
        else:
            frozen(child, eps)
    return net


class StagedResNet(ResNet):
    """A ResNet that returns C2 to C5, strides 4, 8, 16, 32."""

    def forward(self, x: Tensor) -> list[Tensor]:  # [B, 3, H, W]
        return self.features(x)  # [B, levels[i], H / 2^(2 + i), W / 2^(2 + i)]


class FeaturePyramid(nn.Module):
    """Maps of several strides -> as many maps of `width` channels, and one coarser.

    Each level is a 1x1 convolution of its own map plus the level above, doubled in size
    by copying, then smoothed by a 3x3 convolution. The last level is every second cell
    of the coarsest. `widths` are the channels of the maps that come in.
    """

    def __init__(self, widths: tuple[int, ...], width: int = 256) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(w, width, 1)) for w in widths
        )
        self.layer_blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1)) for _ in widths
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        inner = [block(x) for block, x in zip(self.inner_blocks, maps, strict=True)]
        for i in range(len(inner) - 2, -1, -1):  # from coarse to fine
            size = inner[i].shape[-2:]
            inner[i] = inner[i] + F.interpolate(inner[i + 1], size, mode="nearest")
        levels = [block(x) for block, x in zip(self.layer_blocks, inner, strict=True)]
        return [*levels, F.max_pool2d(levels[-1], 1, stride=2)]


class PyramidBackbone(nn.Module):
    """Images [B, 3, H, W] -> levels of the pyramid, fine to coarse, [B, C, h, w].

    `body` gives the maps, `width` is C.
    """

    def __init__(self, body: nn.Module, width: int = 256) -> None:
        super().__init__()
        self.body, self.width = body, width
        self.fpn = FeaturePyramid(body.levels, width)

    def forward(self, images: Tensor) -> list[Tensor]:
        return self.fpn(self.body(images))
