"""People as boxes: what a detector in two steps learns, and how its output is read.

Ren et al., "Faster R-CNN", NIPS 2015 (1506.01497), section 3.1.2. The first step has
for each anchor a score, whether it holds a person, and deltas that move it; the second
has the same for each box that the first proposes.

The output of such a network is a dictionary, for N anchors and K proposals of B images:

    "anchors" [N, 4] xyxy px, "objectness" [B, N] logits, "anchor_deltas" [B, N, 4],
    "proposals" [K, 4] xyxy px, "image" [K] of which image,
    "logits" [K, classes] (0: background), "deltas" [K, classes, 4]
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.boxes import clip_xyxy, nms_per_class
from poselab.codecs.anchors import (
    BETWEEN,
    Weights,
    assign,
    decode_boxes,
    encode_boxes,
    grid_anchors,
)
from poselab.codecs.base import Codec, Inputs, Targets
from poselab.errors import require_shape
from poselab.geometry import xywh_to_xyxy, xyxy_to_xywh
from poselab.records import Detections, Sample

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the second step, in the released detectors


def select_boxes(
    proposals: Tensor,
    logits: Tensor,
    deltas: Tensor,
    size: tuple[int, int],
    score_threshold: float = 0.05,
    iou_threshold: float = 0.5,
    max_detections: int = 100,
) -> tuple[Tensor, Tensor, Tensor]:
    """The second step about one image -> boxes_xyxy [N, 4], scores, labels [N].

    proposals [K, 4] xyxy px, logits [K, classes] (0: background), deltas [K, classes,
    4], `size` (H, W) of the image. Each class moves the proposal in its own way; boxes
    with a probability above `score_threshold` are kept, those of one class whose IoU
    with a better one is above `iou_threshold` are dropped, and the `max_detections`
    best of what is left are the answer, best first.
    """
    boxes = decode_boxes(deltas, proposals[:, None], BOX_WEIGHTS)  # [K, classes, 4]
    boxes = clip_xyxy(boxes, size)[:, 1:]  # without the background
    scores = logits.softmax(-1)[:, 1:]
    solid = (boxes[..., 2:] - boxes[..., :2] >= 1e-2).all(-1)
    row, label = ((scores > score_threshold) & solid).nonzero().unbind(1)
    boxes, scores = boxes[row, label], scores[row, label]
    kept = nms_per_class(boxes, scores, label, iou_threshold)[:max_detections]
    return boxes[kept], scores[kept], label[kept] + 1


class DetectionCodec(Codec, name="detection"):
    """People of an image as targets of anchors and proposals.

    `size` is the (H, W) of the images; `strides`, `sizes` and `ratios` must be those of
    the network's anchors. Of each image at most `sampled` anchors learn, at most half
    of them from people: nearly all anchors hold nobody, and the mean of all would
    forget the few that do. `score_threshold`, `iou_threshold` and `max_detections`
    choose what `decode` keeps (see `select_boxes`).
    """

    recordable = False  # how many boxes are proposed is only known on the way

    def __init__(
        self,
        size: tuple[int, int] = (192, 256),
        strides: tuple[int, ...] = (8, 16, 32, 64),
        sizes: tuple[float, ...] = (36.0, 60.0, 96.0, 150.0),
        ratios: tuple[float, ...] = (1.5, 2.5, 4.0),
        sampled: int = 128,
        score_threshold: float = 0.05,
        iou_threshold: float = 0.5,
        max_detections: int = 100,
    ) -> None:
        self.size, self.sampled = (int(size[0]), int(size[1])), sampled
        self.score_threshold, self.iou_threshold = score_threshold, iou_threshold
        self.max_detections = max_detections
        shapes = [(-(-self.size[0] // s), -(-self.size[1] // s)) for s in strides]
        levels = grid_anchors(self.size, shapes, tuple(sizes), tuple(ratios))
        self.anchors = torch.cat(levels)  # [N, 4]

    def encode(
        self, sample: Sample, generator: torch.Generator | None = None
    ) -> tuple[Inputs, Targets]:
        """A stacked sample -> (images [B, 3, H, W],) and what to learn.

        "boxes_xyxy" [B, P, 4] px belong to those who are "present" [B, P]; "objectness"
        [B, N] is 1 for a person, 0 for nobody, -1 where nothing is learnt;
        "anchor_deltas" [B, N, 4] lead from the anchors to their people.
        """
        require_shape("image", sample.image, None, 3, *self.size)
        generator = generator or torch.Generator().manual_seed(0)
        anchors, boxes = self.anchors.to(sample.boxes), xywh_to_xyxy(sample.boxes)
        found = assign(anchors, boxes, 0.3, 0.6, best=True, present=sample.present)
        person = found >= 0  # [B, N]
        deltas = _deltas_to(_rows(boxes, found), anchors, person)
        objectness = person.to(boxes).masked_fill(found == BETWEEN, -1)
        objectness = self._sampled(objectness, generator)
        return (sample.image,), {
            "boxes_xyxy": boxes,
            "present": sample.present,
            "objectness": objectness,
            "anchor_deltas": deltas,
        }

    def _sampled(self, objectness: Tensor, generator: torch.Generator) -> Tensor:
        """Let few enough anchors of each image learn, drawn at random; [B, N]."""
        shape, place = objectness.shape, generator.device
        chance = torch.rand(shape, generator=generator, device=place).to(objectness)
        person, nobody = objectness == 1, objectness == 0
        few = person.sum(1, keepdim=True).clamp(max=self.sampled // 2)  # [B, 1]
        chosen = _first(chance, person, few)
        chosen = chosen | _first(chance, nobody, self.sampled - few)
        return torch.where(chosen, objectness, -1.0)

    def loss(self, output: dict[str, Tensor], targets: Targets) -> Tensor:
        """The four losses: is it a person, and where; of anchors and of proposals."""
        target = targets["objectness"]
        learns, person = target >= 0, target == 1
        each = F.binary_cross_entropy_with_logits(
            output["objectness"].float(), target.clamp(min=0), reduction="none"
        )
        count = learns.sum().clamp(min=1)
        first = torch.where(learns, each, 0.0).sum() / count
        deltas, wanted = output["anchor_deltas"], targets["anchor_deltas"]
        first = first + _smooth_l1(deltas, wanted, 1 / 9, person, count)
        return first + self._second(output, targets["boxes_xyxy"], targets["present"])

    def _second(self, output: dict, people: Tensor, present: Tensor) -> Tensor:
        """The losses of the proposals, which are only known after the first step."""
        proposals, image = output["proposals"], output["image"]
        boxes, there = people[image], present[image]  # [K, P, 4], [K, P]
        found = assign(proposals[:, None], boxes, 0.5, 0.5, present=there)  # [K, 1]
        hit = found[:, 0] >= 0
        target = _deltas_to(_rows(boxes, found)[:, 0], proposals, hit, BOX_WEIGHTS)
        loss = F.cross_entropy(output["logits"].float(), hit.long())
        count = max(hit.numel(), 1)
        return loss + _smooth_l1(output["deltas"][:, 1], target, 1.0, hit, count)

    def decode(self, output: dict[str, Tensor]) -> Detections:
        """The output for B images -> B stacked `Detections`, people best first."""
        images = range(len(output["objectness"]))
        return Detections.stack([self._found(output, image) for image in images])

    def _found(self, output: dict[str, Tensor], image: int) -> Detections:
        """What is in one image of the batch."""
        own = output["image"] == image
        boxes, scores, labels = select_boxes(
            output["proposals"][own],
            output["logits"][own],
            output["deltas"][own],
            self.size,
            self.score_threshold,
            self.iou_threshold,
            self.max_detections,
        )
        return Detections(xyxy_to_xywh(boxes), scores, labels)


def _rows(boxes: Tensor, found: Tensor) -> Tensor:
    """Of boxes [..., P, 4] those at the indices `found` [..., N]; any where below 0."""
    if not boxes.shape[-2]:
        return boxes.new_zeros(*found.shape, 4)
    index = found.clamp(min=0)[..., None].expand(*found.shape, 4)
    return boxes.gather(-2, index)


def _deltas_to(
    boxes: Tensor, anchors: Tensor, person: Tensor, weights: Weights = (1,) * 4
) -> Tensor:
    """`encode_boxes` where there is a `person`, else zeros; [..., 4]."""
    boxes = torch.where(person[..., None], boxes, anchors)
    return torch.where(person[..., None], encode_boxes(boxes, anchors, weights), 0.0)


def _first(chance: Tensor, candidates: Tensor, count: Tensor) -> Tensor:
    """In each row the `count` [B, 1] candidates of least chance; [B, N] bool."""
    order = torch.where(candidates, chance, 2.0).argsort(1)
    rank = torch.arange(order.shape[1], device=order.device).expand_as(order)
    return candidates & torch.zeros_like(candidates).scatter(1, order, rank < count)


def _smooth_l1(
    deltas: Tensor, target: Tensor, beta: float, who: Tensor, count: Any
) -> Tensor:
    """Smooth L1 of `who` has a person, summed, over how many took part."""
    each = F.smooth_l1_loss(deltas.float(), target, beta=beta, reduction="none")
    return torch.where(who[..., None], each, 0.0).sum() / count
