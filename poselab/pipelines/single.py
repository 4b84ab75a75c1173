"""A network for one person: on a whole picture, or on each of given boxes.

A box grows by a margin, and to the aspect ratio of the input, so that nobody is
squeezed; the part of the picture in it is resized (Xiao et al. 2018, 1804.06208,
section 3); the codec reads the network's output; the joints go back into the picture.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs.base import Codec
from poselab.errors import require, require_shape
from poselab.geometry import back_to_image, box_of_image, warp_crops
from poselab.models.normalise import PLAIN, Normalise
from poselab.pipelines.base import ImageEstimator
from poselab.pipelines.flip import flip_test
from poselab.records import Poses


class SinglePerson(ImageEstimator):
    """`net` reads crops, one person each.

    `codec` has the size of the crops and decodes the last stage of the output; `margin`
    is how much boxes grow; `flip` merges with the mirror image (`flip_test`);
    `normalise` is done to the crops first. Called with a picture, it takes the whole of
    it as one box without a margin.
    """

    def __init__(
        self,
        net: nn.Module,
        codec: Codec,
        *,
        margin: float = 1.25,
        flip: bool = False,
        normalise: Normalise = PLAIN,
    ) -> None:
        require(
            margin > 0,
            "must be positive",
            where=type(self).__name__,
            field="margin",
            value=margin,
        )
        self.net, self.codec, self.normalise = net, codec, normalise
        self.margin, self.flip = margin, flip

    def image(self, image: Tensor, flip: bool | None = None) -> Poses:
        """The one person of an image [3, H, W], whom it frames."""
        box = box_of_image((image.shape[-2], image.shape[-1])).to(image)[None]
        crops, matrix = self.crops(image, box, margin=1.0)
        return self.read(crops, matrix, box, flip)

    @torch.no_grad()
    def poses(self, image: Tensor, boxes: Tensor, flip: bool | None = None) -> Poses:
        """One pose for each box [N, 4] (xywh px), in their order.

        `flip` replaces that of the estimator for this call.
        """
        crops, matrix = self.crops(image, boxes)
        return self.read(crops, matrix, boxes, flip)

    def crops(
        self, image: Tensor, boxes: Tensor, margin: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """Image [3, H, W], boxes [N, 4] xywh px -> crops [N, 3, h, w], maps [N, 2, 3].

        The maps lead from points of the picture to points of each crop;
        `geometry.back_to_image` leads back. Outside the picture is black. Pixels are
        averaged where a crop is smaller than its box.
        """
        require_shape("image", image, 3, None, None)
        require_shape("boxes", boxes, None, 4)
        margin = self.margin if margin is None else margin
        matrix = self.codec.crop_matrix(boxes.to(image.device), margin)
        return warp_crops(image[None], matrix[None], self.codec.size)[0], matrix

    @torch.no_grad()
    def read(
        self,
        crops: Tensor,
        matrix: Tensor,
        boxes: Tensor | None = None,
        flip: bool | None = None,
    ) -> Poses:
        """Crops [N, 3, h, w], maps [N, 2, 3] to them -> N poses in the picture.

        `boxes` [N, 4] are noted in the answer. The score of a person is the mean of the
        joints' scores.
        """
        if not len(crops):
            return Poses.empty(len(self.codec.skeleton), crops.device)
        found = self.codec.decode(self.output(crops, flip))  # [N, 1, J, 2] px
        return Poses(
            back_to_image(found.keypoints[:, 0], matrix.to(found.keypoints)),
            found.scores[:, 0],
            boxes=boxes,
            person_scores=found.scores[:, 0].mean(-1),
        )

    def output(self, crops: Tensor, flip: bool | None = None) -> Any:
        """The network's output for crops [N, 3, h, w], last stage; for the codec."""
        crops = self.normalise(crops)
        if self.flip if flip is None else flip:
            return flip_test(self.net, (crops,), self.codec)
        return self.codec.stages(self.net(crops))[-1]
