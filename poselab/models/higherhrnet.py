"""HigherHRNet: associative embedding with heatmaps twice as fine, for small people.

B. Cheng et al., "HigherHRNet: Scale-Aware Representation Learning for Bottom-Up Human
Pose Estimation", CVPR 2020 (1908.10357), sections 3.2 to 3.4. HRNet answers at stride 4
with heatmaps and tags; its features and that answer go together through a transposed
convolution and residual blocks to heatmaps at stride 2. Parameter names are those of
the field's checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poselab.errors import require
from poselab.models.hrnet import MODULES, HRNet
from poselab.models.registry import register
from poselab.models.resnet import BasicBlock
from poselab.models.trunk import SMALL, expect_little, probabilities


@register("higherhrnet")
class HigherHRNet(HRNet):
    """Images [B, 3, H, W] -> a tuple: [B, 2 J, H/4, W/4], then [B, J, H/2, W/2].

    Of the first, channels 0 to J - 1 are heatmaps and J to 2 J - 1 tags; the second is
    heatmaps only. 32 has to divide H and W. `width`, `modules`, `blocks` and `stem` as
    for `HRNet`; `refine` residual blocks follow the transposed convolution (the paper:
    4). Without `fine` the second answer is left out and the tuple has one entry: HRNet
    with associative embedding, the paper's baseline (table 4). With `logistic` the
    heatmaps are probabilities, for a loss of cross-entropies.
    """

    def __init__(
        self,
        width: int = 32,
        joints: int = 17,
        modules: tuple[int, ...] = MODULES,
        blocks: int = 4,
        stem: int = 64,
        refine: int = 4,
        fine: bool = True,
        logistic: bool = False,
    ) -> None:
        require(
            isinstance(joints, int) and joints >= 1,
            "must be a whole number from 1",
            where="HigherHRNet",
            field="joints",
            value=joints,
        )
        super().__init__(width, joints, modules, blocks, stem)
        del self.final_layer  # HRNet's own head
        heads = [nn.Conv2d(width, 2 * joints, 1)]
        self.deconv_layers = nn.ModuleList()
        if fine:
            heads.append(nn.Conv2d(width, joints, 1))
            self.deconv_layers.append(_finer(width + 2 * joints, width, refine))
        self.final_layers = nn.ModuleList(heads)
        self.probable = joints if logistic else 0
        for head in heads if logistic else ():
            expect_little(head, joints)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:  # [B, 3, H, W]
        x = self.features(images)  # [B, width, H/4, W/4]
        first = self.final_layers[0](x)
        answers = [probabilities(first, self.probable)]  # [B, 2 J, H/4, W/4]
        for finer, head in zip(self.deconv_layers, self.final_layers[1:], strict=True):
            x = finer(torch.cat([x, answers[-1]], 1))  # [B, width, H/2, W/2]
            answer = probabilities(head(x), self.probable)
            answers.append(answer)  # [B, J, H/2, W/2]
        return tuple(answers)


def _finer(inputs: int, width: int, blocks: int) -> nn.Sequential:
    """A transposed convolution that doubles the size, then residual blocks."""
    doubled = nn.Sequential(
        nn.ConvTranspose2d(inputs, width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )
    rest = [nn.Sequential(BasicBlock(width, width, 1)) for _ in range(blocks)]
    return nn.Sequential(doubled, *rest)


@register("higherhrnet_tiny")
def higherhrnet_tiny(
    joints: int = 17,
    width: int = 24,
    refine: int = 1,
    fine: bool = True,
    logistic: bool = False,
) -> HigherHRNet:
    """For images of 192 x 256 on a laptop: the trunk that the tiny networks share."""
    return HigherHRNet(
        width, joints, refine=refine, fine=fine, logistic=logistic, **SMALL
    )
