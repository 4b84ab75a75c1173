"""Networks, one file per paper, and how their weights are kept in files."""

from __future__ import annotations

from poselab.models.cpn import CPN
from poselab.models.deeppose import (
    Backbone,
    Cascade,
    DeepPose,
    DeepPosePaper,
    DeepPoseResNet,
    Refiner,
    RefinerPaper,
)
from poselab.models.heatmap_net import HeatmapNet
from poselab.models.hourglass import Hourglass, Residual, StackedHourglass
from poselab.models.hrnet import HRNet
from poselab.models.rcnn import RCNN, Detections
from poselab.models.simple_baseline import SimpleBaseline
from poselab.models.tompson import (
    CoarseToFine,
    FineNet,
    PyramidNet,
    PyramidNetPaper,
    SpatialModel,
)
from poselab.models.weights import MODELS, build, load_weights, save_weights, seeded

__all__ = ["Backbone", "CPN", "Cascade", "CoarseToFine", "DeepPose", "DeepPosePaper",
           "DeepPoseResNet", "Detections", "FineNet", "HRNet", "HeatmapNet",
           "Hourglass", "MODELS", "PyramidNet", "PyramidNetPaper", "RCNN", "Refiner",
           "RefinerPaper", "Residual", "SimpleBaseline", "SpatialModel",
           "StackedHourglass", "build", "load_weights", "save_weights",
           "seeded"]  # fmt: skip
