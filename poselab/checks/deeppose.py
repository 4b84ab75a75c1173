"""The exercises of notebook 01: relative coordinates, masked loss, one cascade step,
and a score that needs pixels again (Toshev & Szegedy 2014, sections 3.1 and 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform
from poselab.codecs.regression import masked_l2 as _masked_l2
from poselab.codecs.regression import normalise as _normalise
from poselab.geometry import box_centre

chapter = Chapter("deeppose", "01_regression_deeppose")


def _flags(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 3, shape, generator=generator)


# --- 1. coordinates relative to the box ----------------------------------------------

BOXES = torch.tensor([[40.0, 25, 60, 180], [120, 60, 90, 30], [0, 0, 96, 128]])


def _normalise_cases() -> list[Case]:
    wide = torch.tensor([[10.0, 20, 200, 50]])
    points = box_centre(BOXES)[:, None] + uniform(1, 3, 17, 2, low=-40, high=40)
    return [
        Case("three people with boxes of different shapes", points, BOXES),
        Case("a point in the middle of a wide box", box_centre(wide)[:, None], wide),
        Case("nobody in the picture", torch.zeros(0, 17, 2), torch.zeros(0, 4)),
    ]


normalise = chapter.exercise(
    "normalise",
    cases=_normalise_cases,
    solution=_normalise,
    praise="Every box, whatever its shape, is now the square from -0.5 to 0.5.",
)


@normalise.wrong(
    "You divide x and y by the width. A box has two sizes: x is divided by the width, "
    "y by the height (`boxes[:, None, 2:]`)."
)
def width_for_both_axes(points, boxes):
    return (points - box_centre(boxes)[:, None]) / boxes[:, None, 2:3]


@normalise.wrong(
    "You divide x by the height and y by the width: a box is (x, y, width, height)."
)
def sizes_swapped(points, boxes):
    return (points - box_centre(boxes)[:, None]) / boxes[:, None, 2:].flip(-1)


@normalise.wrong(
    "Your values run from 0 to 1: you measure from the corner of the box. DeepPose "
    "measures from its centre, so the middle of the box is 0 (equation 1)."
)
def zero_to_one(points, boxes):
    return _normalise(points, boxes) + 0.5


@normalise.wrong(
    "You subtract the corner (x, y) of the box. Subtract its centre, (x + w / 2 - 0.5, "
    "y + h / 2 - 0.5) in point coordinates."
)
def corner_for_centre(points, boxes):
    return (points - boxes[:, None, :2]) / boxes[:, None, 2:]


@normalise.wrong(
    "You are half a pixel off. A box counts from pixel edges, a point from pixel "
    "centres: the left edge of the first pixel is x = 0 for a box and x = -0.5 for a "
    "point, so the centre is x + w / 2 - 0.5."
)
def half_pixel(points, boxes):
    return (points - (boxes[:, None, :2] + boxes[:, None, 2:] / 2)) / boxes[:, None, 2:]


@normalise.wrong(
    "You read the box as (x0, y0, x1, y1). COCO's boxes are (x, y, width, height): the "
    "last two numbers are sizes, not a corner."
)
def corners_for_sizes(points, boxes):
    size = boxes[:, None, 2:] - boxes[:, None, :2]
    centre = (boxes[:, None, 2:] + boxes[:, None, :2]) / 2 - 0.5
    return (points - centre) / size


@normalise.wrong(
    "Your values run from -1 to 1: you divide by half the size. DeepPose divides by "
    "the whole width and height."
)
def half_the_size(points, boxes):
    return _normalise(points, boxes) * 2


@normalise.wrong(
    "x and y change places in your answer. Points are (x, y), and so are the first two "
    "and the last two numbers of a box."
)
def x_and_y_swapped(points, boxes):
    return _normalise(points, boxes).flip(-1)


@normalise.wrong(
    "You subtract the centre, but do not divide by the size: these are still pixels, "
    "and a near person would get larger values than a far one."
)
def not_divided(points, boxes):
    return points - box_centre(boxes)[:, None]


# --- 2. the masked loss --------------------------------------------------------------


def _loss_cases() -> list[Case]:
    def pair(seed: int, people: int):
        target = uniform(seed, people, 17, 2, low=-0.5, high=0.5)
        return target + uniform(seed + 1, people, 17, 2, low=-0.2, high=0.3), target

    nothing = torch.zeros(2, 17, dtype=torch.long)
    uneven = _flags(8, 3, 17)
    uneven[0] = 0  # the first person has no label, the second all of them
    uneven[1] = 1 + uneven[1] % 2
    return [
        Case("all joints visible", *pair(2, 2), torch.full((2, 17), 2)),
        Case("three people, some joints unlabelled or hidden", *pair(4, 3), uneven),
        Case("no labelled joint at all (the loss is 0)", *pair(6, 2), nothing),
    ]


masked_l2 = chapter.exercise(
    "masked_l2",
    cases=_loss_cases,
    solution=_masked_l2,
    returns=("the loss",),
    gradient=(0,),
    praise="Only labelled joints count, hidden ones included.",
)


def _squares(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).square().sum(-1)  # [B, J]


@masked_l2.wrong(
    "The mask is missing: joints with v = 0 have no true place, yet yours are pulled "
    "towards whatever stands in the target. Leave them out of the sum and of the "
    "count."
)
def mask_forgotten(prediction, target, visibility):
    return _squares(prediction, target).mean()


@masked_l2.wrong(
    "You leave unlabelled joints out of the sum, but still divide by all joints: an "
    "image with few labels then hardly counts. Divide by the number of labelled "
    "joints."
)
def mean_over_unlabelled(prediction, target, visibility):
    return (_squares(prediction, target) * (visibility > 0)).mean()


@masked_l2.wrong(
    "You train on visible joints (v = 2) only. A hidden joint (v = 1) is labelled: its "
    "place is known, and the network has to learn to guess it."
)
def visible_only(prediction, target, visibility):
    seen = visibility == 2
    return (_squares(prediction, target) * seen).sum() / seen.sum().clamp(min=1)


@masked_l2.wrong(
    "You use v itself as the mask: a visible joint (2) then weighs twice as much as a "
    "hidden one (1). The mask is v > 0."
)
def flag_as_weight(prediction, target, visibility):
    count = (visibility > 0).sum().clamp(min=1)
    return (_squares(prediction, target) * visibility).sum() / count


@masked_l2.wrong(
    "You add absolute differences (L1). L2 squares them: a joint twice as far off "
    "costs four times as much."
)
def absolute_for_square(prediction, target, visibility):
    labelled = visibility > 0
    total = ((prediction - target).abs().sum(-1) * labelled).sum()
    return total / labelled.sum().clamp(min=1)


@masked_l2.wrong(
    "You take the root for every joint: that is the mean distance, a fine thing to "
    "report. DeepPose's loss sums squared distances, without a root."
)
def root_per_joint(prediction, target, visibility):
    labelled = visibility > 0
    total = (_squares(prediction, target).sqrt() * labelled).sum()
    return total / labelled.sum().clamp(min=1)


@masked_l2.wrong(
    "You give the sum. Divide by the number of labelled joints, so that the loss does "
    "not grow with the batch."
)
def sum_for_mean(prediction, target, visibility):
    return (_squares(prediction, target) * (visibility > 0)).sum()


@masked_l2.wrong(
    "You average x and y separately, which halves the loss: a squared distance is dx^2 "
    "+ dy^2, and there is one per joint. Sum over the last axis, then divide by the "
    "number of labelled joints."
)
def mean_over_coordinates(prediction, target, visibility):
    return _masked_l2(prediction, target, visibility) / 2


@masked_l2.wrong(
    "With no labelled joint you divide 0 by 0, and one nan in the loss ruins every "
    "weight of the network. Make the divisor at least 1 (`.clamp(min=1)`)."
)
def zero_over_zero(prediction, target, visibility):
    labelled = visibility > 0
    return (_squares(prediction, target) * labelled).sum() / labelled.sum()


@masked_l2.wrong(
    "You average per person first, then over people: a joint of a person with few "
    "labels then counts more. Sum over everybody, then divide once."
)
def mean_of_means(prediction, target, visibility):
    labelled = visibility > 0
    per_person = (_squares(prediction, target) * labelled).sum(1)
    return (per_person / labelled.sum(1).clamp(min=1)).mean()


# --- 3. one step of the cascade ------------------------------------------------------


def _step_cases() -> list[Case]:
    def estimates(seed: int, people: int):
        previous = uniform(seed, people, 17, 2, low=20, high=300)
        return previous, uniform(seed + 1, people, 17, 2, low=-0.3, high=0.4)

    return [
        Case("one person, sigma 1", *estimates(20, 1), torch.tensor([64.0]), 1.0),
        Case("three sizes", *estimates(22, 3), torch.tensor([30.0, 80, 55]), 1.5),
        Case(
            "17 people, as many as joints",
            *estimates(24, 17),
            uniform(26, 17, low=20, high=90),
            0.8,
        ),
    ]


def _step(previous: Tensor, displacement: Tensor, diam: Tensor, sigma: float) -> Tensor:
    return previous + displacement * (sigma * diam)[:, None, None]


cascade_step = chapter.exercise(
    "cascade_step",
    cases=_step_cases,
    solution=_step,
    returns=("the new estimate",),
    praise="The displacement comes back in pixels, counted from the previous estimate.",
)


@cascade_step.wrong(
    "You add the displacement as it is. It is in units of the crop (0.5 reaches its "
    "border): multiply by the crop's side, sigma * diam, to get pixels."
)
def not_scaled_back(previous, displacement, diam, sigma):
    return previous + displacement


@cascade_step.wrong(
    "You count from the corner of the crop. The crop is centred on the previous "
    "estimate, and the displacement is measured from that centre."
)
def from_the_corner(previous, displacement, diam, sigma):
    corner = previous - (sigma * diam)[:, None, None] / 2
    return _step(corner, displacement, diam, sigma)


@cascade_step.wrong(
    "You subtract the displacement. It points from the previous estimate to the joint: "
    "add it (the other sign doubles the error)."
)
def subtracted(previous, displacement, diam, sigma):
    return _step(previous, -displacement, diam, sigma)


@cascade_step.wrong("sigma is missing: the crop's side is sigma * diam, not diam.")
def sigma_forgotten(previous, displacement, diam, sigma):
    return _step(previous, displacement, diam, 1)


@cascade_step.wrong(
    "diam is missing: the crop's side is sigma * diam, so that it fits near and far "
    "people alike."
)
def diameter_forgotten(previous, displacement, diam, sigma):
    return previous + displacement * sigma


@cascade_step.wrong(
    "You divide by the crop's side. Dividing turned pixels into displacements for the "
    "training targets; on the way back you multiply."
)
def divided(previous, displacement, diam, sigma):
    return previous + displacement / (sigma * diam)[:, None, None]


@cascade_step.wrong(
    "You give only the displacement in pixels. Add the previous estimate: the cascade "
    "corrects a pose, it does not start again."
)
def previous_forgotten(previous, displacement, diam, sigma):
    return _step(torch.zeros_like(previous), displacement, diam, sigma)


@cascade_step.wrong(
    "Your diam is spread over the joints, not over the people: with shape [B] it lines "
    "up with the wrong axis. Write diam[:, None, None]. (It ran with 17 people by "
    "accident.)"
)
def diameter_along_joints(previous, displacement, diam, sigma):
    side = sigma * (diam if len(diam) == 17 else diam[:, None])
    return previous + displacement * side[..., None]


# --- 4. normalised error and pixel error ---------------------------------------------


def _pck_cases() -> list[Case]:
    sizes = uniform(30, 12, 2, low=20, high=180)
    boxes = torch.cat([uniform(31, 12, 2, high=50), sizes], -1)
    target = uniform(32, 12, 17, 2, low=-0.5, high=0.5)
    prediction = target + uniform(33, 12, 17, 2, low=-0.2, high=0.2)
    flags = _flags(34, 12, 17)
    flags[0, 2:] = 0
    return [
        Case("12 people, threshold 0.1", prediction, target, flags, boxes, 0.1),
        Case(
            "one wide box, threshold 0.05",
            prediction[:1],
            target[:1],
            torch.full((1, 17), 2),
            torch.tensor([[0.0, 0, 160, 40]]),
            0.05,
        ),
        Case("a joint exactly on the limit", *_on_the_limit(), 0.125),
    ]


def _on_the_limit() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two joints of a box of 64x32 px: 8 px off, which is an eighth, and 9 px off."""
    target = torch.zeros(1, 2, 2)
    prediction = torch.tensor([[[8 / 64, 0.0], [0.0, 9 / 32]]])
    return prediction, target, torch.full((1, 2), 2), torch.tensor([[0.0, 0, 64, 32]])


