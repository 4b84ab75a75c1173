"""Ground truth to network targets and back, one file per family of methods.

What a codec is stands in `poselab.codecs.base`.
"""

from __future__ import annotations

from poselab.codecs.base import Codec
from poselab.codecs.bottom_up import SceneCodec
from poselab.codecs.coarse_to_fine import CropHeatmapCodec, place_in_boxes
from poselab.codecs.detection import DetectionCodec
from poselab.codecs.heatmap import (
    HeatmapCodec,
    IntegralCodec,
    draw_targets,
    gaussian_heatmaps,
    masked_mse,
    merge_people,
    nearest_cells,
    spatial_cross_entropy,
    target_weight,
)
from poselab.codecs.heatmap_decode import (
    blur_heatmaps,
    blur_of,
    cells_to_pixels,
    decode_argmax,
    decode_dark,
    decode_quarter,
    decode_soft_argmax,
    flip_heatmaps,
    local_maxima,
    peaks,
    pixels_to_cells,
)
from poselab.codecs.hidden import HiddenCodec
from poselab.codecs.ief import IefCodec, bounded, fixed_path, on_path, with_pose
from poselab.codecs.last_stage import LastStageCodec
from poselab.codecs.lifting import LiftingCodec
from poselab.codecs.offset import OffsetCodec
from poselab.codecs.ohkm import OhkmCodec, hardest, loss_of_joints
from poselab.codecs.part_affinity import PartAffinityCodec, affinity_fields
from poselab.codecs.reference import (
    ReleasedCodec,
    crop_matrix_reference,
    decode_cpn_reference,
    decode_dark_reference,
    decode_hourglass_reference,
    decode_quarter_reference,
)
from poselab.codecs.registry import build, names
from poselab.codecs.regression import (
    DisplacementCodec,
    PointsCodec,
    RegressionCodec,
    denormalise,
    joint_boxes,
    masked_l2,
    normalise,
    pose_diameter,
)
from poselab.codecs.space import LocationMapCodec, RootCodec, VolumeCodec
from poselab.codecs.symmetric import CentreCodec, SymmetricCodec, perfect_theta
from poselab.codecs.tag import FineTagCodec, TagCodec, tag_loss
from poselab.codecs.tube import TubeCodec

__all__ = [
    "CentreCodec",
    "Codec",
    "CropHeatmapCodec",
    "DetectionCodec",
    "DisplacementCodec",
    "IefCodec",
    "FineTagCodec",
    "LastStageCodec",
    "OhkmCodec",
    "HeatmapCodec",
    "IntegralCodec",
    "VolumeCodec",
    "SymmetricCodec",
    "RootCodec",
    "LocationMapCodec",
    "LiftingCodec",
    "HiddenCodec",
    "OffsetCodec",
    "PartAffinityCodec",
    "PointsCodec",
    "RegressionCodec",
    "ReleasedCodec",
    "SceneCodec",
    "TagCodec",
    "TubeCodec",
    "affinity_fields",
    "blur_heatmaps",
    "blur_of",
    "bounded",
    "build",
    "cells_to_pixels",
    "crop_matrix_reference",
    "decode_argmax",
    "decode_cpn_reference",
    "decode_dark",
    "decode_dark_reference",
    "decode_hourglass_reference",
    "decode_quarter",
    "decode_quarter_reference",
    "decode_soft_argmax",
    "denormalise",
    "draw_targets",
    "fixed_path",
    "flip_heatmaps",
    "gaussian_heatmaps",
    "hardest",
    "joint_boxes",
    "local_maxima",
    "loss_of_joints",
    "masked_l2",
    "masked_mse",
    "merge_people",
    "names",
    "nearest_cells",
    "normalise",
    "on_path",
    "peaks",
    "perfect_theta",
    "pixels_to_cells",
    "place_in_boxes",
    "pose_diameter",
    "spatial_cross_entropy",
    "tag_loss",
    "target_weight",
    "with_pose",
]
