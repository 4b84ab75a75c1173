"""What is read off each box: class and better box, mask, keypoints.

Ren et al., 1506.01497 (boxes); He et al., "Mask R-CNN", 1703.06870, figure 4 (masks)
and section 5 (keypoints).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab.errors import require_shape


class BoxHead(nn.Module):
    """Features [K, C, S, S] of boxes -> [K, hidden] by two linear layers.

    `inputs` is C S S, `hidden` the width of both layers.
    """

    def __init__(self, inputs: int, hidden: int = 1024) -> None:
        super().__init__()
        self.fc6, self.fc7 = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc7(self.fc6(x.flatten(1)).relu()).relu()


class BoxPredictor(nn.Module):
    """[K, hidden] -> logits [K, classes] (0: background), deltas [K, 4 classes]."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(hidden, classes)
        self.bbox_pred = nn.Linear(hidden, 4 * classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x)


class MaskHead(nn.Sequential):
    """Features [K, C, 14, 14] -> [K, width, 14, 14] by four 3x3 convolutions.

    `inputs` is C, `layers` how many convolutions of `width` channels there are.
    """

    def __init__(self, inputs: int, width: int = 256, layers: int = 4) -> None:
        widths = [inputs] + [width] * layers
        super().__init__(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU())
                for a, b in zip(widths, widths[1:], strict=False)
            )
        )


class MaskPredictor(nn.Module):
    """[K, C, 14, 14] -> mask logits [K, classes, 28, 28], one mask for each class.

    `width` is C; `classes` includes the background.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.conv5_mask = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.mask_fcn_logits = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mask_fcn_logits(self.conv5_mask(x).relu())


class KeypointHead(nn.Sequential):
    """Features [K, C, 14, 14] -> [K, width, 14, 14] by eight 3x3 convolutions.

    `inputs` is C, `layers` how many convolutions of `width` channels there are.
    """

    def __init__(self, inputs: int, width: int = 512, layers: int = 8) -> None:
        parts: list[nn.Module] = []
        for a in [inputs] + [width] * (layers - 1):
            parts += [nn.Conv2d(a, width, 3, padding=1), nn.ReLU()]
        super().__init__(*parts)


class KeypointPredictor(nn.Module):
    """[K, C, 14, 14] -> logits [K, J, 56, 56]: a deconvolution, then bilinear doubling.

    Which of the 56 x 56 cells? A softmax over all of them is trained to answer (one-hot
    masks, section 5). `width` is C, `joints` is J.
    """

    def __init__(self, width: int, joints: int = 17) -> None:
        super().__init__()
        self.kps_score_lowres = nn.ConvTranspose2d(width, joints, 4, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.kps_score_lowres(x)  # [K, J, 28, 28]
        return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


# --- from logits to the image --------------------------------------------------------


def decode_keypoints(logits: Tensor, boxes_xyxy: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [K, J, S, S] of boxes_xyxy [K, 4] -> [K, J, 2] px, scores [K, J].

    Each heatmap is resized to its box by bicubic interpolation, a cell per pixel; the
    highest cell's centre is the keypoint and its logit the score, as in the released
    detectors. Coordinates count from the image's edge, which is how those detectors
    read the labels of COCO too, so nothing is subtracted.
    """
    require_shape("boxes_xyxy", boxes_xyxy, len(logits), 4)
    joints = logits.shape[1]
    points, scores = [logits.new_zeros(0, joints, 2)], [logits.new_zeros(0, joints)]
    for maps, box in zip(logits, boxes_xyxy, strict=True):  # each has a size of its own
        extent = (box[2:] - box[:2]).clamp(min=1.0)  # [w, h]
        width, height = (int(n) for n in extent.ceil())
        large = F.interpolate(
            maps[None], (height, width), mode="bicubic", align_corners=False
        )[0]
        score, index = large.flatten(1).max(1)  # [J]
        cell = torch.stack([index % width, index // width], 1).to(box) + 0.5
        points.append((cell * (extent / extent.ceil()) + box[:2])[None])
        scores.append(score[None])
    return torch.cat(points), torch.cat(scores)


def paste_masks(masks: Tensor, boxes_xyxy: Tensor, size: tuple[int, int]) -> Tensor:
    """Probabilities [K, S, S] of boxes_xyxy [K, 4] in an image; [K, H, W].

    The mask gets a border of one empty cell and the box grows with it, then is rounded
    to pixels: otherwise the edge of the mask would be cut off at the box.
    """
    padded = F.pad(masks, (1, 1, 1, 1))
    scale = padded.shape[-1] / masks.shape[-1]
    low, high = boxes_xyxy.split(2, 1)
    centre = (high + low) * 0.5
    half = (high - low) * 0.5 * scale
    corners = torch.cat([centre - half, centre + half], 1).long()  # towards zero
    image = masks.new_zeros(len(masks), *size)
    for mask, box, canvas in zip(padded, corners.tolist(), image, strict=True):
        _paste(mask, box, canvas)
    return image


def _paste(mask: Tensor, box: list[int], canvas: Tensor) -> None:
    """One mask [S, S] into canvas [H, W]; the last pixel of the box belongs to it."""
    x0, y0, x1, y1 = box
    shape = (max(y1 - y0 + 1, 1), max(x1 - x0 + 1, 1))
    resized = F.interpolate(
        mask[None, None], shape, mode="bilinear", align_corners=False
    )[0, 0]
    height, width = canvas.shape
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x1 + 1, width), min(y1 + 1, height)
    if right > left and bottom > top:
        part = resized[top - y0 : bottom - y0, left - x0 : right - x0]
        canvas[top:bottom, left:right] = part
