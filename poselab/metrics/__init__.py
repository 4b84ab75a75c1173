"""How good is an answer? One file per family of metrics."""

from poselab.metrics.ap.boxes import box_ap
from poselab.metrics.ap.curves import coco_ap_vectorised, coco_curves
from poselab.metrics.ap.inputs import NAMES, CocoNumbers
from poselab.metrics.ap.keypoints import ap_by_area, coco_ap
from poselab.metrics.crowding import crowd_index, crowding_of
from poselab.metrics.keypoints import (
    head_box_length,
    pck,
    pck_per_joint,
    pckh,
    pckh_mpii,
    pdj,
    reference_length,
)
from poselab.metrics.parts import limb_judgement, pcp, pcp_per_limb, pcpm
from poselab.metrics.roots import mrpe, mrpe_axes, root_ap
from poselab.metrics.similarity import oks, oks_per_joint, oks_radius
from poselab.metrics.space import (
    align,
    auc3d,
    joint_errors,
    mpjpe,
    n_mpjpe,
    pa_mpjpe,
    pck3d,
    pck3d_curve,
)
from poselab.metrics.summary import everything
from poselab.metrics.track_inputs import head_segments
from poselab.metrics.tracks import TrackEvents, TrackScores, track_scores

__all__ = [
    "NAMES",
    "CocoNumbers",
    "TrackEvents",
    "TrackScores",
    "align",
    "ap_by_area",
    "auc3d",
    "box_ap",
    "coco_ap",
    "coco_ap_vectorised",
    "coco_curves",
    "crowd_index",
    "crowding_of",
    "everything",
    "head_segments",
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
    "root_ap",
    "track_scores",
]
