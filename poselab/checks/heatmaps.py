"""Exercises of notebook 02, drawing: a target, several people, the masked loss.

Those about reading a map are in `poselab.checks.heatmaps_decode`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import bumps, uniform
from poselab.codecs.heatmap import gaussian_heatmaps
from poselab.codecs.heatmap import masked_mse as _masked_mse
from poselab.codecs.heatmap import merge_people as _merge_people
from poselab.codecs.heatmap_decode import pixels_to_cells

chapter = Chapter("heatmaps", "02_heatmaps")


# --- 1. one target -------------------------------------------------------------------


def _target_cases() -> list[Case]:
    inside = uniform(1, 17, 2) * torch.tensor([40.0, 56.0]) + 4
    edge = torch.tensor([[-0.5, 20.0], [47.5, 63.5]])
    return [
        # Not sigma 2: with stride 4 some mistakes would give the same numbers.
        Case("17 joints, stride 4", inside, (16, 12), 4, 1.5),
        Case("stride 1, where a cell is a pixel", inside, (64, 48), 1, 1.5),
        Case("joints on the border, stride 8", edge, (8, 6), 8, 0.8),
        Case("one joint", inside[:1], (8, 6), 8, 1.2),
    ]


def _target(points: Tensor, size: tuple, stride: int, sigma: float) -> Tensor:
    return gaussian_heatmaps(pixels_to_cells(points, stride), size, sigma)


def _square_distance(points: Tensor, size: tuple, stride: int, shift=None) -> Tensor:
    """Squared distance of every cell to every joint, in cells; [J, h, w]."""
    shift = (stride - 1) / 2 if shift is None else shift
    centre = (points - shift) / stride  # [J, 2] in cells
    x, y = centre[:, 0, None, None], centre[:, 1, None, None]  # [J, 1, 1]
    row, column = torch.arange(size[0])[:, None], torch.arange(size[1])
    return (column - x) ** 2 + (row - y) ** 2


target = chapter.exercise(
    "target",
    cases=_target_cases,
    solution=_target,
    returns=("the maps",),
    praise="A bump of height 1 at the right cell, to a fraction of it.",
)


@target.wrong(
    "You divide by 2 sigma. sigma is the standard deviation, and the Gaussian has the "
    "variance: exp(-d^2 / (2 sigma^2))."
)
def sigma_for_variance(points, size, stride, sigma):
    return torch.exp(-_square_distance(points, size, stride) / (2 * sigma))


@target.wrong(
    "You multiply with sigma^2: in Python `a / 2 * b` is `(a / 2) * b`. Put brackets "
    "around the divisor, `/ (2 * sigma**2)`."
)
def brackets_missing(points, size, stride, sigma):
    return torch.exp(-_square_distance(points, size, stride) / 2 * sigma**2)


@target.wrong(
    "Your highest cell is 1 in every map. The height 1 belongs to the joint itself, "
    "which lies between cells: its nearest cell is a little lower, and that is how a "
    "decoder finds the fraction again. Leave out the division."
)
def highest_cell_is_one(points, size, stride, sigma):
    maps = _target(points, size, stride, sigma)
    return maps / maps.amax((1, 2), keepdim=True)


@target.wrong(
    "You round the joint to a cell by p / s. Then the target itself is up to half a "
    "cell wrong and also shifted: keep the fraction, (p - (s - 1) / 2) / s."
)
def rounded_quotient(points, size, stride, sigma):
    return gaussian_heatmaps((points / stride).round(), size, sigma)


@target.wrong(
    "You subtract (s - 1) / 2 from the quotient. Those are pixels: subtract them from "
    "the point first and divide then, (p - (s - 1) / 2) / s."
)
def shift_in_cells(points, size, stride, sigma):
    return gaussian_heatmaps(points / stride - (stride - 1) / 2, size, sigma)


@target.wrong("The 2 is missing: a Gaussian is exp(-d^2 / (2 sigma^2)).")
def two_forgotten(points, size, stride, sigma):
    return torch.exp(-_square_distance(points, size, stride) / sigma**2)


@target.wrong(
    "The stride is missing: the point is in pixels, the map in cells. Cell u covers "
    "`stride` pixels, so first turn the point into cells, (p - (s - 1) / 2) / s."
)
def stride_forgotten(points, size, stride, sigma):
    return gaussian_heatmaps(points, size, sigma)


@target.wrong(
    "You are up to half a cell off: p / s is right only if cell 0 lies on pixel 0. It "
    "lies in the middle of its s pixels, at (s - 1) / 2, so a pixel is at cell "
    "(p - (s - 1) / 2) / s. With stride 1 both are the same."
)
def half_pixel(points, size, stride, sigma):
    return torch.exp(-_square_distance(points, size, stride, 0.0) / (2 * sigma**2))


@target.wrong(
    "You round the centre to a cell. Then the target itself is up to half a cell "
    "wrong, and no decoder can bring that back: keep the fraction."
)
def rounded_centre(points, size, stride, sigma):
    return gaussian_heatmaps(pixels_to_cells(points, stride).round(), size, sigma)


@target.wrong(
    "x and y change places: a point is (x, y), but a map is indexed [y, x]; rows go "
    "down. The size is (h, w)."
)
def x_and_y_swapped(points, size, stride, sigma):
    return _target(points.flip(-1), size, stride, sigma)


@target.wrong(
    "Your maps sum to 1. A heat map is no probability: its peak is 1, and MSE needs "
    "that, since a wide bump that sums to 1 is nearly 0 everywhere."
)
def sums_to_one(points, size, stride, sigma):
    maps = _target(points, size, stride, sigma)
    return maps / maps.sum((1, 2), keepdim=True)


@target.wrong(
    "Your sigma is in pixels; here it is in cells, so that the bump looks the same in "
    "a map of any stride. Measure the distance in cells too."
)
def sigma_in_pixels(points, size, stride, sigma):
    return _target(points, size, stride, sigma / stride)


@target.wrong(
    "Your bump falls off with the distance, exp(-d / ...), which has a spike at its "
    "top. A Gaussian has the squared distance, and no root anywhere."
)
def distance_not_squared(points, size, stride, sigma):
    return torch.exp(-_square_distance(points, size, stride).sqrt() / (2 * sigma**2))


# --- 2. several people ---------------------------------------------------------------


def _merge_cases() -> list[Case]:
    close = torch.tensor([[5.0, 6.0], [7.5, 6.0]])[:, None].expand(2, 3, 2)
    flags = torch.tensor([[2, 1, 2, 0], [2, 2, 0, 0], [0, 1, 1, 0]])
    return [
        Case(
            "two people whose joints are close",
            gaussian_heatmaps(close, (12, 14), 2.0),
            torch.full((2, 3), 2),
        ),
        Case(
            "three people, some joints hidden or not labelled", bumps(10, 3, 4), flags
        ),
        Case("one person", bumps(11, 1, 4), torch.tensor([[2, 0, 1, 2]])),
        Case(
            "a joint that nobody has labelled: its merged map is zeros",
            bumps(12, 2, 3),
            torch.tensor([[2, 0, 1], [1, 0, 2]]),
        ),
    ]


def _labelled(maps: Tensor, visibility: Tensor) -> Tensor:
    return maps * (visibility > 0)[..., None, None]


def _merge(maps: Tensor, visibility: Tensor) -> Tensor:
    return _merge_people(_labelled(maps, visibility)[None])[0]


merge = chapter.exercise(
    "merge",
    cases=_merge_cases,
    solution=_merge,
    returns=("the merged maps",),
    praise="Every labelled joint keeps a peak of its own, however close the next one.",
)


@merge.wrong(
    "You add the people. Where two are close the sum is higher than 1 and its peak "
    "lies between them, on nobody. Take the maximum over the people."
)
def sum_for_max(maps, visibility):
    return _labelled(maps, visibility).sum(0)


@merge.wrong(
    "Where nobody's joint is labelled you give -inf, so that it can never win. The "
    "merged map is zeros there; the loss leaves it out."
)
def minus_infinity(maps, visibility):
    hidden = (visibility == 0)[..., None, None]
    return maps.masked_fill(hidden, -torch.inf).amax(0)


@merge.wrong(
    "You average the people: every peak becomes lower the more people there are. Take "
    "the maximum."
)
def mean_for_max(maps, visibility):
    return _labelled(maps, visibility).mean(0)


@merge.wrong(
    "You add the people and cut at 1. That leaves a plateau between two close joints, "
    "and its highest cell is anywhere. Take the maximum."
)
def clamped_sum(maps, visibility):
    return _labelled(maps, visibility).sum(0).clamp(max=1)


@merge.wrong(
    "The last person overwrites the others, so their joints are gone. Take the maximum "
    "over all people."
)
def last_person_only(maps, visibility):
    return _labelled(maps, visibility)[-1]


@merge.wrong(
    "Joints with v = 0 are drawn too. Nobody knows where they are; whatever stands in "
    "their place must not become a peak."
)
def mask_missing(maps, visibility):
    return maps.amax(0)


@merge.wrong(
    "You leave out hidden joints (v = 1). They are labelled: their place is known, and "
    "they are trained on like visible ones."
)
def hidden_left_out(maps, visibility):
    return (maps * (visibility == 2)[..., None, None]).amax(0)


@merge.wrong(
    "You multiply with v itself, so a visible joint (2) gets a peak of 2. The mask is "
    "v > 0."
)
def flag_as_height(maps, visibility):
    return (maps * visibility[..., None, None]).amax(0)


@merge.wrong(
    "You take the maximum over the joints. That leaves one map per person; what is "
    "wanted is one per joint, the maximum over the people (dimension 0)."
)
def over_joints(maps, visibility):
    return _labelled(maps, visibility).amax(1)


# --- 3. the loss ---------------------------------------------------------------------


def _loss_cases() -> list[Case]:
    def pair(seed: int, batch: int):
        target = bumps(seed, batch, 5)
        return target + uniform(seed + 1, *target.shape, low=-0.2, high=0.3), target

    flags = torch.tensor([[2, 1, 0, 2, 0], [0, 0, 0, 1, 0], [1, 2, 2, 2, 2]])
    return [
        Case("all joints visible", *pair(20, 2), torch.full((2, 5), 2)),
        Case("three images, some joints hidden or not labelled", *pair(22, 3), flags),
        Case(
            "no labelled joint at all (the loss is 0)",
            *pair(24, 2),
            torch.zeros(2, 5, dtype=torch.long),
        ),
    ]


def _loss(output: Tensor, target: Tensor, visibility: Tensor) -> Tensor:
    return _masked_mse(output, target, (visibility > 0).float()[..., None, None])


masked_mse = chapter.exercise(
    "masked_mse",
    cases=_loss_cases,
    solution=_loss,
    returns=("the loss",),
    gradient=(0,),
    praise="Only maps of labelled joints count, hidden ones included.",
)


def _per_map(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square().mean((2, 3))  # [B, J]


@masked_mse.wrong(
    "The mask is missing: for a joint with v = 0 the target is not “nothing here” but "
    "“nobody knows”. Leave its whole map out of the sum and of the count."
)
def no_mask(output, target, visibility):
    return _per_map(output, target).mean()


@masked_mse.wrong(
    "You set the target of an unlabelled joint to zeros and still compare. That "
    "teaches the network that the joint is nowhere; leave the map out of the loss."
)
def zeros_for_unlabelled(output, target, visibility):
    return _per_map(output, target * (visibility > 0)[..., None, None]).mean()


@masked_mse.wrong(
    "You leave unlabelled maps out of the sum, but still divide by all of them. Divide "
    "by the number of labelled maps (times the cells)."
)
def mean_over_all(output, target, visibility):
    return (_per_map(output, target) * (visibility > 0)).mean()


@masked_mse.wrong(
    "You train on visible joints (v = 2) only; hidden ones (v = 1) are labelled too."
)
def visible_only(output, target, visibility):
    seen = visibility == 2
    return (_per_map(output, target) * seen).sum() / seen.sum().clamp(min=1)


@masked_mse.wrong(
    "You use v itself as the weight, so a visible joint counts twice. The mask is "
    "v > 0."
)
def flag_as_weight(output, target, visibility):
    count = (visibility > 0).sum().clamp(min=1)
    return (_per_map(output, target) * visibility).sum() / count


@masked_mse.wrong(
    "With no labelled joint you divide 0 by 0, and one nan ruins every weight of the "
    "network. Make the divisor at least 1 (`.clamp(min=1)`)."
)
def zero_over_zero(output, target, visibility):
    labelled = visibility > 0
    return (_per_map(output, target) * labelled).sum() / labelled.sum()


@masked_mse.wrong(
    "You sum over the cells. Divide by their number too (`mean`), or the loss depends "
    "on the size of the map."
)
def summed_over_cells(output, target, visibility):
    cells = output.shape[2] * output.shape[3]
    return _loss(output, target, visibility) * cells


@masked_mse.wrong(
    "You mask cells where the target is near 0. The empty cells are what keeps the map "
    "empty: mask whole joints, by v."
)
def bumps_only(output, target, visibility):
    near = (target > 0.01) & (visibility > 0)[..., None, None]
    difference = (output - target).square()
    return (difference * near).sum() / near.sum().clamp(min=1)
