"""OpenPose: where the joints are and which way the limbs run, for everybody at once.

Z. Cao, T. Simon, S.-E. Wei and Y. Sheikh, "Realtime Multi-Person 2D Pose Estimation
using Part Affinity Fields", CVPR 2017 (1611.08050), section 2.1 and figure 3. The first
ten layers of VGG-19 and two more give features F at stride 8. Every stage has two
branches: one answers with the fields of the limbs, the other with the heatmaps of the
joints; from the second stage on both get F and the answers of the stage before.
Parameters are named as in the released Caffe network.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from poselab.errors import require
from poselab.models.registry import register
from poselab.models.trunk import SmallTrunk, expect_little

# VGG-19 (1409.1556, table 1, column E) up to its tenth convolution.
VGG = ((64, 2), (128, 2), (256, 4), (512, 2))


def _convolutions(layers: list[tuple], last: bool) -> nn.Sequential:
    """Named convolutions (name, inputs, outputs, kernel) that keep the size.

    A ReLU follows each, the last one only where `last`. A layer of name "pool" halves
    the size.
    """
    found = OrderedDict()
    for i, (name, *sizes) in enumerate(layers):
        if name.startswith("pool"):
            found[name] = nn.MaxPool2d(2)
            continue
        inputs, outputs, kernel = sizes
        found[name] = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        if last or i + 1 < len(layers):
            found[f"relu_{name}"] = nn.ReLU(inplace=True)
    return nn.Sequential(found)


def vgg_features() -> nn.Sequential:
    """The paper's trunk: images [B, 3, H, W] -> F [B, 128, H/8, W/8]."""
    layers, inputs = [], 3
    for block, (width, count) in enumerate(VGG, 1):
        for i in range(1, count + 1):
            layers.append((f"conv{block}_{i}", inputs, width, 3))
            inputs = width
        if block < len(VGG):
            layers.append((f"pool{block}",))
    layers += [("conv4_3_CPM", 512, 256, 3), ("conv4_4_CPM", 256, 128, 3)]
    return _convolutions(layers, last=True)


def _first(branch: int, inputs: int, outputs: int, width: int, wide: int):
    """A branch of the first stage: three 3x3 and two 1x1 convolutions."""
    sizes = [(inputs, width, 3), (width, width, 3), (width, width, 3)]
    sizes += [(width, wide, 1), (wide, outputs, 1)]
    names = [f"conv5_{i}_CPM_L{branch}" for i in range(1, 6)]
    return _convolutions([(n, *s) for n, s in zip(names, sizes, strict=True)], False)


def _later(stage: int, branch: int, inputs: int, outputs: int, width: int, kernel: int):
    """A branch of a later stage: five convolutions of `kernel` and two 1x1."""
    sizes = [(inputs, width, kernel), *[(width, width, kernel)] * 4]
    sizes += [(width, width, 1), (width, outputs, 1)]
    names = [f"Mconv{i}_stage{stage}_L{branch}" for i in range(1, 8)]
    return _convolutions([(n, *s) for n, s in zip(names, sizes, strict=True)], False)


@register("openpose")
class OpenPose(nn.Module):
    """Images [B, 3, H, W] -> a list with (fields, heatmaps) of every stage.

    fields [B, 2 L, h, w] (x then y of each limb), heatmaps [B, J + 1, h, w] (the last
    is the background: nobody's joint is here). `parts` is J, `limbs` L. `trunk` gives F
    with `features` channels, at the stride `trunk.stride` (8 if it has none).
    `width` and `wide` are the channels of the branches, `kernel` the side of the
    convolutions of later stages. The released weights take blue first (`bgr` turns the
    channels of RGB images) and numbers in [0, 255] / 256 - 0.5.

    A PyTorch port that many projects took over has a ReLU after the last heatmaps,
    which the released Caffe network does not have: `last_relu`. With `logistic`
    heatmaps are probabilities, for a loss of cross-entropies.
    """

    def __init__(
        self,
        parts: int = 18,
        limbs: int = 19,
        stages: int = 6,
        width: int = 128,
        wide: int = 512,
        kernel: int = 7,
        trunk: nn.Module | None = None,
        features: int = 128,
        last_relu: bool = False,
        logistic: bool = False,
        bgr: bool = False,
    ) -> None:
        super().__init__()
        require(
            isinstance(stages, int) and stages >= 1,
            "must be a whole number from 1",
            where="OpenPose",
            field="stages",
            value=stages,
        )
        self.stages, self.last_relu, self.bgr = stages, last_relu, bgr
        self.logistic = logistic
        self.model0 = vgg_features() if trunk is None else trunk
        self.stride = getattr(self.model0, "stride", 8)
        answers = (2 * limbs, parts + 1)
        for t in range(1, stages + 1):
            inputs = features + (sum(answers) if t > 1 else 0)
            for b, outputs in enumerate(answers, 1):
                if t == 1:
                    branch = _first(b, inputs, outputs, width, wide)
                else:
                    branch = _later(t, b, inputs, outputs, width, kernel)
                setattr(self, f"model{t}_{b}", branch)
            if logistic:
                expect_little(branch[-1])

    def forward(self, images: Tensor) -> list[tuple[Tensor, Tensor]]:  # [B, 3, H, W]
        images = images.flip(1) if self.bgr else images
        features = self.model0(images)  # [B, features, h, w]
        x, answers = features, []
        for t in range(1, self.stages + 1):
            pair = tuple(getattr(self, f"model{t}_{b}")(x) for b in (1, 2))
            if self.logistic:
                pair = pair[0], pair[1].float().sigmoid()
            answers.append(pair)  # [B, 2 L, h, w], [B, J + 1, h, w]
            x = torch.cat([*pair, features], 1)
        if self.last_relu:
            fields, heatmaps = answers[-1]
            answers[-1] = (fields, heatmaps.relu())
        return answers


@register("openpose_tiny")
def openpose_tiny(
    parts: int = 18,
    limbs: int = 19,
    stages: int = 2,
    width: int = 32,
    trunk: int = 24,
    logistic: bool = False,
) -> OpenPose:
    """For images of 192 x 256 on a laptop: stride 4, a small HRNet instead of VGG-19.

    `trunk` channels of features; 3x3 convolutions in the later stages, since at stride
    4 a 7x7 costs more than all the rest.
    """
    small, wide = SmallTrunk(trunk), 2 * width
    return OpenPose(
        parts, limbs, stages, width, wide, 3, small, trunk, logistic=logistic
    )
