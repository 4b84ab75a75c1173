"""What a network behind a spatial transformer learns: the pose as it is, and centred.

Fang, Xie, Tai & Lu, "RMPE: Regional Multi-Person Pose Estimation", ICCV 2017
(1612.00137), section 3.2 ("Parallel SPPE").
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets
from poselab.codecs.heatmap import LOSSES, HeatmapCodec, draw_targets
from poselab.codecs.regression import single_person
from poselab.geometry import apply_affine, crop_matrix, expand_box
from poselab.records import Poses, Sample


class SymmetricCodec(HeatmapCodec, name="symmetric"):
    """`HeatmapCodec` for `models.rmpe.SymmetricTransformer`.

    In training the output is a pair: heatmaps in the frame of the crop, and those of
    the parallel branch, which are compared with the pose in a perfect crop: the true
    box grown by `margin`. Its reading is `HeatmapCodec`'s.
    """

    def __init__(
        self, size: tuple[int, int] = (128, 96), margin: float = 1.25, **options
    ) -> None:
        super().__init__(size, **options)
        self.margin = float(margin)

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "heatmaps" and "centred" [B, J, h, w], their weights."""
        inputs, targets = super().encode(sample, generator)
        one = single_person(sample)
        box = expand_box(one.boxes[:, 0], self.size, self.margin)
        points = apply_affine(one.keypoints[:, 0], crop_matrix(box, self.size))
        targets["centred"] = draw_targets(
            points[:, None], one.visibility, self.heatmap_size, self.stride, self.sigma
        )
        known = (one.visibility[:, 0] > 0).to(points)[..., None, None]
        return inputs, {**targets, "centred_weight": known}

    def loss(self, output: Tensor | tuple[Tensor, Tensor], targets: Targets) -> Tensor:
        """The loss of the answer, plus in training that of the parallel branch."""
        if torch.is_tensor(output):
            return super().loss(output, targets)
        answer, centred = output
        parallel = LOSSES[self.criterion](
            centred, targets["centred"], targets["centred_weight"]
        )
        return super().loss(answer, targets) + parallel


def perfect_theta(boxes: Tensor, size: tuple[int, int], margin: float = 1.25) -> Tensor:
    """The theta [B, 2, 3] that looks at true boxes [B, 4] (xywh px of the crop).

    What it shows is the box grown by `margin` and to the aspect ratio of `size` (H, W).
    """
    box = expand_box(boxes, size, margin)
    side = box.new_tensor([size[1], size[0]])
    middle = box[:, :2] + box[:, 2:] / 2
    scale, shift = box[:, 2:] / side, 2 * middle / side - 1
    return torch.cat([torch.diag_embed(scale), shift[..., None]], 2)


class CentreCodec(Codec, name="centre"):
    """Where in a crop the person is: theta [B, 2, 3], learned from true boxes.

    The paper's transformer learns from the pose alone. That takes long; a first lesson
    with the box it should look at is ours. `size` and `margin` as for `SymmetricCodec`.
    """

    def __init__(self, size: tuple[int, int] = (128, 96), margin: float = 1.25) -> None:
        self.size, self.margin = (int(size[0]), int(size[1])), float(margin)

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "theta" [B, 2, 3], the transformer that centres the person."""
        one = single_person(sample)
        theta = perfect_theta(one.boxes[:, 0], self.size, self.margin)
        return (one.image,), {"theta": theta}

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """The mean distance of the six numbers, added."""
        return (output - targets["theta"]).abs().sum((1, 2)).mean()

    def decode(self, output: Tensor) -> Poses:
        """Nobody's joints: theta is no pose."""
        return Poses.empty(len(self.skeleton), output.device)
