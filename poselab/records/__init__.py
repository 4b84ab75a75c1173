"""What crosses a folder boundary: `Sample` (ground truth), `Poses` and `Detections`.

P people with J joints each in an image of H x W pixels. A *stacked* record has one more
dimension in front of every tensor, B images. Points are in pixels with the centre of
the first pixel at 0; boxes are xywh on pixel edges, as COCO's are, so the whole image
is (0, 0, W, H) and its left edge is at point coordinate -0.5.
"""

from poselab.records.base import Record
from poselab.records.predictions import Detections, Poses
from poselab.records.sample import HIDDEN_BY, Sample

__all__ = ["HIDDEN_BY", "Detections", "Poses", "Record", "Sample"]
