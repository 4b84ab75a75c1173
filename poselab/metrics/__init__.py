"""How good is an answer? One file per family of metrics."""

from poselab.metrics.oks_ap import coco_ap, oks
from poselab.metrics.pck import (
    head_box_length,
    pck,
    pck_per_joint,
    pckh,
    pckh_mpii,
    pdj,
    reference_length,
)
from poselab.metrics.pcp import limb_judgement, pcp, pcp_per_limb, pcpm

__all__ = [
    "coco_ap",
    "head_box_length",
    "limb_judgement",
    "oks",
    "pck",
    "pck_per_joint",
    "pckh",
    "pckh_mpii",
    "pcp",
    "pcp_per_limb",
    "pcpm",
    "pdj",
    "reference_length",
]
