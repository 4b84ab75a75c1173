"""3DMPPE: Moon, Chang & Lee, "Camera Distance-aware Top-down Approach for 3D
Multi-person Pose Estimation from a Single RGB Image", ICCV 2019 (1907.11346), sections
5 and 6.

Two networks on the crop of one person. PoseNet finds the joints relative to the root as
peaks in a volume; RootNet finds the root in the crop and corrects the depth k that the
size of the box suggests: depth = gamma * k. Parameter names are those of the field's
checkpoints (`backbone.*`, `head.*`, `root.*`).
"""

from __future__ import annotations

from torch import Tensor, nn

from poselab.errors import require_shape
from poselab.models.heatmaps import up_block
from poselab.models.registry import register
from poselab.models.resnet import ResNet


class UpHead(nn.Module):
    """Features [B, C, h, w] -> [B, filters, 8h, 8w]: three transposed convolutions."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        inputs = (channels, filters, filters)
        ups = [up_block(count, filters) for count in inputs]
        self.deconv_layers = nn.Sequential(*(layer for up in ups for layer in up))

    def forward(self, features: Tensor) -> Tensor:
        return self.deconv_layers(features)


class VolumeHead(UpHead):
    """Features -> logits of a volume for each joint, [B, J, D, H/4, W/4]."""

    def __init__(self, channels: int, filters: int, joints: int, depth: int) -> None:
        super().__init__(channels, filters)
        self.joints, self.depth = joints, depth
        self.final_layer = nn.Conv2d(filters, joints * depth, 1)

    def forward(self, features: Tensor) -> Tensor:
        flat = self.final_layer(super().forward(features))  # [B, J D, H/4, W/4]
        return flat.unflatten(1, (self.joints, self.depth))  # [B, J, D, H/4, W/4]


@register("posenet3d")
class PoseNet3d(nn.Module):
    """Images [B, 3, H, W] -> logits of volumes [B, J, D, H/4, W/4] (section 6.3).

    `depth` is that of the ResNet, `width` its first width, `filters` the channels of
    each transposed convolution, `cells` the D cells of depth. The paper: 256x256
    pixels, ResNet-50, 256 filters, a volume of 64x64x64 that spans 2 m of depth. H and
    W are multiples of 32.
    """

    stride = 4

    def __init__(
        self,
        depth: int = 50,
        joints: int = 18,
        width: int = 64,
        filters: int = 256,
        cells: int = 64,
    ) -> None:
        super().__init__()
        self.backbone = ResNet(depth, width)
        self.head = VolumeHead(self.backbone.channels, filters, joints, cells)

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        return self.head(self.backbone(images))  # [B, J, D, H/4, W/4]


class RootHead(UpHead):
    """Features -> one map of the root [B, 1, H/4, W/4], and gamma [B, 1]."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__(channels, filters)
        self.xy_layer = nn.Conv2d(filters, 1, 1)
        self.depth_layer = nn.Conv2d(channels, 1, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        heatmaps = self.xy_layer(super().forward(features))  # [B, 1, H/4, W/4]
        pooled = features.mean((2, 3), keepdim=True)  # [B, C, 1, 1]
        return heatmaps, self.depth_layer(pooled).flatten(1)  # gamma [B, 1]


@register("rootnet")
class RootNet(nn.Module):
    """Images [B, 3, H, W] and k [B, 1] mm -> map of the root, absolute depth in mm.

    Returns logits [B, 1, H/4, W/4], whose soft-argmax is the root's place in the crop,
    and depth [B, 1] = gamma * k (section 5.2). `depth`, `width` and `filters` are as
    for `PoseNet3d`.
    """

    stride = 4

    def __init__(self, depth: int = 50, width: int = 64, filters: int = 256) -> None:
        super().__init__()
        self.backbone = ResNet(depth, width)
        self.root = RootHead(self.backbone.channels, filters)

    def gamma(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The map of the root and the correction factor [B, 1] alone."""
        return self.root(self.backbone(images))

    def forward(self, images: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        require_shape("k", k, len(images), 1)
        heatmaps, gamma = self.gamma(images)
        return heatmaps, gamma * k  # [B, 1, H/4, W/4], [B, 1] mm
