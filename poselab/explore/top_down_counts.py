"""What the explorers of notebook 07 count: whose joints, whose boxes."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.boxes import iou_xyxy
from poselab.geometry import crop_boxes, crop_matrix, xywh_to_xyxy
from poselab.pipelines import SinglePerson
from poselab.records import Sample

STEPS = {
    "score": "has no box of such a score",
    "NMS": "lost the last box to suppression (NMS)",
    "OKS-NMS": "lost the pose to the suppression of poses (OKS-NMS)",
}


def lost_in_words(steps: list[str]) -> str:
    """What became of the left and the right person (see `step_that_loses`)."""
    sides = zip(("left", "right"), steps, strict=True)
    return "".join(
        f" The {side} person {STEPS[step]}." for side, step in sides if step in STEPS
    )


def everybody(sample: Sample) -> list[int]:
    """The people of a single sample who are present, largest first."""
    order = sample.boxes[:, 2:].prod(1).argsort(descending=True)
    return order[sample.present[order]].tolist()


def read_box(
    single: SinglePerson, image: Tensor, box: Tensor, flip: bool = False
) -> tuple[Tensor, Tensor]:
    """The crop [3, h, w] of exactly this box [4], squeezed if need be; joints [J, 2].

    A `SinglePerson` always grows its boxes to the network's shape; this shows why.
    """
    size = single.codec.size
    crops = crop_boxes(image[None], box[None, None], size)[0]  # [1, 3, h, w]
    poses = single.read(crops, crop_matrix(box[None], size), flip=flip)
    return crops[0], poses.keypoints[0]


def owners(sample: Sample, boxes: Tensor) -> list[int]:
    """Whose each pose is: of the person with whom its box [N, 4] xywh overlaps most.

    Not of the person on whom its joints lie: a pose that has gone over to a neighbour
    as a whole would then be the neighbour's, and nothing would be stolen.
    """
    if not len(boxes):
        return []
    overlap = iou_xyxy(xywh_to_xyxy(boxes), xywh_to_xyxy(sample.boxes))  # [N, P]
    return overlap.argmax(1).tolist()


def stolen_joints(
    sample: Sample, points: Tensor, boxes: Tensor
) -> tuple[int, int, Tensor]:
    """How many joints are nearer to another person's same joint, of how many, where.

    points [N, J, 2] px from boxes [N, 4]; the last answer is [K, 2] px. Each pose
    belongs to its box's owner (see `owners`); joints that the owner has not labelled
    are left out.
    """
    if not len(points) or len(sample.keypoints) < 2:
        return 0, 0, points.new_zeros(0, 2)
    far = _distances(sample, points)
    own = far[torch.arange(len(points)), owners(sample, boxes)]  # [N, J]
    counted = torch.isfinite(own)
    stolen = counted & (far.amin(1) < own)
    return int(stolen.sum()), int(counted.sum()), points[stolen]


def _distances(sample: Sample, points: Tensor) -> Tensor:
    """From poses [N, J, 2] to people [N, P, J], infinite where nothing is labelled."""
    far = (points[:, None] - sample.keypoints[None]).norm(dim=-1)
    return torch.where(sample.visibility[None] > 0, far, torch.inf)


def count_hits(boxes: Tensor, true: Tensor) -> tuple[int, int]:
    """How many people [P, 4] have a box [N, 4] of overlap above 0.5, how many two."""
    if not len(boxes):
        return 0, 0
    overlap = iou_xyxy(xywh_to_xyxy(boxes), xywh_to_xyxy(true))  # [N, P]
    best = overlap.argmax(1)  # each box speaks for one person
    good = overlap.amax(1) > 0.5
    counts = torch.bincount(best[good], minlength=len(true))
    return int((counts > 0).sum()), int((counts > 1).sum())
