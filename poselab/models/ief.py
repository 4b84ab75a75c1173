"""Iterative error feedback: a pose that is drawn, looked at and corrected.

Carreira, Agrawal, Fragkiadaki & Malik, "Human Pose Estimation with Iterative Error
Feedback", CVPR 2016 (1507.06550). `Corrector` is f at a size for two CPU cores,
`CorrectorPaper` the paper's GoogLeNet; `IterativeFeedback` draws the pose (g), asks f
for a correction, adds it, and does so four times with the same weights.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.codecs.ief import bounded, with_pose
from poselab.errors import require, require_shape
from poselab.geometry import box_centre, box_of_image
from poselab.models.deeppose import conv_block
from poselab.models.registry import register


class Corrector(nn.Module):
    """f: an image with a pose drawn into it -> how each joint should move.

    [B, 3 + J, H, W] -> [B, J, 2] in units of the bound. The regressor of notebook 01,
    but the drawn pose joins the picture after two layers, at a quarter of the size:
    early enough to compare the two place by place, late enough that three colours do
    not have to be found among seventeen maps first. For sides that 16 divides; 0.52 M
    parameters for 128x96 and 17 joints. `joints` is J, `size` the (H, W) of the input
    in px.
    """

    def __init__(self, joints: int = 17, size: tuple[int, int] = (128, 96)) -> None:
        super().__init__()
        self.look = nn.Sequential(
            conv_block(3, 16, stride=2),
            conv_block(16, 32, stride=2),  # [B, 32, H/4, W/4]
        )
        self.compare = nn.Sequential(
            conv_block(32 + joints, 48),  # [B, 48, H/4, W/4]
            conv_block(48, 64, stride=2),
            conv_block(64, 64),  # [B, 64, H/8, W/8]
            conv_block(64, 128, stride=2),
            conv_block(128, 128),  # [B, 128, H/16, W/16]
        )
        self.head = nn.Sequential(
            nn.Conv2d(128, 32, 1),
            nn.Flatten(),
            nn.Linear(32 * math.prod(n // 16 for n in size), 128),
            nn.ReLU(),
            nn.Linear(128, 2 * joints),
        )

    def forward(self, drawn: Tensor) -> Tensor:  # [B, 3 + J, H, W]
        seen = self.look(drawn[:, :3])  # [B, 32, H/4, W/4]
        maps = F.avg_pool2d(drawn[:, 3:], 4)  # [B, J, H/4, W/4]
        both = self.compare(torch.cat([seen, maps], 1))  # [B, 128, H/16, W/16]
        return self.head(both).unflatten(1, (-1, 2))  # [B, J, 2]


# --- the paper's size ----------------------------------------------------------------


def convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Sequential:
    """side x side convolution that keeps the size (divided by its stride), ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, padding=side // 2), nn.ReLU()
    )


