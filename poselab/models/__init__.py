"""Networks, one file per paper, and how their weights are kept in files."""

from __future__ import annotations

from poselab.models.cpm import CPM, CPMPaper, CPMReference
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
from poselab.models.heatmaps import HeatmapNet
from poselab.models.hourglass import Hourglass, Residual, StackedHourglass
from poselab.models.hrnet import HRNet
from poselab.models.ief import Corrector, CorrectorPaper, IterativeFeedback
from poselab.models.normalise import IMAGENET, PLAIN, Normalise, Normalised
from poselab.models.rcnn import RCNN
from poselab.models.receptive_fields import (
    cell_gradient,
    effective_side,
    kernels,
    measured_field,
    receptive_field,
    transparent,
)
from poselab.models.registry import build, maker, names, register, seeded
from poselab.models.simple_baseline import SimpleBaseline
from poselab.models.tompson import (
    CoarseToFine,
    FineNet,
    PyramidNet,
    PyramidNetPaper,
    SpatialModel,
)
from poselab.models.weights import load_weights, save_weights

__all__ = [
    "Backbone",
    "CPM",
    "CPMPaper",
    "CPMReference",
    "CPN",
    "Cascade",
    "CoarseToFine",
    "Corrector",
    "CorrectorPaper",
    "DeepPose",
    "DeepPosePaper",
    "DeepPoseResNet",
    "FineNet",
    "HRNet",
    "HeatmapNet",
    "Hourglass",
    "IterativeFeedback",
    "IMAGENET",
    "PLAIN",
    "Normalise",
    "Normalised",
    "maker",
    "names",
    "register",
    "PyramidNet",
    "PyramidNetPaper",
    "RCNN",
    "Refiner",
    "RefinerPaper",
    "Residual",
    "SimpleBaseline",
    "SpatialModel",
    "StackedHourglass",
    "build",
    "cell_gradient",
    "effective_side",
    "kernels",
    "load_weights",
    "measured_field",
    "receptive_field",
    "save_weights",
    "seeded",
    "transparent",
]
