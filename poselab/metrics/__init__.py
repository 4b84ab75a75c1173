"""How good is an answer? One file per family of metrics."""

from poselab.metrics.box_ap import box_ap
from poselab.metrics.coco_inputs import NAMES, CocoNumbers
from poselab.metrics.coco_vectorized import coco_ap_vectorized, coco_curves
from poselab.metrics.everything import everything
from poselab.metrics.mota import TrackEvents, Tracks, TrackScores, track_scores
from poselab.metrics.mpjpe import (
    align,
    auc3d,
    joint_errors,
    mpjpe,
    mrpe,
    mrpe_axes,
    n_mpjpe,
    pa_mpjpe,
    pck3d,
    pck3d_curve,
)
from poselab.metrics.oks import oks, oks_per_joint, oks_radius
from poselab.metrics.oks_ap import coco_ap
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
    "NAMES",
    "CocoNumbers",
    "TrackEvents",
    "TrackScores",
    "Tracks",
    "align",
    "auc3d",
    "box_ap",
    "coco_ap",
    "coco_ap_vectorized",
    "coco_curves",
    "everything",
    "head_box_length",
    "joint_errors",
    "limb_judgement",
    "mpjpe",
    "mrpe",
    "mrpe_axes",
    "n_mpjpe",
    "oks",
    "oks_per_joint",
    "oks_radius",
    "pa_mpjpe",
    "pck",
    "pck3d",
    "pck3d_curve",
    "pck_per_joint",
    "pckh",
    "pckh_mpii",
    "pcp",
    "pcp_per_limb",
    "pcpm",
    "pdj",
    "reference_length",
    "track_scores",
]
