"""Where a top-down system loses AP and people, and how much a little noise costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from poselab.boxes import nms
from poselab.geometry import box_iou, xywh_to_xyxy
from poselab.metrics import coco_ap
from poselab.pipelines import TopDown
from poselab.records import Detections, Poses, Sample

HIDDEN = 1  # COCO's visibility: labelled, but hidden
SMALL = 0.3  # of the picture's height: people below are small
STEPS = ("score", "NMS", "OKS-NMS")  # of a system, each of which may lose a person
NEAR = 0.1  # of the longer side of a person's box: a joint so near is found


def noise_curve(
    crowd: Sample, pixels: Sequence[float] = (0.5, 1.0, 2.0, 3.0, 4.0), seed: int = 0
) -> dict[float, float]:
    """AP of the ground truth itself, each joint moved by normal noise of so many px.

    `crowd` is stacked. What a system with perfect boxes, order and left and right
    scores, whose joints are not quite in place. The same draw for every noise.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(crowd.keypoints.shape, generator=generator)
    curve = {}
    for deviation in pixels:
        moved = [
            _truth(one).replace(keypoints=one.keypoints + deviation * own)
            for one, own in zip(crowd, _of_each(draw, crowd), strict=True)
        ]
        curve[float(deviation)] = float(coco_ap(crowd, moved)["AP"])
    return curve


def where_ap_is_lost(system: TopDown, crowd: Sample) -> dict[str, float]:
    """AP of `system` on stacked scenes, and again after each repair by the truth.

    The repairs add up, in this order, and each gain is what that part costs:
    - "system": nothing is repaired.
    - "boxes": every person's true box is given, and nobody else's.
    - "hidden joints": those are where they should be.
    - "small people": people below `SMALL` of the picture's height are right.
    - "precision": a joint that is at most `NEAR` of its person's size off is right.
    What is missing to 1 in the end are joints that are somewhere else altogether: of
    the neighbour, or the other side's.
    """
    singles = list(crowd)
    scores = {"system": _ap(crowd, [system(one.image) for one in singles])}
    poses = [system.poses(one.image, one.boxes) for one in singles]
    scores["boxes"] = _ap(crowd, poses)
    for name, chosen in REPAIRS.items():
        pairs = zip(poses, singles, strict=True)
        poses = [_repaired(found, one, chosen(found, one)) for found, one in pairs]
        scores[name] = _ap(crowd, poses)
    return scores


def gain_of_each_repair(
    poses: Sequence[Poses], crowd: Sample, seed: int = 0
) -> dict[str, float]:
    """AP that each repair of `where_ap_is_lost` gains alone, in whatever order.

    `poses` are those of every person's true box, picture by picture. The last one is a
    control for "hidden joints": in each picture as many joints are made right, but of
    those that can be seen, drawn at random.
    """
    singles, generator = list(crowd), torch.Generator().manual_seed(seed)

    def after(chosen: Callable[[Poses, Sample], torch.Tensor]) -> float:
        pairs = zip(poses, singles, strict=True)
        return _ap(crowd, [_repaired(p, one, chosen(p, one)) for p, one in pairs])

    def as_many(found: Poses, one: Sample) -> torch.Tensor:
        return _as_many_visible(one, generator)

    before = _ap(crowd, list(poses))
    ways = {**REPAIRS, "as many visible joints": as_many}
    return {name: after(chosen) - before for name, chosen in ways.items()}


def step_that_loses(
    system: TopDown,
    one: Sample,
    score_threshold: float = 0.5,
    iou_threshold: float = 0.65,
) -> list[str]:
    """For each person of a single scene which of `STEPS` leaves no box, or "found".

    A box is a person's if its IoU with the true one is above 0.5 and it overlaps nobody
    else more. "score": the detector has no box of a score above `score_threshold`;
    "NMS": suppression at `iou_threshold` took the last one; "OKS-NMS": that of poses.
    """
    every = every_box(system, one.image)
    sure, kept = boxes_left(every, score_threshold, iou_threshold)
    poses = poses_left(system, one.image, every.people(kept))
    left = every.boxes[sure], every.boxes[kept], poses.known("boxes")
    return first_losses(one.boxes, left)