def _right(prediction, target, boxes, threshold) -> Tensor:
    """[P, J]: no further away than threshold * max(width, height), in pixels."""
    error = ((prediction - target) * boxes[:, None, 2:]).norm(dim=-1)  # [P, J] px
    return error <= threshold * boxes[:, None, 2:].amax(-1)


def _pck(prediction, target, visibility, boxes, threshold):
    right = _right(prediction, target, boxes, threshold)
    return right[visibility > 0].float().mean()


pck = chapter.exercise(
    "pck",
    cases=_pck_cases,
    solution=_pck,
    returns=("the PCK",),
    praise="Distances in pixels, the limit in pixels, labelled joints only.",
)


@pck.wrong(
    "You compare normalised distances with the threshold. In a narrow box a tenth of "
    "the width is fewer pixels than a tenth of the height: turn the difference into "
    "pixels (times width and height), then compare with threshold * max(width, "
    "height)."
)
def normalised_distance(prediction, target, visibility, boxes, threshold):
    right = (prediction - target).norm(dim=-1) <= threshold
    return right[visibility > 0].float().mean()


@pck.wrong(
    "You compare pixels with the bare threshold, so nearly nothing counts: 0.1 means a "
    "tenth of the box's longer side, not a tenth of a pixel."
)
def threshold_in_pixels(prediction, target, visibility, boxes, threshold):
    error = ((prediction - target) * boxes[:, None, 2:]).norm(dim=-1)
    return (error <= threshold)[visibility > 0].float().mean()


