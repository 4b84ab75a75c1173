"""People as boxes: what a detector in two steps learns, and what its answer means.

Ren et al., "Faster R-CNN", NIPS 2015 (1506.01497), section 3.1.2. The first step says
for each anchor whether it holds a person and how to move it; the second says the same
for each box that the first proposes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.codecs.base import Codec, Inputs, Targets
from poselab.codecs.boxes import (
    BETWEEN,
    Weights,
    assign,
    clip_corners,
    decode_boxes,
    encode_boxes,
    grid_anchors,
    nms_per_class,
)
from poselab.errors import require_shape
from poselab.geometry import xywh_to_xyxy
from poselab.records import Sample

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the second step, in the released detectors


def select_boxes(
    proposals: Tensor,
    logits: Tensor,
    steps: Tensor,
    size: tuple[int, int],
    score: float = 0.05,
    overlap: float = 0.5,
    most: int = 100,
) -> tuple[Tensor, Tensor, Tensor]:
    """The second step's answers about one image -> boxes [N, 4], scores, labels [N].

    proposals [K, 4] corners, logits [K, classes] (0: background), steps [K, classes,
    4]. Each class moves the proposal in its own way; boxes with a probability above
    `score` are kept, those of one class that overlap a better one by more than
    `overlap` are dropped, and the `most` best of what is left are the answer.
    """
    boxes = decode_boxes(steps, proposals[:, None], BOX_WEIGHTS)  # [K, classes, 4]
    boxes = clip_corners(boxes, size)[:, 1:]  # without the background
    scores = logits.softmax(-1)[:, 1:]
    solid = (boxes[..., 2:] - boxes[..., :2] >= 1e-2).all(-1)
    row, label = ((scores > score) & solid).nonzero().unbind(1)
    boxes, scores = boxes[row, label], scores[row, label]
    kept = nms_per_class(boxes, scores, label, overlap)[:most]
    return boxes[kept], scores[kept], label[kept] + 1


class DetectionCodec(Codec):
    """People of an image as targets of anchors and proposals.

    `strides`, `sizes` and `ratios` must be those of the network's anchors. Of each
    image at most `sampled` anchors learn, at most half of them from people: nearly all
    anchors hold nobody, and the mean of all would forget the few that do.
    """

    def __init__(
        self,
        size: tuple[int, int] = (192, 256),
        strides: tuple[int, ...] = (8, 16, 32, 64),
        sizes: tuple[float, ...] = (36.0, 60.0, 96.0, 150.0),
        ratios: tuple[float, ...] = (1.5, 2.5, 4.0),
        sampled: int = 128,
    ) -> None:
        self.size, self.sampled = (int(size[0]), int(size[1])), sampled
        maps = [(-(-self.size[0] // s), -(-self.size[1] // s)) for s in strides]
        levels = grid_anchors(self.size, maps, tuple(sizes), tuple(ratios))
        self.anchors = torch.cat(levels)  # [N, 4]

    def encode(
        self, sample: Sample, generator: torch.Generator | None = None
    ) -> tuple[Inputs, Targets]:
        """A stacked sample -> (images [B, 3, H, W],) and what to learn.

        "boxes" [B, P, 4] are the corners of those who are "present" [B, P];
        "objectness" [B, N] is 1 for a person, 0 for nobody, -1 where nothing is learnt;
        "steps" [B, N, 4] lead from the anchors to their people.
        """
        require_shape("image", sample.image, None, 3, *self.size)
        generator = generator or torch.Generator().manual_seed(0)
        anchors, boxes = self.anchors.to(sample.boxes), xywh_to_xyxy(sample.boxes)
        found = assign(anchors, boxes, 0.3, 0.6, best=True, present=sample.present)
        person = found >= 0  # [B, N]
        steps = _steps_to(_rows(boxes, found), anchors, person)
        objectness = person.to(boxes).masked_fill(found == BETWEEN, -1)
        objectness = self._sampled(objectness, generator)
        targets = {"boxes": boxes, "present": sample.present}
        return (sample.image,), {**targets, "objectness": objectness, "steps": steps}

    def _sampled(self, objectness: Tensor, generator: torch.Generator) -> Tensor:
        """Let few enough anchors of each image learn, drawn at random; [B, N]."""
        shape, place = objectness.shape, generator.device
        chance = torch.rand(shape, generator=generator, device=place).to(objectness)
        person, nobody = objectness == 1, objectness == 0
        few = person.sum(1, keepdim=True).clamp(max=self.sampled // 2)  # [B, 1]
        chosen = _first(chance, person, few)
        chosen = chosen | _first(chance, nobody, self.sampled - few)
        return torch.where(chosen, objectness, -1.0)

    def loss(self, output: Any, targets: Targets) -> Tensor:
        """The four losses: is it a person, and where; of anchors and of proposals.

        `output` has `rpn.objectness` [B, N], `rpn.steps` [B, N, 4], `proposals` [K, 4],
        `image` [K], `logits` [K, 2], `steps` [K, 2, 4].
        """
        target = targets["objectness"]
        learns, person = target >= 0, target == 1
        each = F.binary_cross_entropy_with_logits(
            output.rpn.objectness.float(), target.clamp(min=0), reduction="none"
        )
        count = learns.sum().clamp(min=1)
        first = torch.where(learns, each, 0.0).sum() / count
        first = first + _smooth(
            output.rpn.steps, targets["steps"], 1 / 9, person, count
        )
        return first + self._second(output, targets["boxes"], targets["present"])

    def _second(self, output: Any, people: Tensor, present: Tensor) -> Tensor:
        """The losses of the proposals, which are only known after the first step."""
        boxes, there = people[output.image], present[output.image]  # [K, P, 4], [K, P]
        proposals = output.proposals
        found = assign(proposals[:, None], boxes, 0.5, 0.5, present=there)  # [K, 1]
        hit = found[:, 0] >= 0
        target = _steps_to(_rows(boxes, found)[:, 0], proposals, hit, BOX_WEIGHTS)
        loss = F.cross_entropy(output.logits.float(), hit.long())
        count = max(hit.numel(), 1)
        return loss + _smooth(output.steps[:, 1], target, 1.0, hit, count)

    def decode(self, output: Any, image: int = 0) -> tuple[Tensor, Tensor]:
        """The people of one image of the batch: corner boxes [N, 4] and scores [N]."""
        own = output.image == image
        boxes, scores, _ = select_boxes(
            output.proposals[own], output.logits[own], output.steps[own], self.size
        )
        return boxes, scores


def _rows(boxes: Tensor, found: Tensor) -> Tensor:
    """The boxes [..., P, 4] that `found` [..., N] says; any where it says nobody."""
    if not boxes.shape[-2]:
        return boxes.new_zeros(*found.shape, 4)
    index = found.clamp(min=0)[..., None].expand(*found.shape, 4)
    return boxes.gather(-2, index)


def _steps_to(
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


def _smooth(steps: Tensor, target: Tensor, beta: float, who: Tensor, count) -> Tensor:
    """Smooth L1 of `who` has a person, summed, over how many took part."""
    each = F.smooth_l1_loss(steps.float(), target, beta=beta, reduction="none")
    return torch.where(who[..., None], each, 0.0).sum() / count
