"""Detectors in two steps: Faster R-CNN, Mask R-CNN, and a tiny one of the same parts.

`pyramid` has the features, `rpn` the proposals, `regions` RoIAlign, `heads` the
predictors (boxes, masks, keypoints); `network` joins them.
"""

from poselab.models.rcnn.heads import decode_keypoints, paste_masks
from poselab.models.rcnn.network import RCNN, fasterrcnn, keypointrcnn, maskrcnn
from poselab.models.rcnn.pyramid import FeaturePyramid, FrozenBatchNorm
from poselab.models.rcnn.regions import level_of, roi_align
from poselab.models.rcnn.tiny import rcnn_tiny

__all__ = [
    "RCNN",
    "FeaturePyramid",
    "FrozenBatchNorm",
    "decode_keypoints",
    "fasterrcnn",
    "keypointrcnn",
    "level_of",
    "maskrcnn",
    "paste_masks",
    "rcnn_tiny",
    "roi_align",
]
