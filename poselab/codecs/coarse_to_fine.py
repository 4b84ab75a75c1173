"""A second look: heatmaps of small crops around joints that were nearly found.

Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015
(1411.4280), section 4: a coarse heatmap gives the place of the crop, a fine one
the place in the crop.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets, require_generator
from poselab.codecs.heatmap import LOSSES, gaussian_heatmaps
from poselab.codecs.heatmap_decode import decode_dark
from poselab.codecs.regression import denormalise, joint_boxes, normalise, single_person
from poselab.errors import require, require_known, require_shape
from poselab.geometry import box_of_image, crop_boxes
from poselab.records import Poses, Sample


class CropHeatmapCodec(Codec):
    """Crops of `crop` pixels around joints, and in each the heatmap of its joint.

    A cell is a pixel. A training crop is centred on the true joint moved by Gaussian
    noise of `noise` pixels, which stands for the error of the coarse heatmap; `sigma`
    is the width of the Gaussian. `criterion` is "mse" (the output is the heatmap
    itself) or "cross_entropy" (the output is logits over the cells).
    """

    def __init__(
        self,
        crop: int = 24,
        sigma: float = 1.5,
        noise: float = 3.0,
        criterion: str = "mse",
    ) -> None:
        require(crop >= 3, "a crop needs 3 pixels", where="crop", value=crop)
        require_known("criterion", criterion, LOSSES)
        self.criterion = criterion
        self.crop, self.sigma, self.noise = int(crop), float(sigma), float(noise)
        self.size = (self.crop, self.crop)

    def encode(
        self, sample: Sample, generator: torch.Generator | None = None
    ) -> tuple[Inputs, Targets]:
        """(crops [B, J, 3, crop, crop],); "heatmaps" [B, J, crop, crop], "weight".

        Also the "boxes" [B, J, 4] of the crops. One person per image.
        """
        sample = single_person(sample)
        generator = require_generator(generator, "the displacements")
        truth = sample.keypoints[:, 0]  # [B, J, 2]
        noise = torch.randn(truth.shape, generator=generator, device=generator.device)
        centre = truth + self.noise * noise.to(truth)
        boxes = joint_boxes(centre, truth.new_full((len(truth),), float(self.crop)))
        cells = (normalise(truth[:, :, None], boxes)[:, :, 0] + 0.5) * self.crop - 0.5
        heatmaps = gaussian_heatmaps(cells, (self.crop, self.crop), self.sigma)
        weight = (sample.visibility[:, 0] > 0).float()[..., None, None]
        crops = crop_boxes(sample.image, boxes, self.size)
        return (crops,), {"heatmaps": heatmaps, "weight": weight, "boxes": boxes}

    def loss(self, output: Tensor, targets: Targets) -> Tensor:
        """The loss of the output [B, J, crop, crop] against the fine heatmaps."""
        return LOSSES[self.criterion](output, targets["heatmaps"], targets["weight"])

    def decode(self, output: Tensor, boxes: Tensor | None = None) -> Poses:
        """Fine heatmaps [B, J, crop, crop] -> stacked `Poses` of one person.

        Each joint is in px of its own crop; given the `boxes` [B, J, 4] of the crops,
        all are in px of the image.
        """
        require_shape("output", output, None, None, self.crop, self.crop)
        whole = box_of_image(self.size).to(output).expand(*output.shape[:2], 4)
        boxes = whole if boxes is None else boxes
        logits = self.criterion == "cross_entropy"
        points, scores = place_in_boxes(output.float(), boxes, logits)
        return Poses(points[:, None], scores.clamp(0, 1)[:, None])


def place_in_boxes(
    heatmaps: Tensor, boxes: Tensor, logits: bool = False
) -> tuple[Tensor, Tensor]:
    """Read heatmaps [B, J, c, c] of crops, boxes [B, J, 4], by DARK.

    `logits` are turned into the probabilities of cells first. -> places [B, J, 2] in
    pixels of the image, scores [B, J].
    """
    if logits:
        heatmaps = heatmaps.flatten(-2).softmax(-1).unflatten(-1, heatmaps.shape[-2:])
    cells, scores = decode_dark(heatmaps, blur=0)
    side = cells.new_tensor([heatmaps.shape[-1], heatmaps.shape[-2]])
    within = (cells + 0.5) / side - 0.5  # relative to the crop's centre
    return denormalise(within[:, :, None], boxes)[:, :, 0], scores
