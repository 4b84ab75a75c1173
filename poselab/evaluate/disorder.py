"""Does a detector find people, and nobody else, where pictures are disorderly?"""

from __future__ import annotations

import torch
from torch import nn

from poselab.datasets.photometric import as_taken
from poselab.datasets.wild import WildPeople
from poselab.geometry import box_iou
from poselab.records import Sample

PICTURES, SEED = 32, 5
SIZE = (192, 256)  # (H, W) px
SCORE = 0.5  # of the boxes that are looked at, as in `poselab.estimate`
OVERLAP = 0.5  # IoU of two boxes from which on the less likely one goes
FOUND, NOBODY = 0.5, 0.3  # IoU with a person: at least, or with everybody less


def scenes(disorder: bool) -> Sample:
    """The same scenes [32, 3, 192, 256] of one to four people, tidy or disorderly."""
    kinds = dict.fromkeys(("backgrounds", "prints", "light"), disorder)
    maker = WildPeople(SIZE, (1, 4), seed=SEED, split="test", fine=True, **kinds)
    people = maker.batch(PICTURES, maker.generator())
    if not disorder:
        return people
    draws = torch.Generator().manual_seed(SEED)
    return people.replace(image=as_taken(people.image, draws))


def found_and_nobody(net: nn.Module, pictures: Sample) -> tuple[float, float]:
    """The share of people that a detector finds, and its boxes of nobody per picture.

    Of boxes with a score above 0.5. A box with an IoU of 0.5 finds a person; one with
    less than 0.3 with everybody is nobody's.
    """
    hits = nobody = people = 0
    for picture in pictures:
        answer = net.detect(picture.image, score_threshold=SCORE, iou_threshold=OVERLAP)
        people += len(picture.boxes)
        if len(answer.boxes):
            overlap = box_iou(picture.boxes, answer.boxes.cpu())  # [P, D]
            hits += int((overlap.amax(1) >= FOUND).sum())
            nobody += int((overlap.amax(0) < NOBODY).sum())
    return hits / max(people, 1), nobody / len(pictures)


def score_disorder(net: nn.Module) -> dict[str, float]:
    """`found_and_nobody` in disorder and, as the control, in the same scenes tidied."""
    scores = {}
    for disorder in (True, False):
        found, nobody = found_and_nobody(net, scenes(disorder))
        kind = "disorder" if disorder else "tidy"
        scores[f"{kind}: found"] = round(found, 4)
        scores[f"{kind}: nobody"] = round(nobody, 4)
    return scores