@pck.wrong(
    "You measure in the shorter side of the box. PCK takes the longer one (Yang and "
    "Ramanan 2013)."
)
def shorter_side(prediction, target, visibility, boxes, threshold):
    error = ((prediction - target) * boxes[:, None, 2:]).norm(dim=-1)
    limit = threshold * boxes[:, None, 2:].amin(-1)
    return (error <= limit)[visibility > 0].float().mean()


@pck.wrong(
    "The mask is missing: joints with v = 0 are counted although nobody labelled them."
)
def mask_forgotten_in_score(prediction, target, visibility, boxes, threshold):
    return _right(prediction, target, boxes, threshold).float().mean()


@pck.wrong(
    "You divide by all joints. A joint that nobody labelled can be neither right nor "
    "wrong: divide by the number of labelled ones."
)
def divided_by_all_joints(prediction, target, visibility, boxes, threshold):
    right = _right(prediction, target, boxes, threshold) & (visibility > 0)
    return right.float().mean()


@pck.wrong(
    "You score visible joints (v = 2) only. Hidden joints (v = 1) are labelled, and "
    "count."
)
def visible_only_in_score(prediction, target, visibility, boxes, threshold):
    right = _right(prediction, target, boxes, threshold)
    return right[visibility == 2].float().mean()


@pck.wrong(
    "You average per person first. PCK here is over all labelled joints at once; "
    "otherwise the two joints of a half-hidden person weigh as much as all 17 of "
    "another."
)
def mean_of_people(prediction, target, visibility, boxes, threshold):
    labelled = visibility > 0
    right = _right(prediction, target, boxes, threshold) & labelled
    return (right.sum(1) / labelled.sum(1).clamp(min=1)).mean()


@pck.wrong(
    "You leave out joints that lie exactly on the limit. Within means no further away: "
    "`<=`."
)
def limit_left_out(prediction, target, visibility, boxes, threshold):
    error = ((prediction - target) * boxes[:, None, 2:]).norm(dim=-1)
    right = error < threshold * boxes[:, None, 2:].amax(-1)
    return right[visibility > 0].float().mean()


@pck.wrong(
    "You compare x and y with the limit by themselves, which accepts a square of "
    "places. The distance of a joint is the length of its difference."
)
def each_axis_by_itself(prediction, target, visibility, boxes, threshold):
    error = ((prediction - target) * boxes[:, None, 2:]).abs().amax(-1)
    right = error <= threshold * boxes[:, None, 2:].amax(-1)
    return right[visibility > 0].float().mean()
