"""Exercise of notebook 13: the overlap of two tubes (the other three: `track_*`)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform

chapter = Chapter("track", "13_detect_and_track")


def _tubes(seed: int, count: int, frames: int) -> Tensor:
    """Tubes [count, frames, 4] xywh that drift; many overlap."""
    low = (
        uniform(seed, count, 1, 2, high=30.0) + uniform(seed + 1, count, frames, 2) * 6
    )
    return torch.cat([low, uniform(seed + 2, count, frames, 2, low=20.0, high=40.0)], 2)


def _tube_cases() -> list[Case]:
    away = _tubes(40, 2, 4)
    away[0, 1], away[1, 2:] = 0.0, 0.0
    aside = torch.tensor([4.0, 0.0, 0.0, 0.0])
    apart = torch.tensor([[[0.0, 0, 10, 10], [20.0, 20, 10, 10]]])
    other = torch.tensor([[[2.0, 0, 10, 10], [40.0, 50, 10, 10]]])
    return [
        Case("tubes of three frames", _tubes(30, 2, 3), _tubes(33, 3, 3)),
        Case("one frame", _tubes(36, 2, 1), _tubes(38, 2, 1)),
        Case("together in one frame, apart in the other", apart, other),
        Case("frames in which somebody is away (w = h = 0)", away, away + aside),
        Case("no tube to compare", _tubes(44, 2, 3), torch.zeros(0, 3, 4)),
    ]


def _parts(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersections and unions [A, B, T] of tubes [A, T, 4] and [B, T, 4] xywh."""
    a, b = a[:, None], b[None]
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    return shared, a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared


def _overlaps(a: Tensor, b: Tensor) -> Tensor:
    """IoU [A, B, T], 0 where nobody has an area."""
    shared, union = _parts(a, b)
    return shared / union.clamp(min=1e-9)


def _tube_overlap(tubes: Tensor, others: Tensor) -> Tensor:
    return _overlaps(tubes, others).mean(-1)


tube_overlap = chapter.exercise(
    "tube_overlap",
    cases=_tube_cases,
    solution=_tube_overlap,
    returns=("overlaps",),
    praise="The mean IoU of the frames, as in the released program.",
)


@tube_overlap.wrong(
    "You divide the whole shared volume by the whole joint volume, so a frame with "
    "large boxes counts for more. Every frame has its own IoU, and all count alike."
)
def volumes(tubes, others):
    shared, union = _parts(tubes, others)
    return shared.sum(-1) / union.sum(-1).clamp(min=1e-9)


@tube_overlap.wrong(
    "You keep the frame with the least overlap. A person who is met in two frames of "
    "three should count for two thirds: take the mean."
)
def worst_frame(tubes, others):
    return _overlaps(tubes, others).amin(-1)


@tube_overlap.wrong(
    "You look at the middle frame only. That is how the released program links the "
    "clips of its tubes; the overlap of two tubes is the mean of all frames."
)
def middle_frame(tubes, others):
    return _overlaps(tubes, others)[..., tubes.shape[1] // 2]


@tube_overlap.wrong(
    "You read x, y, w, h as two corners: the box ends at x + w and y + h, not at w and "
    "h."
)
def as_corners(tubes, others):
    a, b = tubes[:, None], others[None]
    low = torch.maximum(a[..., :2], b[..., :2])
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - low).clamp(min=0).prod(-1)
    areas = [(x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1) for x in (a, b)]
    return (shared / (areas[0] + areas[1] - shared).clamp(min=1e-9)).mean(-1)


@tube_overlap.wrong(
    "Boxes that are apart in x and in y get an overlap: two negative sides have a "
    "positive product. Clamp both sides at 0 before you multiply."
)
def no_clamp(tubes, others):
    a, b = tubes[:, None], others[None]
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = (high - low).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    return (shared / union.clamp(min=1e-9)).mean(-1)


@tube_overlap.wrong(
    "Your union is the sum of both areas, so what they share counts twice, and a tube "
    "has an overlap of one half with itself. Subtract the intersection once."
)
def union_counts_twice(tubes, others):
    shared, union = _parts(tubes, others)
    return (shared / (union + shared).clamp(min=1e-9)).mean(-1)


@tube_overlap.wrong(
    "You compare the boxes around the whole tubes. People who walk the same way one "
    "after the other would be one person; compare frame by frame."
)
def box_around(tubes, others):
    ends = []
    for tube in (tubes, others):
        low = tube[..., :2].amin(1, keepdim=True)
        high = (tube[..., :2] + tube[..., 2:]).amax(1, keepdim=True)
        ends.append(torch.cat([low, high - low], -1))
    return _tube_overlap(*ends)


@tube_overlap.wrong(
    "Frames in which somebody is away are left out of your mean. They count, with an "
    "IoU of 0: divide by all T frames."
)
def frames_with_both(tubes, others):
    there = (tubes[:, None, :, 2] > 0) & (others[None, :, :, 2] > 0)
    return _overlaps(tubes, others).sum(-1) / there.sum(-1).clamp(min=1)


@tube_overlap.wrong(
    "Frames in which *both* are away are left out of your mean. They count, with an "
    "IoU of 0: divide by all T frames."
)
def frames_with_somebody(tubes, others):
    there = _parts(tubes, others)[1] > 0
    return _overlaps(tubes, others).sum(-1) / there.sum(-1).clamp(min=1)


@tube_overlap.wrong(
    "Two who are away together do not agree: such a frame counts 0, not 1."
)
def away_together(tubes, others):
    shared, union = _parts(tubes, others)
    return torch.where(union > 0, shared / union.clamp(min=1e-9), 1.0).mean(-1)


@tube_overlap.wrong(
    "You divide by the smaller box. IoU divides by the union, so that a small box "
    "inside a large one does not count as the same."
)
def smaller_box(tubes, others):
    shared = _parts(tubes, others)[0]
    areas = [tubes[:, None, :, 2:].prod(-1), others[None, :, :, 2:].prod(-1)]
    return (shared / torch.minimum(*areas).clamp(min=1e-9)).mean(-1)
