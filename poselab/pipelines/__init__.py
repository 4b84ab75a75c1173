"""Whole systems, and the steps between a detector, a network and poses."""

from poselab.pipelines.base import Estimator, ImageEstimator
from poselab.pipelines.bottom_up import BottomUp
from poselab.pipelines.flip import flip_test
from poselab.pipelines.second_look import SecondLook
from poselab.pipelines.single import SinglePerson
from poselab.pipelines.suppression import oks_nms, pose_oks, rescore, soft_oks_nms
from poselab.pipelines.top_down import TopDown
from poselab.pipelines.tubes import SingleTube, TubePoses
from poselab.pipelines.votes import Votes

__all__ = [
    "BottomUp",
    "Estimator",
    "ImageEstimator",
    "SecondLook",
    "SinglePerson",
    "SingleTube",
    "TopDown",
    "TubePoses",
    "Votes",
    "flip_test",
    "oks_nms",
    "pose_oks",
    "rescore",
    "soft_oks_nms",
]
