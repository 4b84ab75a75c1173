"""DeepPose: joints straight from pixels, by regression.

Toshev & Szegedy, "DeepPose: Human Pose Estimation via Deep Neural Networks", CVPR 2014
(1312.4659). `DeepPose` (small enough for two CPU cores) and its later stage `Refiner`,
`DeepPosePaper` (the paper's AlexNet) and its `RefinerPaper`, and `DeepPoseResNet`
(ResNet-50 with one linear layer, as the field's checkpoints have it); `Cascade` puts
stages together.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from poselab.codecs.regression import denormalise, joint_boxes, pose_diameter
from poselab.errors import require, require_shape
from poselab.geometry import box_of_image, crop_boxes
from poselab.models.registry import register
from poselab.models.resnet import ResNet
from poselab.skeleton import COCO_17, Skeleton

# Joints spread by about 0.2 of a box side around its centre. With outputs in this unit
# the first guesses are sensible and one step of Adam is small compared with a pose.
UNIT = 0.2


def conv_block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Backbone(nn.Sequential):
    """Image [B, 3, H, W] -> features [B, 128, H/16, W/16] (rounded up).

    Seven 3x3 convolutions, four of them with stride 2, so each feature sees 87x87
    pixels (`field`). Notebook 02 puts another head on it.
    """

    stride, channels, field = 16, 128, 87

    def __init__(self) -> None:
        super().__init__(
            conv_block(3, 16, stride=2),  # [B, 16, H/2, W/2]
            conv_block(16, 32, stride=2),  # [B, 32, H/4, W/4]
            conv_block(32, 32),
            conv_block(32, 64, stride=2),  # [B, 64, H/8, W/8]
            conv_block(64, 64),
            conv_block(64, 128, stride=2),  # [B, 128, H/16, W/16]
            conv_block(128, 128),
        )


@register("deeppose")
class DeepPose(nn.Module):
    """The tiny regressor: images [B, 3, H, W] -> [B, J, 2] in about [-0.5, 0.5].

    Like the paper's network it ends in fully connected layers, so the place of a
    feature in the image is known only through its weight. 0.50 M parameters for 128x96
    and 17 joints. `joints` is J, `size` the (H, W) of the input in px.
    """

    def __init__(self, joints: int = 17, size: tuple[int, int] = (128, 96)) -> None:
        super().__init__()
        self.size = size
        self.backbone = Backbone()
        cells = math.prod(math.ceil(n / Backbone.stride) for n in size)
        self.head = nn.Sequential(
            nn.Conv2d(Backbone.channels, 32, 1),  # [B, 32, H/16, W/16]
            nn.Flatten(),
            nn.Linear(32 * cells, 128),
            nn.ReLU(),
            nn.Linear(128, 2 * joints),
        )

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        output = UNIT * self.head(self.backbone(images))  # [B, 2 J]
        return output.unflatten(1, (-1, 2))  # [B, J, 2]


@register("deeppose_paper")
class DeepPosePaper(nn.Module):
    """The network of the paper: 220x220 pixels -> [B, J, 2] in about [-0.5, 0.5].

    AlexNet's five convolutions (96x11x11 stride 4, 256x5x5, 384, 384 and 256 of 3x3),
    local response normalisation and max pooling after the first two, pooling after the
    fifth; two fully connected layers of 4096 with dropout 0.6; linear output (section
    3.1). 58,420,642 parameters for 17 joints: 54.5 M of them in the two layers of 4096.
    The paper gives the layers' output sizes; padding and pooling (3x3, stride 2) are
    chosen to meet them. Dropout here is the share that is set to 0. `joints` is J,
    `dropout` the share of values dropped in the two wide layers.
    """

    size = (220, 220)

    def __init__(self, joints: int = 17, dropout: float = 0.6) -> None:
        super().__init__()
        norm, pool = nn.LocalResponseNorm(5, 1e-4, 0.75, 2.0), nn.MaxPool2d(3, 2)
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4, padding=4),
            nn.ReLU(),
            norm,  # 55x55
            pool,
            nn.Conv2d(96, 256, 5, padding=2),
            nn.ReLU(),
            norm,  # 27x27
            pool,
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(),  # 13x13
            nn.Conv2d(384, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            pool,  # 6x6
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 2 * joints),
        )

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, 220, 220]
        require_shape("images", images, None, 3, *self.size)
        return self.head(self.features(images)).unflatten(1, (-1, 2))  # [B, J, 2]


@register("deeppose_resnet")
class DeepPoseResNet(nn.Module):
    """ResNet, global average pooling, one linear layer: [B, J, 2] in [0, 1].

    The form in which later code bases keep DeepPose; any input size. Coordinates are
    x / W and y / H of the input (`RegressionCodec(size, unit=True)`). Names and numbers
    are those of the public checkpoints; `depth` 50 and 17 joints have 23,577,698
    parameters. `joints` is J.
    """

    def __init__(self, depth: int = 50, joints: int = 17) -> None:
        super().__init__()
        self.backbone = ResNet(depth)
        self.head = nn.Module()
        self.head.fc = nn.Linear(self.backbone.channels, 2 * joints)

    def forward(self, images: Tensor) -> Tensor:  # [B, 3, H, W]
        pooled = self.backbone(images).mean((2, 3))  # [B, channels]
        return self.head.fc(pooled).unflatten(1, (-1, 2))  # [B, J, 2]


@register("deeppose_refiner")
class Refiner(nn.Module):
    """A later stage: crops [B, J, 3, c, c] -> displacements [B, J, 2] in crop sides.

    One small network sees the crops of all joints and has an output per joint, psi_i,
    of which only the crop's own is read. The paper repeats the large network of stage 1
    for every later stage; here the features are shared by all joints and tiny. `joints`
    is J, `crop` the side c of the crops in px.
    """

    def __init__(self, joints: int = 17, crop: int = 24) -> None:
        super().__init__()
        self.joints, self.crop = joints, crop
        cells = math.ceil(crop / 8) ** 2
        self.layers = nn.Sequential(
            conv_block(3, 16, stride=2),  # [N, 16, c/2, c/2]
            conv_block(16, 32, stride=2),
            conv_block(32, 64, stride=2),  # [N, 64, c/8, c/8]
            nn.Flatten(),
            nn.Linear(64 * cells, 128),
            nn.ReLU(),
            nn.Linear(128, 2 * joints),
        )

    def forward(self, crops: Tensor) -> Tensor:  # [B, J, 3, c, c]
        require_shape("crops", crops, None, self.joints, 3, self.crop, self.crop)
        output = UNIT * self.layers(crops.flatten(0, 1))  # [B J, 2 J]
        return _own(output.unflatten(1, (-1, 2)))


class RefinerPaper(nn.Module):
    """A later stage at the paper's size: the network of stage 1 on every crop.

    Crops [B, J, 3, 220, 220] -> displacements [B, J, 2] in crop sides. All stages have
    the same architecture, each has weights of its own (section 3.2). `joints` is J,
    `dropout` as for `DeepPosePaper`.
    """

    crop = DeepPosePaper.size[0]

    def __init__(self, joints: int = 17, dropout: float = 0.6) -> None:
        super().__init__()
        self.network = DeepPosePaper(joints, dropout)

    def forward(self, crops: Tensor) -> Tensor:  # [B, J, 3, 220, 220]
        return _own(self.network(crops.flatten(0, 1)))


def _own(every: Tensor) -> Tensor:
    """Of all joints [B J, J, 2] in each joint's crop the one it is of: [B, J, 2]."""
    joints = every.shape[1]
    own = torch.arange(joints, device=every.device)
    return every.unflatten(0, (-1, joints))[:, own, own]


