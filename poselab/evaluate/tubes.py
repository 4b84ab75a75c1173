"""Does a network for clips find a joint that is hidden for a few frames?"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from poselab import datasets
from poselab.datasets.tubes import cover, follow
from poselab.records import Sample
from poselab.skeleton import COCO_17

SIZE = (384, 512)  # (H, W) px of the clips
SIDE = 20  # px of a crop of 128x96: covers a hand and a part of the arm
GREY = torch.full((3,), 0.5)
STEP = 5  # frames from one tube of a person to the next
NEAR = {"PCK@0.05": 0.05, "PCK@0.1": 0.1}  # of the longer side of the person's box
LIMBS = [
    COCO_17.index(f"{side}_{joint}")
    for joint in ("wrist", "ankle")
    for side in ("left", "right")
]

Scores = dict[str, float]


@functools.cache
def tubes_of(frames: int, size: tuple[int, int], clips: int) -> list[Sample]:
    """Tubes of so many `frames` in the evaluation's clips, crops of `size` (H, W).

    Of everybody who is there in all frames of a tube, every `STEP` frames.
    """
    found = []
    for clip in datasets.evaluation("clips", clips, size=SIZE):
        for start in range(0, len(clip) - frames + 1, STEP):
            part = clip[start : start + frames]
            for person in part.present.all(0).nonzero()[:, 0].tolist():
                found.append(follow(part, person, size))
    return found


def covered(tube: Sample, joint: int, first: int, last: int) -> Tensor:
    """The crops [T, 3, h, w] with a grey square over a joint in frames first..last."""
    images = tube.image.clone()
    for t in range(first, last + 1):
        cover(images[t : t + 1], tube.keypoints[t, 0, joint], SIDE, GREY)
    return images


def cases(frames: int, size: tuple[int, int], clips: int) -> Iterator:
    """(Tube, joint) for each wrist and ankle that is seen in all frames of a tube."""
    for tube in tubes_of(frames, size, clips):
        seen = (tube.visibility[:, 0] == 2).all(0)  # [J]
        for joint in LIMBS:
            if seen[joint]:
                yield tube, joint


@torch.no_grad()
def middles(net: nn.Module, codec, clips: list[Tensor]) -> Tensor:
    """The joints [N, J, 2] px in the middle frames of clips [T, 3, h, w]."""
    middle, found = codec.frames // 2, []
    for start in range(0, len(clips), 32):
        images = torch.cat(clips[start : start + 32])
        points = codec.decode(net(codec.clips(images))).keypoints[:, 0]
        found.append(points.unflatten(0, (-1, codec.frames))[:, middle])
    return torch.cat(found)


def score_tubes(net: nn.Module, codec, clips: int = 10) -> Scores:
    """Shares of wrists and ankles found in the middle frame of tubes, PCK@0.1.

    Covered in the middle frame, in it and those before, or in all; the middle frame in
    place of all ("frozen"); not covered. Then PCK of all visible joints of tubes that
    nothing covers, and of those that are hidden in the scene itself.
    """
    last, middle, size = codec.frames - 1, codec.frames // 2, tuple(codec.size)
    pairs = list(cases(codec.frames, size, clips))
    ways = {
        "covered, 1 frame": [covered(*pair, middle, middle) for pair in pairs],
        "covered, 2 frames": [covered(*pair, 0, middle) for pair in pairs],
        "covered, all": [covered(*pair, 0, last) for pair in pairs],
        "not covered": [tube.image for tube, _ in pairs],
    }
    frozen = [x[middle].expand_as(x) for x in ways["covered, 1 frame"]]
    ways = {"covered, frozen": frozen, **ways}
    truth = [(tube[middle], joint) for tube, joint in pairs]
    scores = {
        name: _share(middles(net, codec, images), truth)
        for name, images in ways.items()
    }
    return {**scores, **_whole(net, codec, tubes_of(codec.frames, size, clips))}


def _share(points: Tensor, truth: list[tuple[Sample, int]]) -> float:
    """Of one joint for each point [N, J, 2], how many are near."""
    good = [
        bool(_far(found, frame)[joint] <= NEAR["PCK@0.1"])
        for found, (frame, joint) in zip(points, truth, strict=True)
    ]
    return round(sum(good) / len(good), 4)


def _far(points: Tensor, frame: Sample) -> Tensor:
    """How far joints [J, 2] px are, [J], in longer sides of the person's box."""
    gap = (points - frame.keypoints[0]).norm(dim=-1)
    return gap / frame.boxes[0, 2:].amax()


def _whole(net: nn.Module, codec, tubes: list[Sample]) -> Scores:
    """PCK of visible joints, and of hidden ones, in middle frames."""
    middle = codec.frames // 2
    points = middles(net, codec, [tube.image for tube in tubes])
    frames = [tube[middle] for tube in tubes]
    far = torch.stack([_far(p, f) for p, f in zip(points, frames, strict=True)])
    flags = torch.stack([frame.visibility[0] for frame in frames])
    scores = {
        name: float((far[flags == 2] <= limit).float().mean())
        for name, limit in NEAR.items()
    }
    scores["hidden"] = float((far[flags == 1] <= NEAR["PCK@0.1"]).float().mean())
    return {name: round(value, 4) for name, value in scores.items()}
