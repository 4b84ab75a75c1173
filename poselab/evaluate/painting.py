"""What a painted film is asked: is the pose in it, is the person, does it flicker?"""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from poselab import zoo
from poselab.datasets.dancer import Dancer
from poselab.evaluate.predictions import predict
from poselab.metrics import pck
from poselab.pipelines.paint import paint_film
from poselab.records import Sample

READER = "hrnet_tiny"  # the pose network that looks at painted frames
THRESHOLDS = (0.05, 0.1)
DANCE, MOVES, LENGTH = 2, 8, 20  # another dance than the one that was learned


@functools.cache
def evaluation_film(size: tuple[int, int], who: int) -> Sample:
    """A dance of the dancer `who` that no network has learned, 160 frames."""
    return Dancer(size, who, DANCE, MOVES, LENGTH).film


def found_poses(images: Tensor) -> Tensor:
    """The joints [T, 17, 2] px that `READER` finds in frames [T, 3, H, W]."""
    net = zoo.load(READER)
    tall, wide = net.codec.size
    large = F.interpolate(images, (tall, wide), mode="bilinear", align_corners=False)
    scale = images.shape[-1] / wide
    return (predict(net, large)[-1] + 0.5) * scale - 0.5


def repainted(net: nn.Module, codec: Any, keypoints: Tensor) -> Tensor:
    """The evaluation's moves [T, 17, 2] px, each painted as a film of its own."""
    moves = keypoints.split(LENGTH)
    return torch.cat([paint_film(net, move, codec) for move in moves])


def flicker(painted: Tensor, film: Tensor) -> Tensor:
    """How much frames [T, 3, H, W] change otherwise than the film's do, [].

    The mean absolute difference of both changes from frame to frame, within moves.
    """
    gaps = (painted - film).split(LENGTH)  # the change of the gap is the gap of changes
    return torch.cat([(gap[1:] - gap[:-1]).abs() for gap in gaps]).mean()


def agreed(keypoints: Tensor, sample: Sample) -> dict[str, float]:
    """PCK of joints [T, 17, 2] px with a film's, against the longer box side."""
    truth, seen = sample.keypoints[:, 0], sample.visibility[:, 0]
    boxes = sample.boxes[:, 0]
    values = pck(keypoints, truth, seen, "box", THRESHOLDS, boxes=boxes)
    return {f"PCK@{t:g}": float(v) for t, v in zip(THRESHOLDS, values, strict=True)}


def score_painting(net: nn.Module, codec: Any, sample: Sample) -> dict[str, float]:
    """Scores of a painter on a film of moves of `LENGTH` frames.

    "PCK": how often the pose network finds the asked joints in the painted frames;
    "error": mean |difference| on the person's pixels; "flicker" for the true poses, and
    "flicker found" for the poses that the network finds in the film, which jitter; both
    as shares of the range of brightness.
    """
    person = sample.known("masks").any(1, keepdim=True).float()
    painted = repainted(net, codec, sample.keypoints[:, 0])
    gap = (painted - sample.image).abs().mean(1, keepdim=True) * person
    shaken = repainted(net, codec, found_poses(sample.image))
    values = {
        **agreed(found_poses(painted), sample),
        "error": gap.sum() / person.sum(),
        "flicker": flicker(painted, sample.image),
        "flicker found": flicker(shaken, sample.image),
    }
    return {name: round(float(value), 5) for name, value in values.items()}
