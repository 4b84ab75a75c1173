"""The region proposal network: which anchors hold something, and where exactly?

Ren et al., "Faster R-CNN", NIPS 2015 (1506.01497), section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from poselab.boxes import nms_mask
from poselab.codecs.anchors import decode_boxes, grid_anchors


class ProposalHead(nn.Module):
    """One 3x3 convolution, then two 1x1: objectness and deltas for A anchors a cell.

    The same head reads every level, so a large person on a coarse level looks like a
    small one on a fine level. `width` is the number of channels of the levels.
    """

    def __init__(self, width: int, anchors: int) -> None:
        super().__init__()
        first = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
        self.conv = nn.Sequential(first)
        self.cls_logits = nn.Conv2d(width, anchors, 1)
        self.bbox_pred = nn.Conv2d(width, 4 * anchors, 1)
        for layer in (first[0], self.cls_logits, self.bbox_pred):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        hidden = [self.conv(x) for x in levels]
        objectness = [self.cls_logits(x) for x in hidden]  # [B, A, h, w] each
        return objectness, [self.bbox_pred(x) for x in hidden]  # [B, 4 A, h, w] each


def per_anchor(maps: Tensor, numbers: int) -> Tensor:
    """[B, A C, h, w] -> [B, h w A, C]: the order of `grid_anchors`."""
    apart = maps.unflatten(1, (-1, numbers))  # [B, A, C, h, w]
    return apart.permute(0, 3, 4, 1, 2).flatten(1, 3)


class RpnOutput(NamedTuple):
    """The output for each of N anchors, all levels one after the other."""

    objectness: Tensor  # [B, N] logits
    deltas: Tensor  # [B, N, 4]
    anchors: Tensor  # [N, 4] xyxy, px of the input
    level: Tensor  # [N]


class ProposalNetwork(nn.Module):
    """Levels -> objectness and deltas for every anchor -> the best boxes.

    `width` is the number of channels of the levels; each level has anchors of one of
    the `sizes` px and of all `ratios` (height / width). The `pre_nms_topk` best of each
    level go into the suppression at `iou_threshold`, at most `post_nms_topk` boxes of
    an image come out.
    """

    def __init__(
        self,
        width: int,
        sizes: tuple[float, ...] = (32, 64, 128, 256, 512),
        ratios: tuple[float, ...] = (0.5, 1.0, 2.0),
        pre_nms_topk: int = 1000,
        post_nms_topk: int = 1000,
        iou_threshold: float = 0.7,
    ) -> None:
        super().__init__()
        self.sizes, self.ratios = sizes, ratios
        self.pre_nms_topk, self.post_nms_topk = pre_nms_topk, post_nms_topk
        self.iou_threshold = iou_threshold
        self.head = ProposalHead(width, len(ratios))

    def forward(self, levels: list[Tensor], size: tuple[int, int]) -> RpnOutput:
        """`size` is the (H, W) of the network's input."""
        objectness, deltas = self.head(levels)
        shapes = [tuple(x.shape[-2:]) for x in levels]
        anchors = grid_anchors(size, shapes, self.sizes, self.ratios)
        level = torch.cat([torch.full((len(a),), i) for i, a in enumerate(anchors)])
        return RpnOutput(
            torch.cat([per_anchor(x, 1)[..., 0] for x in objectness], 1),
            torch.cat([per_anchor(x, 4) for x in deltas], 1),
            torch.cat(anchors).to(levels[0]),
            level.to(levels[0].device),
        )

    @torch.no_grad()
    def propose(
        self, output: RpnOutput, sizes: list[tuple[int, int]]
    ) -> tuple[Tensor, Tensor]:
        """The best boxes_xyxy of each image; `sizes` without the padding.

        -> boxes [B, K, 4], best first, and which of them there are [B, K].
        """
        boxes = decode_boxes(output.deltas, output.anchors)  # [B, N, 4]
        limit = boxes.new_tensor([(w, h, w, h) for h, w in sizes])[:, None]
        boxes = torch.minimum(boxes.clamp(min=0), limit)
        counts = output.level.bincount().tolist()
        levels = output.objectness.split(counts, 1), boxes.split(counts, 1)
        best = [self._best(*level) for level in zip(*levels, strict=True)]
        found, scores = (torch.cat(part, 1) for part in zip(*best, strict=True))
        scores, order = scores.sort(dim=1, descending=True, stable=True)
        order, scores = order[:, : self.post_nms_topk], scores[:, : self.post_nms_topk]
        return found.gather(1, order[..., None].expand(-1, -1, 4)), scores >= 0

    def _best(self, objectness: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Of one level: boxes [B, k, 4] and scores [B, k], -1 for those suppressed."""
        count = min(self.pre_nms_topk, objectness.shape[1])
        logits, chosen = objectness.topk(count, 1)
        boxes = boxes.gather(1, chosen[..., None].expand(-1, -1, 4))
        solid = (boxes[..., 2:] - boxes[..., :2] >= 1e-3).all(-1)
        boxes = torch.where(solid[..., None], boxes, 0.0)  # overlaps nobody
        scores = logits.sigmoid()
        stays = nms_mask(boxes, scores, self.iou_threshold) & solid
        return boxes, torch.where(stays, scores, -1.0)
