"""Online hard keypoint mining: learn from the joints that are wrong now.

Chen et al., "Cascaded Pyramid Network for Multi-Person Pose Estimation", CVPR 2018
(1711.07319), section 3.2: RefineNet's loss counts only the M joints of each person
whose loss is largest at this moment, M = 8 of 17 in the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Targets
from poselab.codecs.heatmap import HeatmapCodec, cross_entropy_of_joints
from poselab.errors import require, require_shape


def loss_of_joints(
    kind: str, output: Tensor, target: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """The loss of every joint of every image, [B, J], and whether it counts, [B, J].

    `kind`, output, target [B, J, h, w] and weight as for `HeatmapCodec.loss`. The mean
    over those that count is `spatial_cross_entropy`, or `masked_mse` where whole
    heatmaps count or do not.
    """
    if kind == "cross_entropy":
        return cross_entropy_of_joints(output, target, weight)
    require_shape("target", target, *output.shape)
    weight = weight.expand_as(target)
    difference = torch.where(weight > 0, output - target, 0.0)
    cells = weight.sum((2, 3))  # [B, J]
    each = (weight * difference.square()).sum((2, 3)) / cells.clamp(min=1e-12)
    return each, cells > 0


def hardest(each: Tensor, counts: Tensor, hard: int) -> Tensor:
    """Which joints [B, J] are among the `hard` largest losses of their image.

    Joints that do not count (v = 0) are never chosen: their place is not known, so
    their loss means nothing. An image with fewer labelled joints gives fewer.
    """
    require_shape("counts", counts, *each.shape)
    ranked = torch.where(counts, each.detach(), -torch.inf)
    chosen = ranked.topk(min(hard, each.shape[1]), dim=1).indices
    return torch.zeros_like(counts).scatter(1, chosen, True) & counts


class OhkmCodec(HeatmapCodec, name="ohkm"):
    """`HeatmapCodec` whose last stage learns from the `hard` worst joints of an image.

    The stages before it (GlobalNet in the paper) learn from all labelled joints; a
    network with one stage is a last stage. Encoding and reading are the same. `size`
    and the `options` are those of `HeatmapCodec`.
    """

    def __init__(self, size: tuple[int, int] = (128, 96), hard: int = 8, **options):
        super().__init__(size, **options)
        require(
            hard >= 1,
            "at least one joint has to be learned from",
            where="hard",
            value=hard,
        )
        self.hard = int(hard)

    def loss(self, output: Tensor | list[Tensor], targets: Targets) -> Tensor:
        """Sum over the stages; the last is the mean over its hardest joints."""
        *early, last = self.stages(output)
        each, counts = loss_of_joints(
            self.criterion, last, targets["heatmaps"], targets["weight"]
        )
        chosen = hardest(each, counts, self.hard)
        mined = torch.where(chosen, each, 0.0).sum() / chosen.sum().clamp(min=1)
        plain = super().loss
        return sum((plain(stage, targets) for stage in early), mined)
