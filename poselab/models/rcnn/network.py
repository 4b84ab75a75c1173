"""The whole detector: pyramid, proposals, heads; from a photograph to people.

`forward` is what is trained, `detect` what is used. Paper sizes carry the names of
torchvision's released weights and do what its detectors do, step by step.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.codecs.detection import select_boxes
from poselab.errors import require_shape
from poselab.geometry import xyxy_to_xywh
from poselab.models.normalise import IMAGENET, Normalise
from poselab.models.rcnn.heads import (
    BoxHead,
    BoxPredictor,
    KeypointHead,
    KeypointPredictor,
    MaskHead,
    MaskPredictor,
    decode_keypoints,
    paste_masks,
)
from poselab.models.rcnn.pyramid import PyramidBackbone, StagedResNet, frozen
from poselab.models.rcnn.regions import level_of, roi_align
from poselab.models.rcnn.rpn import ProposalNetwork
from poselab.models.registry import register
from poselab.records import Detections


class RoiHeads(nn.Module):
    """The heads, and the reading of the pyramid for them.

    `width` is the number of channels of the pyramid, of which the levels of `strides`
    are read, with RoIAlign of `output_size` cells for the boxes and 14 for masks and
    keypoints. `classes` includes the background, `hidden` is the width of the head for
    boxes; `masks` and `joints` ask for those heads.
    """

    def __init__(
        self,
        width: int,
        classes: int,
        hidden: int = 1024,
        strides: tuple[int, ...] = (4, 8, 16, 32),
        output_size: int = 7,
        masks: bool = False,
        joints: int = 0,
    ) -> None:
        super().__init__()
        self.strides, self.output_size, self.classes = strides, output_size, classes
        self.box_head = BoxHead(width * output_size**2, hidden)
        self.box_predictor = BoxPredictor(hidden, classes)
        self.mask_head = MaskHead(width) if masks else None
        self.mask_predictor = MaskPredictor(256, classes) if masks else None
        self.keypoint_head = KeypointHead(width) if joints else None
        self.keypoint_predictor = KeypointPredictor(512, joints) if joints else None

    def read(
        self, levels: list[Tensor], boxes: Tensor, image: Tensor, output_size: int
    ) -> Tensor:
        """RoIAlign from the level that fits each box; [K, C, S, S], S = output_size."""
        finest = self.strides[0].bit_length() - 1
        level = level_of(boxes, finest, finest + len(self.strides) - 1)
        used = levels[: len(self.strides)]
        return roi_align(used, boxes, image, level, self.strides, output_size)

    def read_one(self, levels: list[Tensor], boxes: Tensor) -> Tensor:
        """What masks and keypoints of a single image are read from; [K, C, 14, 14]."""
        image = torch.zeros(len(boxes), dtype=torch.int64, device=boxes.device)
        return self.read(levels, boxes, image, 14)

    def forward(
        self, levels: list[Tensor], boxes: Tensor, image: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits [K, classes] and deltas [K, classes, 4] of boxes_xyxy [K, 4]."""
        read = self.read(levels, boxes, image, self.output_size)
        logits, deltas = self.box_predictor(self.box_head(read))
        return logits, deltas.view(len(boxes), self.classes, 4)


