"""The exercises of notebook 06: the price of an hourglass, the sizes of its levels, the
stack join, and supervision of every stack (Newell et al., 1603.06937)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import signed, uniform

chapter = Chapter("hourglass", "06_stacked_hourglass")


# --- 1. what a level costs -----------------------------------------------------------


def _price_cases() -> list[Case]:
    return [
        Case("64x64 cells, 256 channels, depth 4", 64, 64, 256, 4),
        Case("32x24 cells, 32 channels, depth 3", 32, 24, 32, 3),
        Case("one halving", 16, 8, 8, 1),
        Case("a bottom of one cell", 4, 4, 2, 2),
    ]


def _module(channels: int) -> int:
    """Multiply-accumulates of a residual module for one cell."""
    half = channels // 2
    return channels * half + 9 * half * half + half * channels


def _sum(h: int, w: int, depth: int, branch=1, low=2, bottom=1, shrink=4) -> int:
    """How many modules a cell would be worth: cells times modules, over all levels."""
    cells, below = h * w, h * w // shrink
    if depth == 1:
        return branch * cells + (low + bottom) * below
    rest = _sum(h // 2, w // 2, depth - 1, branch, low, bottom, shrink)
    return branch * cells + low * below + rest


def _price(height: int, width: int, channels: int, depth: int) -> int:
    return _module(channels) * _sum(height, width, depth)


price = chapter.exercise(
    "price",
    cases=_price_cases,
    solution=_price,
    returns=("the multiply-accumulates",),
    praise="Each level costs a quarter of the one above: going down is nearly free.",
)


@price.wrong(
    "The skip branch at full size is missing. It is the dearest module of all: one "
    "residual module on all height x width cells."
)
def without_the_branch(height, width, channels, depth):
    return _module(channels) * _sum(height, width, depth, branch=0)


@price.wrong(
    "The module at the bottom is missing: at depth 1 a residual module stands in for "
    "the smaller hourglass."
)
def without_the_bottom_module(height, width, channels, depth):
    return _module(channels) * _sum(height, width, depth, bottom=0)


@price.wrong(
    "You count one module at half size. There are two: one on the way down, one on the "
    "way up, and the smaller hourglass between them."
)
def one_module_below(height, width, channels, depth):
    return _module(channels) * _sum(height, width, depth, low=1)


@price.wrong(
    "You put all modules of a level at full size. Those on the way down and up work "
    "after the pooling, on half the height and half the width."
)
def at_full_size(height, width, channels, depth):
    return _module(channels) * _sum(height, width, depth, shrink=1)


@price.wrong(
    "Pooling halves the height *and* the width, so a quarter of the cells is left, not "
    "a half."
)
def half_the_cells(height, width, channels, depth):
    return _module(channels) * _sum(height, width, depth, shrink=2)


@price.wrong(
    "A 3x3 convolution has nine weights for each pair of channels; you count it like a "
    "1x1."
)
def three_by_three_as_one(height, width, channels, depth):
    half = channels // 2
    cell = 2 * channels * half + half * half
    return cell * _sum(height, width, depth)


@price.wrong(
    "The 3x3 convolution works on half of the channels, C / 2 in and C / 2 out. For "
    "that the two 1x1 stand around it."
)
def not_narrowed(height, width, channels, depth):
    half = channels // 2
    cell = 2 * channels * half + 9 * channels * channels
    return cell * _sum(height, width, depth)


@price.wrong(
    "These are the weights. Each weight is used once for every cell: multiply with the "
    "cells of the level that it works on."
)
def weights_only(height, width, channels, depth):
    return _module(channels) * (3 * depth + 1)


@price.wrong(
    "This is the branch at full size alone. Add the two modules at half size and the "
    "smaller hourglass between them."
)
def branch_only(height, width, channels, depth):
    return _module(channels) * height * width


# --- 2. which sizes fit --------------------------------------------------------------


def _sizes_cases() -> list[Case]:
    return [
        Case("64 cells, 4 halvings", 64, 4),
        Case("32 cells, 3 halvings", 32, 3),
        Case("24 cells, 4 halvings", 24, 4),
        Case("50 cells, 1 halving", 50, 1),
        Case("25 cells, 1 halving", 25, 1),
        Case("50 cells, 2 halvings", 50, 2),
        Case("6 cells, 3 halvings", 6, 3),
        Case("16 cells, 4 halvings", 16, 4),
    ]


def _sizes(cells: int, depth: int) -> list[int]:
    if cells % 2**depth:
        return []
    return [cells // 2**level for level in range(depth + 1)]


sizes = chapter.exercise(
    "sizes",
    cases=_sizes_cases,
    solution=_sizes,
    returns=("the sizes",),
    praise="Every halving has to come out even, or the way up does not fit.",
)


@sizes.wrong(
    "You round down and go on. 50 becomes 25, 25 becomes 12, and 12 comes back up as "
    "24, which cannot be added to 25 cells. Such a size does not fit: []."
)
def rounded_down(cells, depth):
    return [cells // 2**level for level in range(depth + 1)]


@sizes.wrong(
    "You only ask that the first halving is even. 50 is, and its half 25 is not: "
    "2^depth has to divide the number of cells."
)
def even_once(cells, depth):
    return [] if cells % 2 else [cells // 2**level for level in range(depth + 1)]


@sizes.wrong(
    "You ask for multiples of 2 depth. Each halving doubles what has to divide: "
    "2^depth, 16 for four halvings."
)
def twice_the_depth(cells, depth):
    fits = cells % (2 * depth) == 0
    return [cells // 2**level for level in range(depth + 1)] if fits else []


@sizes.wrong(
    "The bottom is missing. With 4 halvings there are branches at 64, 32, 16 and 8, "
    "and 4 at the bottom: depth + 1 sizes."
)
def without_the_bottom(cells, depth):
    return _sizes(cells, depth)[:-1]


@sizes.wrong(
    "You skip a level: each pooling halves, so 64, 32, 16, 8, 4. (64, 32, 16, 4 stands "
    "in many notes on the web.)"
)
def level_skipped(cells, depth):
    found = _sizes(cells, depth)
    return found[:-2] + found[-1:]


@sizes.wrong(
    "Where a halving does not come out even you stop. Such an hourglass cannot be "
    "built at all: return an empty list."
)
def stops_at_odd(cells, depth):
    found = [cells]
    while len(found) <= depth and found[-1] % 2 == 0:
        found.append(found[-1] // 2)
    return found


@sizes.wrong(
    "You ask for a power of two. 48 cells can be halved four times as well: ask "
    "whether `cells` can be divided by 2 ** depth."
)
def powers_of_two_only(cells, depth):
    return _sizes(cells, depth) if cells & (cells - 1) == 0 else []


@sizes.wrong("You divide by four at each level. A side is *halved*.")
def quartered(cells, depth):
    if cells % 4**depth:
        return []
    return [cells // 4**level for level in range(depth + 1)]


# --- 3. the stack join ---------------------------------------------------------------


def _join_cases() -> list[Case]:
    x, features = signed(21, 2, 6, 3, 4), signed(22, 2, 6, 3, 4)
    maps = signed(23, 2, 4, 3, 4)
    a, b = signed(24, 6, 6), signed(25, 6, 4)
    return [
        Case("6 channels, 4 joints", x, features, maps, a, b),
        Case("no joint is seen", x, features, torch.zeros_like(maps), a, b),
        Case(
            "6 channels, 6 joints",
            x,
            features,
            signed(26, 2, 6, 3, 4),
            a,
            signed(27, 6, 6),
        ),
    ]


def _one(weight: Tensor, x: Tensor) -> Tensor:
    return F.conv2d(x, weight[:, :, None, None])


def _join(x, features, maps, of_features, of_maps) -> Tensor:
    return x + _one(of_features, features) + _one(of_maps, maps)


join = chapter.exercise(
    "join",
    cases=_join_cases,
    solution=_join,
    returns=("the input of the next stack",),
    praise="The next stack sees what this one saw, what it thought and what it said.",
)


@join.wrong(
    "The maps are missing. The next stack shall see what this one has answered; a 1x1 "
    "convolution brings J maps to C channels."
)
def without_the_maps(x, features, maps, of_features, of_maps):
    return x + _one(of_features, features)


@join.wrong(
    "What the stack was given is missing: it is added too, so that the stacks are a "
    "chain of residual steps."
)
def without_the_input(x, features, maps, of_features, of_maps):
    return _one(of_features, features) + _one(of_maps, maps)


@join.wrong(
    "You add the features as they are. They too go through a 1x1 convolution first, "
    "which may leave out what the next stack need not know."
)
def features_as_they_are(x, features, maps, of_features, of_maps):
    return x + features + _one(of_maps, maps)


@join.wrong(
    "You put everything behind each other as channels, as a convolutional pose machine "
    "does. Here everything is added, after 1x1 convolutions, so that every stack takes "
    "the same number of channels."
)
def concatenated_join(x, features, maps, of_features, of_maps):
    return torch.cat([x, features, maps], 1)


@join.wrong(
    "You transposed the weight: weight[c, k] takes channel k to channel c, as in "
    "nn.Conv2d."
)
def transposed(x, features, maps, of_features, of_maps):
    if of_maps.shape[0] != of_maps.shape[1]:
        return x + _one(of_features.T, features) + _one(of_maps, maps)
    return x + _one(of_features.T, features) + _one(of_maps.T, maps)


@join.wrong(
    "The features are added twice, as they are and after the 1x1 convolution. Only the "
    "second goes on."
)
def features_twice(x, features, maps, of_features, of_maps):
    return _join(x, features, maps, of_features, of_maps) + features


@join.wrong("You take the mean of the three. They are *added*.")
def averaged(x, features, maps, of_features, of_maps):
    return _join(x, features, maps, of_features, of_maps) / 3


@join.wrong("No ReLU comes after the sum: the next stack begins with its own.")
def rectified(x, features, maps, of_features, of_maps):
    return _join(x, features, maps, of_features, of_maps).relu()


# --- 4. supervision of every stack ---------------------------------------------------


def _loss_cases() -> list[Case]:
    stacks = uniform(31, 3, 2, 4, 5, 6, low=0)
    flags = torch.tensor([[2, 1, 0, 2], [0, 2, 2, 1]])
    uneven = torch.tensor([[2, 1, 1, 2], [0, 0, 2, 0]])
    return [
        Case("four labels and one", stacks[:2], uniform(36, 2, 4, 5, 6, low=0), uneven),
        Case(
            "three stacks, two joints unlabelled",
            stacks,
            uniform(34, 2, 4, 5, 6, low=0),
            flags,
        ),
        Case(
            "one stack",
            stacks[:1],
            uniform(35, 2, 4, 5, 6, low=0),
            torch.full((2, 4), 2),
        ),
    ]


def _each(output, target, visibility) -> Tensor:
    labelled = visibility > 0  # [B, J]
    square = (output - target).square().mean((2, 3))
    return square[labelled].sum() / labelled.sum()


def _loss(stacks, target, visibility) -> Tensor:
    return torch.stack([_each(out, target, visibility) for out in stacks]).sum()


loss = chapter.exercise(
    "loss",
    cases=_loss_cases,
    solution=_loss,
    returns=("the loss",),
    gradient=(0,),
    praise="Each stack is asked, at the size of the map, and the answers are added.",
)


@loss.wrong(
    "You supervise the last stack only. The first one then need not put joints into "
    "its maps at all, and the gradient has the longest way. Add the loss of each stack."
)
def only_the_last(stacks, target, visibility):
    return _each(stacks[-1], target, visibility)


@loss.wrong(
    "You average the stacks' maps first. Then one stack may be wrong in whatever way "
    "another one makes up for. Each has its own loss."
)
def mean_of_the_maps(stacks, target, visibility):
    return _each(stacks.mean(0), target, visibility)


@loss.wrong(
    "You take the mean over the stacks. The sum is asked for: a stack more must not "
    "make the others matter less."
)
def mean_of_the_losses(stacks, target, visibility):
    return _loss(stacks, target, visibility) / len(stacks)


@loss.wrong(
    "Unlabelled joints (v = 0) count in your loss: their maps are not empty but "
    "unknown. Leave them out, and keep hidden joints (v = 1)."
)
def mask_forgotten(stacks, target, visibility):
    return _loss(stacks, target, torch.ones_like(visibility))


@loss.wrong("You keep visible joints (v = 2) only. A hidden joint (v = 1) is labelled.")
def hidden_joints_masked(stacks, target, visibility):
    return _loss(stacks, target, torch.where(visibility == 2, 2, 0))


@loss.wrong(
    "You take the mean of each picture first: a joint of a picture with few labels "
    "counts more. Take one mean over all labelled maps of the batch."
)
def picture_by_picture(stacks, target, visibility):
    labelled = visibility > 0
    each = (stacks - target).square().mean((3, 4)) * labelled  # [S, B, J]
    return (each.sum(2) / labelled.sum(1).clamp(min=1)).mean(1).sum()


@loss.wrong(
    "You enlarge the maps four times before you compare. The loss is taken at the size "
    "of the map, 64x64 against 64x64 in the paper; only coordinates are mapped back."
)
def enlarged_before_the_loss(stacks, target, visibility):
    def big(maps):
        return F.interpolate(maps, scale_factor=4, mode="bilinear")

    return _loss(map(big, stacks), big(target), visibility)