def every_box(system: TopDown, image: torch.Tensor) -> Detections:
    """What the detector finds in an image [3, H, W] before any suppression."""
    return system.detector.detect(image, iou_threshold=1.0, max_detections=300)


def boxes_left(
    every: Detections, score_threshold: float, iou_threshold: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices of the boxes above the score, and of those that NMS keeps of them."""
    sure = (every.scores > score_threshold).nonzero()[:, 0]
    boxes, scores = every.boxes[sure], every.scores[sure]
    return sure, sure[nms(xywh_to_xyxy(boxes), scores, iou_threshold)]


def poses_left(system: TopDown, image: torch.Tensor, kept: Detections) -> Poses:
    """The poses of boxes in an image [3, H, W] that OKS-NMS leaves."""
    return system.best(system.poses(image, kept.boxes, kept.scores))


def first_losses(people: torch.Tensor, left: Sequence[torch.Tensor]) -> list[str]:
    """Which of `STEPS` left no box for each of the people [P, 4], or "found".

    `left` has the boxes [N, 4] xywh that each of the steps leaves.
    """
    lost = [~_have_a_box(boxes, people) for boxes in left]
    return [
        next((step for step, gone in zip(STEPS, lost, strict=True) if gone[i]), "found")
        for i in range(len(people))
    ]


def _have_a_box(boxes: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
    """Which of the people [P, 4] have a box [N, 4] of their own, both xywh."""
    if not len(boxes):
        return torch.zeros(len(people), dtype=torch.bool)
    overlap, whose = box_iou(boxes.to(people), people).max(1)
    return torch.isin(torch.arange(len(people)), whose[overlap > 0.5])


def _hidden(found: Poses, one: Sample) -> torch.Tensor:
    """Which joints [P, J] are labelled and hidden."""
    return one.visibility == HIDDEN


def _small(found: Poses, one: Sample) -> torch.Tensor:
    """Whose joints [P, J] belong to small people."""
    small = one.boxes[:, 3] < SMALL * one.size[0]
    return small[:, None].expand_as(one.visibility)


def _near(found: Poses, one: Sample) -> torch.Tensor:
    """Which joints [P, J] are nearly right."""
    gap = (found.keypoints - one.keypoints).norm(dim=-1)
    return gap <= NEAR * one.boxes[:, 2:].amax(-1, keepdim=True)


def _as_many_visible(one: Sample, generator: torch.Generator) -> torch.Tensor:
    """As many visible joints [P, J] as there are hidden ones, drawn at random."""
    seen = (one.visibility > HIDDEN).flatten().nonzero()[:, 0]
    order = torch.randperm(len(seen), generator=generator)
    chosen = torch.zeros(one.visibility.numel(), dtype=torch.bool)
    chosen[seen[order[: int((one.visibility == HIDDEN).sum())]]] = True
    return chosen.view(one.visibility.shape)


REPAIRS = {"hidden joints": _hidden, "small people": _small, "precision": _near}


def _repaired(found: Poses, one: Sample, chosen: torch.Tensor) -> Poses:
    """The poses with the true joints where `chosen` [P, J]."""
    points = torch.where(chosen[..., None], one.keypoints, found.keypoints)
    return found.replace(keypoints=points)


def _truth(one: Sample) -> Poses:
    """The answer that is right."""
    sure = torch.ones_like(one.keypoints[..., 0])
    return Poses(one.keypoints, sure, boxes=one.boxes, person_scores=sure[:, 0])


def _of_each(values: torch.Tensor, crowd: Sample) -> list[torch.Tensor]:
    """Rows [P, ...] of those who are present, picture by picture."""
    return [own[there] for own, there in zip(values, crowd.present, strict=True)]


def _ap(crowd: Sample, found: list[Poses]) -> float:
    return float(coco_ap(crowd, found)["AP"])
