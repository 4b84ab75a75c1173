"""How good is an answer? One file per family of metrics."""

from poselab.metrics.box_ap import box_ap
from poselab.metrics.oks_ap import coco_ap, oks
from poselab.metrics.pck import pck, pck_per_joint, reference_length

__all__ = ["box_ap", "coco_ap", "oks", "pck", "pck_per_joint", "reference_length"]