class RCNN(nn.Module):
    """A detector in two steps: proposals, then a second look at each of them.

    `forward` takes images [B, 3, H, W] that are prepared already; `detect` takes one
    image in [0, 1] of any size. `side` = (shorter, longer): images are resized so that
    the shorter side is that long, unless the longer side then were too long; None
    leaves the size. `normalise` is done first; `score_threshold`, `iou_threshold` and
    `max_detections` choose what is kept (see `codecs.detection.select_boxes`).
    `backbone` has the features, `rpn` the proposals, `roi_heads` what is predicted for
    each of them.
    """

    def __init__(
        self,
        backbone: nn.Module,
        rpn: ProposalNetwork,
        roi_heads: RoiHeads,
        side: tuple[int, int] | None = (800, 1333),
        normalise: Normalise = IMAGENET,
        score_threshold: float = 0.05,
        iou_threshold: float = 0.5,
        max_detections: int = 100,
    ) -> None:
        super().__init__()
        self.backbone, self.rpn, self.roi_heads = backbone, rpn, roi_heads
        self.side, self.normalise = side, normalise
        self.score_threshold, self.iou_threshold = score_threshold, iou_threshold
        self.max_detections = max_detections

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Prepared images [B, 3, H, W] -> the output that `DetectionCodec` reads."""
        size = tuple(images.shape[-2:])
        return self.outputs(self.backbone(images), size, [size] * len(images))

    def outputs(self, levels: list[Tensor], size, sizes) -> dict[str, Tensor]:
        """From the pyramid on; `size` with padding, `sizes` of the images without."""
        rpn = self.rpn(levels, size)
        found, kept = self.rpn.propose(rpn, sizes)
        image, rank = kept.nonzero(as_tuple=True)
        boxes = found[image, rank]
        logits, deltas = self.roi_heads(levels, boxes, image)
        return {
            "anchors": rpn.anchors,
            "objectness": rpn.objectness,
            "anchor_deltas": rpn.deltas,
            "proposals": boxes,
            "image": image,
            "logits": logits,
            "deltas": deltas,
        }

    # --- using it --------------------------------------------------------------------

    def prepare(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Image [3, H, W] in [0, 1] -> input [1, 3, H', W'] and its size unpadded.

        Normalised, then resized, then padded with zeros to a multiple of 32 px.
        """
        image = self.normalise(image)[None]
        if self.side is not None:
            image = _resize(image, *self.side)
        size = (image.shape[-2], image.shape[-1])
        return F.pad(image, (0, -size[1] % 32, 0, -size[0] % 32)), size

    @torch.no_grad()
    def detect(
        self,
        image: Tensor,
        *,
        score_threshold: float | None = None,
        iou_threshold: float | None = None,
        max_detections: int | None = None,
    ) -> Detections:
        """What is in an image [3, H, W] in [0, 1] RGB, best first.

        The thresholds replace those of the network for this call. Raises `ShapeError`.
        """
        require_shape("image", image, 3, None, None)
        like = next(self.parameters())
        prepared, size = self.prepare(image.to(like))
        levels = self.backbone(prepared)
        output = self.outputs(levels, tuple(prepared.shape[-2:]), [size])
        boxes, scores, labels = select_boxes(
            output["proposals"],
            output["logits"],
            output["deltas"],
            size,
            self.score_threshold if score_threshold is None else score_threshold,
            self.iou_threshold if iou_threshold is None else iou_threshold,
            self.max_detections if max_detections is None else max_detections,
        )
        full = tuple(image.shape[-2:])
        scale = boxes.new_tensor([full[1] / size[1], full[0] / size[0]])
        return Detections(
            xyxy_to_xywh(boxes * scale.repeat(2)),
            scores,
            labels,
            masks=self._masks(levels, boxes, labels, scale, full),
            **self._keypoints(levels, boxes, scale),
        )

    def _masks(self, levels, boxes, labels, scale, full) -> Tensor | None:
        """Masks [N, H, W] of boxes_xyxy [N, 4]; None where there is no such head."""
        heads = self.roi_heads
        if heads.mask_head is None:
            return None
        logits = heads.mask_predictor(heads.mask_head(heads.read_one(levels, boxes)))
        own = logits[torch.arange(len(boxes)), labels].sigmoid()  # [N, 28, 28]
        return paste_masks(own, boxes * scale.repeat(2), full) >= 0.5

    def _keypoints(self, levels, boxes, scale) -> dict[str, Tensor]:
        """Keypoints and their scores of boxes_xyxy [N, 4]; nothing without a head."""
        heads = self.roi_heads
        if heads.keypoint_head is None:
            return {}
        read = heads.keypoint_head(heads.read_one(levels, boxes))
        points, scores = decode_keypoints(heads.keypoint_predictor(read), boxes)
        return {"keypoints": points * scale, "keypoint_scores": scores}


def _resize(image: Tensor, shorter: int, longer: int) -> Tensor:
    """[1, 3, H, W] with the shorter side `shorter`, the longer at most `longer`."""
    sides = image.shape[-2:]
    factor = min(shorter / min(sides), longer / max(sides))
    size = [int(n * factor) for n in sides]  # rounded down
    return F.interpolate(image, size, mode="bilinear", align_corners=False)


# --- paper sizes ---------------------------------------------------------------------


def _detector(
    depth: int, width: int, classes: int, masks: bool, joints: int, **options
) -> RCNN:
    body = frozen(StagedResNet(depth))
    heads = RoiHeads(width, classes, masks=masks, joints=joints)
    return RCNN(PyramidBackbone(body, width), ProposalNetwork(width), heads, **options)


@register("fasterrcnn_fpn")
def fasterrcnn(depth: int = 50, width: int = 256, classes: int = 91) -> RCNN:
    """Faster R-CNN with a pyramid; 41,755,286 parameters as released."""
    return _detector(depth, width, classes, False, 0)


@register("maskrcnn_fpn")
def maskrcnn(depth: int = 50, width: int = 256, classes: int = 91) -> RCNN:
    """Mask R-CNN; 44,401,393 parameters as released."""
    return _detector(depth, width, classes, True, 0)


@register("keypointrcnn_fpn")
def keypointrcnn(
    depth: int = 50, width: int = 256, classes: int = 2, joints: int = 17
) -> RCNN:
    """Mask R-CNN for keypoints of people; 59,137,258 parameters as released."""
    return _detector(depth, width, classes, False, joints)
