"""PersonLab: from every pixel near a joint, vectors to it and to the next ones.

G. Papandreou et al., "PersonLab: Person Pose Estimation and Instance Segmentation with
a Bottom-Up, Part-Based, Geometric Embedding Model", ECCV 2018 (1803.08225), sections
3.1 to 3.3. All answers are 1x1 convolutions on the features of one trunk. The paper's
trunks are ResNet-101 and ResNet-152; the weights that everybody can run belong to the
same heads on MobileNet (`PoseNet`), with the parameter names of that release.
"""

from __future__ import annotations

from torch import Tensor, nn

from poselab.errors import require
from poselab.models.registry import register
from poselab.models.trunk import SmallTrunk

EDGES = 16  # of the tree over COCO's 17 joints


class PersonLab(nn.Module):
    """Images [B, 3, H, W] -> a dictionary of maps at the trunk's stride.

    "heatmaps" [B, J, h, w] logits; "short" [B, 2 J, h, w]; "forward" and "backward"
    [B, 2 E, h, w], from parent to child and from child to parent; and, with `masks`,
    "far" [B, 2 J, h, w] (the long-range offsets) and "people" [B, 1, h, w] logits. In
    each field of vectors all y come before all x, as released.

    `trunk` gives [B, channels, h, w] and has a `stride`; `edges` (E) are those of the
    tree of joints.
    """

    def __init__(
        self,
        trunk: nn.Module,
        channels: int,
        joints: int = 17,
        edges: int = EDGES,
        masks: bool = True,
    ) -> None:
        super().__init__()
        require(
            isinstance(joints, int) and joints >= 1,
            "must be a whole number from 1",
            where="PersonLab",
            field="joints",
            value=joints,
        )
        self.features, self.stride = trunk, trunk.stride
        self.heatmap = nn.Conv2d(channels, joints, 1)
        self.offset = nn.Conv2d(channels, 2 * joints, 1)
        self.displacement_fwd = nn.Conv2d(channels, 2 * edges, 1)
        self.displacement_bwd = nn.Conv2d(channels, 2 * edges, 1)
        self.long = nn.Conv2d(channels, 2 * joints, 1) if masks else None
        self.mask = nn.Conv2d(channels, 1, 1) if masks else None

    def forward(self, images: Tensor) -> dict[str, Tensor]:  # [B, 3, H, W]
        x = self.features(images)  # [B, channels, h, w]
        answer = {
            "heatmaps": self.heatmap(x),  # [B, J, h, w]
            "short": self.offset(x),  # [B, 2 J, h, w]
            "forward": self.displacement_fwd(x),  # [B, 2 E, h, w]
            "backward": self.displacement_bwd(x),
        }
        if self.long is not None:
            answer |= {"far": self.long(x), "people": self.mask(x)}
        return answer


class Separable(nn.Module):
    """A 3x3 convolution of each channel by itself, then 1x1; ReLU6 after both.

    Howard et al. 2017 (1704.04861), section 3.1. `rate` spreads the 3x3 taps.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, rate: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            inputs, inputs, 3, stride, rate, dilation=rate, groups=inputs
        )
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:  # [B, C, h, w]
        x = nn.functional.relu6(self.depthwise(x))
        return nn.functional.relu6(self.pointwise(x))


class First(nn.Module):
    """The 3x3 convolution of stride 2 that MobileNet begins with, and ReLU6."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, outputs, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:  # [B, 3, H, W]
        return nn.functional.relu6(self.conv(x))  # [B, C, H/2, W/2]


# Channels and stride of MobileNet's 13 separable convolutions (1704.04861, table 1).
MOBILENET = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)


class MobileNet(nn.Sequential):
    """MobileNet without its classifier: [B, 3, H, W] -> [B, 1024, H/16, W/16].

    Where `stride` is reached, later strides become a wider spread of the taps, so that
    the field of view stays as it was. An image of 16 n + 1 pixels gives n + 1 cells.
    """

    def __init__(self, stride: int = 16) -> None:
        require(
            stride in (8, 16, 32),
            "must be 8, 16 or 32",
            where="MobileNet",
            field="stride",
            value=stride,
        )
        super().__init__()
        self.add_module("conv0", First(32))
        inputs, reached, rate = 32, 2, 1
        for i, (outputs, step) in enumerate(MOBILENET, 1):
            strides = reached < stride
            layer = Separable(inputs, outputs, step if strides else 1, rate)
            self.add_module(f"conv{i}", layer)
            reached, rate = (
                (reached * step, rate) if strides else (reached, rate * step)
            )
            inputs = outputs
        self.stride = stride


@register("posenet")
def posenet(joints: int = 17, stride: int = 16) -> PersonLab:
    """The released PoseNet on MobileNet 1.01: 3,313,907 parameters, no masks.

    RGB scaled to [-1, 1]; offsets in pixels.
    """
    return PersonLab(MobileNet(stride), 1024, joints, masks=False)


@register("personlab_tiny")
def personlab_tiny(
    joints: int = 17, edges: int = EDGES, trunk: int = 24, masks: bool = True
) -> PersonLab:
    """For images of 192 x 256 on a laptop: stride 4, a small HRNet of `trunk` channels.

    The paper's networks have stride 8 or 16 on images of 1401 pixels.
    """
    return PersonLab(SmallTrunk(trunk), trunk, joints, edges, masks)
