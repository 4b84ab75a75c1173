"""Networks, one file per paper, and how their weights are kept in files."""

from __future__ import annotations

from poselab.models.deeppose import (
    Backbone,
    Cascade,
    DeepPose,
    DeepPosePaper,
    DeepPoseResNet,
    Refiner,
)
from poselab.models.weights import MODELS, build, load_weights, save_weights

__all__ = ["MODELS", "Backbone", "Cascade", "DeepPose", "DeepPosePaper",
           "DeepPoseResNet", "Refiner", "build", "load_weights",
           "save_weights"]  # fmt: skip