class Cascade(nn.Module):
    """Stage 1 on the whole image, then refiners on crops around its joints.

    `first` maps images to [B, J, 2] in [-0.5, 0.5]; each refiner sees crops of side
    sigma * diam(y) around the estimate y of the stage before and moves the joints
    (section 3.2). Calling it gives the estimate after every stage, in pixels.
    `refiners` are the later stages, `sigma` the size of the crops in diameters of the
    pose; `skeleton` has the two joints that the diameter is measured between.
    """

    def __init__(
        self,
        first: nn.Module,
        refiners: list[nn.Module] = (),
        sigma: float = 1.0,
        skeleton: Skeleton = COCO_17,
    ) -> None:
        super().__init__()
        require(sigma > 0, "a crop needs a size", where="sigma", value=sigma)
        self.first, self.refiners = first, nn.ModuleList(refiners)
        self.sigma, self.skeleton = float(sigma), skeleton

    @property
    def stages(self) -> int:
        """How many estimates a call gives."""
        return 1 + len(self.refiners)

    def truncated(self, stages: int) -> Cascade:
        """The cascade that stops after so many stages; the layers are shared."""
        refiners = list(self.refiners[: stages - 1])
        return Cascade(self.first, refiners, self.sigma, self.skeleton)

    def start(self, images: Tensor) -> Tensor:
        """Stage 1: images [B, 3, H, W] -> joints [B, J, 2] px."""
        box = box_of_image(images.shape[-2:]).to(images)
        return denormalise(self.first(images), box)

    def boxes(self, points: Tensor) -> Tensor:
        """Where the next stage looks: joints [B, J, 2] px -> boxes [B, J, 4] xywh."""
        diameter = pose_diameter(points, skeleton=self.skeleton)
        return joint_boxes(points, self.sigma * diameter)

    def step(self, images: Tensor, points: Tensor, refiner: nn.Module) -> Tensor:
        """One later stage: joints [B, J, 2] px -> better joints [B, J, 2] px."""
        boxes = self.boxes(points)
        crops = crop_boxes(images, boxes, (refiner.crop, refiner.crop))
        displacement = refiner(crops)
        return denormalise(displacement[:, :, None], boxes)[:, :, 0]

    def forward(self, images: Tensor) -> list[Tensor]:
        points = [self.start(images)]
        for refiner in self.refiners:
            points.append(self.step(images, points[-1], refiner))
        return points  # one [B, J, 2] per stage


@register("deeppose_cascade")
def deeppose_cascade(
    joints: int = 17,
    size: tuple[int, int] = (128, 96),
    stages: int = 2,
    sigma: float = 1.0,
    crop: int = 24,
) -> Cascade:
    """The tiny DeepPose with `stages` - 1 refiners."""
    first = DeepPose(joints, tuple(size))
    refiners = [Refiner(joints, crop) for _ in range(stages - 1)]
    return Cascade(first, refiners, sigma)


@register("deeppose_paper_cascade")
def deeppose_paper_cascade(joints: int = 17, stages: int = 3) -> Cascade:
    """DeepPose as the paper has it; 58 M parameters a stage."""
    refiners = [RefinerPaper(joints) for _ in range(stages - 1)]
    return Cascade(DeepPosePaper(joints), refiners)