class Inception(nn.Module):
    """Four looks side by side: 1x1, 3x3, 5x5 and the maximum of 3x3, stacked.

    [B, inputs, H, W] -> [B, one + three + five + pool, H, W]; 1x1 convolutions to
    `small3` and `small5` channels keep the larger ones cheap (Szegedy et al. 2015,
    1409.4842, figure 2b). `inputs` channels come in; `one`, `three`, `five` and `pool`
    are the channels of the four ways through.
    """

    def __init__(
        self,
        inputs: int,
        one: int,
        small3: int,
        three: int,
        small5: int,
        five: int,
        pool: int,
    ) -> None:
        super().__init__()
        self.one = convolution(inputs, one, 1)
        self.three = nn.Sequential(
            convolution(inputs, small3, 1), convolution(small3, three, 3)
        )
        self.five = nn.Sequential(
            convolution(inputs, small5, 1), convolution(small5, five, 5)
        )
        self.pool = nn.Sequential(
            nn.MaxPool2d(3, 1, padding=1), convolution(inputs, pool, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        looks = self.one(x), self.three(x), self.five(x), self.pool(x)
        return torch.cat(looks, 1)


INCEPTIONS = (  # 3a ... 5b of table 1, None: max pooling between them
    (192, 64, 96, 128, 16, 32, 32),
    (256, 128, 128, 192, 32, 96, 64),
    None,
    (480, 192, 96, 208, 16, 48, 64),
    (512, 160, 112, 224, 24, 64, 64),
    (512, 128, 128, 256, 24, 64, 64),
    (512, 112, 144, 288, 32, 64, 64),
    (528, 256, 160, 320, 32, 128, 128),
    None,
    (832, 256, 160, 320, 32, 128, 128),
    (832, 384, 192, 384, 48, 128, 128),
)


class CorrectorPaper(nn.Module):
    """f as the paper has it: GoogLeNet whose first layer takes the drawn pose too.

    [B, inputs, H, W], 224x224 in the paper -> [B, J, 2] in units of the bound. `inputs`
    is 3 colours, a map for each joint and one for the point on the torso that shows
    which person is meant: 20 for MPII's 16 joints. The last layer has 2 J outputs in
    place of the 1000 classes. Without the two side classifiers, which GoogLeNet has
    while it is trained. 6,059,664 parameters for 16 joints. `joints` is J.
    """

    size = (224, 224)

    def __init__(self, joints: int = 16, inputs: int = 20) -> None:
        super().__init__()
        norm = nn.LocalResponseNorm(5, 1e-4, 0.75)
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.stem = nn.Sequential(
            convolution(inputs, 64, 7, stride=2),
            pool,
            norm,  # [B, 64, H/4, W/4]
            convolution(64, 64, 1),
            convolution(64, 192, 3),
            norm,
            pool,  # [B, 192, H/8, W/8]
        )
        self.inceptions = nn.Sequential(
            *[Inception(*widths) if widths else pool for widths in INCEPTIONS]
        )
        self.dropout = nn.Dropout(0.4)
        self.head = nn.Linear(1024, 2 * joints)

    def forward(self, drawn: Tensor) -> Tensor:  # [B, inputs, H, W]
        features = self.inceptions(self.stem(drawn))  # [B, 1024, H/32, W/32]
        pooled = self.dropout(features.mean((2, 3)))  # [B, 1024]
        return self.head(pooled).unflatten(1, (-1, 2))  # [B, J, 2]


# --- the loop ------------------------------------------------------------------------


class IterativeFeedback(nn.Module):
    """Images [B, 3, H, W] -> the pose after every step, [B, J, 2] px each.

    y_{t+1} = y_t + eps_t, eps_t = bound * f(image (+) g(y_t)) (section 2). All steps
    share the weights of `corrector`; `start` [J, 2] px is y_0, a mean pose, and waits
    in the image's middle until training sets it; `bound` is L in px, `sigma` the width
    of the drawn joints in px. With `marked`, one more map has a Gaussian in the middle
    of the image: the point on the torso of the person that is meant. `joints` is J,
    `size` the (H, W) of the input in px, `stages` the number of steps.
    """

    def __init__(
        self,
        corrector: nn.Module,
        joints: int = 17,
        size: tuple[int, int] = (128, 96),
        stages: int = 4,
        bound: float = 7.0,
        sigma: float = 8.0,
        marked: bool = False,
    ) -> None:
        super().__init__()
        require(
            stages >= 1, "at least one step is needed", where="stages", value=stages
        )
        require(bound > 0, "a step needs a length", where="bound", value=bound)
        self.corrector, self.size = corrector, tuple(size)
        self.stages, self.bound, self.sigma = stages, float(bound), float(sigma)
        self.marked = marked
        middle = box_centre(box_of_image(self.size))
        self.register_buffer("start", middle.repeat(joints, 1))  # [J, 2] px

    def draw(self, images: Tensor, points: Tensor) -> Tensor:
        """x_t: the images with the poses [B, J, 2] px drawn into further channels."""
        if self.marked:
            middle = box_centre(box_of_image(self.size)).to(points)
            middle = middle.expand(len(points), 1, 2)
            points = torch.cat([points, middle], 1)  # [B, J + 1, 2]
        return with_pose(images, points, self.sigma)

    def correction(self, images: Tensor, points: Tensor) -> Tensor:
        """eps_t: how each of the joints [B, J, 2] px should move, [B, J, 2] px."""
        return self.bound * self.corrector(self.draw(images, points))

    def forward(
        self, images: Tensor, start: Tensor | None = None, limit: float = math.inf
    ) -> list[Tensor]:
        """`start` [J, 2] or [B, J, 2] px replaces y_0; `limit` px bounds steps too."""
        require_shape("images", images, None, 3, *self.size)
        points = self.start if start is None else start.to(self.start)
        points, poses = points.expand(len(images), -1, -1), []
        for _ in range(self.stages):
            points = points + bounded(self.correction(images, points), limit)
            poses.append(points)
        return poses  # one [B, J, 2] per step

    def truncated(self, stages: int) -> IterativeFeedback:
        """The same network, weights shared, that stops after `stages` steps."""
        require(
            stages >= 1, "at least one step is needed", where="stages", value=stages
        )
        other = copy.copy(self)
        other.stages = stages
        return other


@register("ief")
def tiny(
    joints: int = 17, size: tuple[int, int] = (128, 96), **options: Any
) -> IterativeFeedback:
    """The loop and its corrector for two cores; `options` are the loop's."""
    return IterativeFeedback(Corrector(joints, tuple(size)), joints, size, **options)


@register("ief_paper")
def paper(joints: int = 16, stages: int = 4) -> IterativeFeedback:
    """The paper's size: GoogLeNet on 224x224 pixels, steps of at most 20.

    How wide a joint is drawn the paper does not say; 8 px are ours.
    """
    corrector = CorrectorPaper(joints, inputs=3 + joints + 1)
    return IterativeFeedback(
        corrector,
        joints,
        CorrectorPaper.size,
        stages,
        bound=20.0,
        sigma=8.0,
        marked=True,
    )
