"""Ground truth to network targets and back, one file per family of methods.

A codec has `encode(sample, generator) -> {"input": ..., targets}`, `loss(output,
encoded)` and `decode(output, ...) -> Poses`; that is all the training loop asks of it.
"""

from poselab.codecs.regression import (
    DisplacementCodec,
    RegressionCodec,
    crop_boxes,
    denormalise,
    joint_boxes,
    masked_l2,
    normalise,
    pose_diameter,
)

__all__ = ["DisplacementCodec", "RegressionCodec", "crop_boxes", "denormalise",
           "joint_boxes", "masked_l2", "normalise", "pose_diameter"]  # fmt: skip
