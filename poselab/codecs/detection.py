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

        "boxes" is a list of [P, 4] corners, one tensor for each image; "objectness"
        [B, N] is 1 for a person, 0 for nobody, -1 where nothing is learnt; "steps"
        [B, N, 4] lead from the anchors to their people.
        """
        require_shape("image", sample.image, None, 3, *self.size)
        generator = generator or torch.Generator().manual_seed(0)
        present = zip(sample.boxes, sample.present, strict=True)
        boxes = [xywh_to_xyxy(box[row]) for box, row in present]
        rows = [self._one(b, generator) for b in boxes]
        objectness, steps = (torch.stack(part) for part in zip(*rows, strict=True))
        targets = {"boxes": boxes, "objectness": objectness, "steps": steps}
        return (sample.image,), targets

    def _one(self, boxes: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        anchors = self.anchors.to(boxes)
        found = assign(anchors, boxes, 0.3, 0.6, best=True)  # [N]
        steps = torch.zeros_like(anchors)
        person = found >= 0
        steps[person] = encode_boxes(boxes[found[person]], anchors[person])
        objectness = person.to(boxes)
        objectness[found == BETWEEN] = -1
        few = self.sampled // 2
        _leave(objectness, 1, few, generator)
        _leave(objectness, 0, self.sampled - min(few, int(person.sum())), generator)
        return objectness, steps

    def loss(self, output: Any, targets: Targets) -> Tensor:
        """The four losses: is it a person, and where; of anchors and of proposals.

        `output` has `rpn.objectness` [B, N], `rpn.steps` [B, N, 4], `proposals` [K, 4],
        `image` [K], `logits` [K, 2], `steps` [K, 2, 4].
        """
        target = targets["objectness"]
        learns, person = target >= 0, target == 1
        first = F.binary_cross_entropy_with_logits(
            output.rpn.objectness.float()[learns], target[learns]
        )
        first = first + _smooth(
            output.rpn.steps[person], targets["steps"][person], 1 / 9, learns.sum()
        )
        return first + self._second(output, targets["boxes"])

    def _second(self, output: Any, people: list[Tensor]) -> Tensor:
        """The losses of the proposals, which are only known after the first step."""
        who = output.proposals.new_zeros(len(output.proposals), 4)
        person = torch.zeros(len(who), dtype=torch.int64, device=who.device)
        for i, boxes in enumerate(people):
            own = (output.image == i).nonzero()[:, 0]
            found = assign(output.proposals[own], boxes, 0.5, 0.5)
            hit = found >= 0
            person[own[hit]] = 1
            who[own[hit]] = boxes[found[hit]]
        hit = person == 1
        target = encode_boxes(who[hit], output.proposals[hit], BOX_WEIGHTS)
        loss = F.cross_entropy(output.logits.float(), person)
        return loss + _smooth(output.steps[hit, 1], target, 1.0, hit.numel())

    def decode(self, output: Any, image: int = 0) -> tuple[Tensor, Tensor]:
        """The people of one image of the batch: corner boxes [N, 4] and scores [N]."""
        own = output.image == image
        boxes, scores, _ = select_boxes(
            output.proposals[own], output.logits[own], output.steps[own], self.size
        )
        return boxes, scores


def _leave(objectness: Tensor, value: int, count: int, generator) -> None:
    """Let `count` of the anchors with this target learn, and the others nothing."""
    own = (objectness == value).nonzero()[:, 0]
    if len(own) > count:
        order = torch.randperm(len(own), generator=generator, device=generator.device)
        objectness[own[order[count:].to(own.device)]] = -1


def _smooth(steps: Tensor, target: Tensor, beta: float, count: Any) -> Tensor:
    """Smooth L1, summed, over how many took part (those without a person add 0)."""
    total = F.smooth_l1_loss(steps.float(), target, beta=beta, reduction="sum")
    return total / max(int(count), 1)
