"""A second look: heat maps of small crops around joints that were nearly found.

Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015
(1411.4280), section 4: a coarse map says where to look, a fine one where in the crop.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.heatmap import LOSSES, gaussian_maps
from poselab.codecs.heatmap_decode import decode_dark
from poselab.codecs.regression import (
    crop_boxes,
    denormalise,
    joint_boxes,
    normalise,
    single_person,
)
from poselab.errors import require, require_shape
from poselab.records import Poses, Sample


class CropHeatmapCodec:
    """Crops of `crop` pixels around joints, and in each the map of its joint.

    A cell is a pixel. A training crop is centred on the true joint moved by Gaussian
    noise of `noise` pixels, which stands for the error of the coarse map; `sigma` is
    the width of the bump. `loss` is "mse" (the output is the map itself) or
    "cross_entropy" (the output is logits over the cells).
    """

    def __init__(
        self, crop: int = 24, sigma: float = 1.5, noise: float = 3.0, loss: str = "mse"
    ) -> None:
        require(crop >= 3, "a crop needs 3 pixels", where="crop", value=crop)
        require(
            loss in LOSSES,
            "unknown loss",
            where="loss",
            value=loss,
            fix=f"Known: {', '.join(LOSSES)}.",
        )
        self.loss_name = loss
        self.crop, self.sigma, self.noise = int(crop), float(sigma), float(noise)

    def encode(self, sample: Sample, generator: torch.Generator) -> dict[str, Tensor]:
        """ "input" [B, J, 3, crop, crop], "maps" [B, J, crop, crop], "weight", "boxes".

        One person per image; the boxes [B, J, 4] are those of the crops.
        """
        sample = single_person(sample)
        require(
            generator is not None,
            "the displacements are drawn at random",
            where="generator",
            value=generator,
            fix="Give torch.Generator().manual_seed(0).",
        )
        truth = sample.keypoints[:, 0]  # [B, J, 2]
        noise = torch.randn(truth.shape, generator=generator, device=generator.device)
        centre = truth + self.noise * noise.to(truth)
        boxes = joint_boxes(centre, truth.new_full((len(truth),), float(self.crop)))
        cells = (normalise(truth[:, :, None], boxes)[:, :, 0] + 0.5) * self.crop - 0.5
        maps = gaussian_maps(cells, (self.crop, self.crop), self.sigma)
        weight = (sample.visibility[:, 0] > 0).float()[..., None, None]
        return {
            "input": crop_boxes(sample.image, boxes, self.crop),
            "maps": maps,
            "weight": weight,
            "boxes": boxes,
        }

    def loss(self, output: Tensor, encoded: dict[str, Tensor]) -> Tensor:
        """The loss of the output [B, J, crop, crop] against the fine maps."""
        return LOSSES[self.loss_name](output, encoded["maps"], encoded["weight"])

    def decode(self, output: Tensor, boxes: Tensor) -> Poses:
        """Fine maps of the crops `boxes` [B, J, 4] -> stacked `Poses`, P = 1."""
        require_shape("output", output, None, None, self.crop, self.crop)
        logits = self.loss_name == "cross_entropy"
        points, scores = place_in_boxes(output.float(), boxes, logits)
        return Poses(points[:, None], scores.clamp(0, 1)[:, None])


def place_in_boxes(
    maps: Tensor, boxes: Tensor, logits: bool = False
) -> tuple[Tensor, Tensor]:
    """Read maps [B, J, c, c] of crops, boxes [B, J, 4], by DARK.

    `logits` are turned into the probabilities of cells first. -> places [B, J, 2] in
    pixels of the image, scores [B, J].
    """
    if logits:
        maps = maps.flatten(-2).softmax(-1).unflatten(-1, maps.shape[-2:])
    cells, scores = decode_dark(maps, blur=0)
    side = cells.new_tensor([maps.shape[-1], maps.shape[-2]])
    within = (cells + 0.5) / side - 0.5  # relative to the crop's centre
    return denormalise(within[:, :, None], boxes)[:, :, 0], scores
