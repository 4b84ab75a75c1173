"""Whole systems, and the steps between a detector, a network and an answer."""

from poselab.pipelines.bottom_up import BottomUp
from poselab.pipelines.crops import back_to_image, flip_test, people_crops
from poselab.pipelines.suppression import oks_nms, pose_oks, rescore, soft_oks_nms
from poselab.pipelines.top_down import TopDown

__all__ = [
    "BottomUp",
    "TopDown",
    "back_to_image",
    "flip_test",
    "oks_nms",
    "people_crops",
    "pose_oks",
    "rescore",
    "soft_oks_nms",
]
