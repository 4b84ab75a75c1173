"""Exercises of notebook 08 about CPN: the hardest joints, the whole loss as in the
authors' code (Chen et al. 2018, 1711.07319), and the price of a layer."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform

chapter = Chapter("cpn", "08_cpn_hrnet")


# --- 1. the hardest joints -----------------------------------------------------------


def _hard_cases() -> list[Case]:
    flags = torch.tensor([[2, 1, 2, 2, 1, 2], [2, 0, 1, 0, 0, 2], [0, 0, 0, 1, 0, 0]])
    return [
        Case(
            "two people, everything labelled",
            uniform(1, 2, 17),
            torch.full((2, 17), 2),
            8,
        ),
        Case("some joints are not labelled", uniform(2, 3, 6), flags, 3),
        Case(
            "nobody labelled (the loss is 0)",
            uniform(3, 2, 5),
            torch.zeros(2, 5, dtype=torch.long),
            4,
        ),
    ]


def _chosen(losses: Tensor, visibility: Tensor, hard: int) -> Tensor:
    ranked = torch.where(visibility > 0, losses, -torch.inf)
    place = ranked.topk(min(hard, losses.shape[1]), dim=1).indices
    kept = torch.zeros_like(losses, dtype=torch.bool).scatter(1, place, True)
    return kept & (visibility > 0)


def _hard(losses: Tensor, visibility: Tensor, hard: int) -> Tensor:
    kept = _chosen(losses, visibility, hard)
    return (losses * kept).sum() / kept.sum().clamp(min=1)


hard_loss = chapter.exercise(
    "hard_loss",
    cases=_hard_cases,
    solution=_hard,
    returns=("the loss",),
    gradient=(0,),
    praise="The worst labelled joints of each person count, all others cost nothing.",
)


@hard_loss.wrong(
    "You keep the M *smallest* losses: the network would polish what it can do already "
    "and never hear of the rest. topk takes the largest unless you tell it otherwise."
)
def easiest(losses, visibility, hard):
    return -_hard(-losses, visibility, hard)


@hard_loss.wrong(
    "You rank all joints of the batch together. Then one difficult person takes all "
    "the places. Rank the joints of each person by themselves, topk(..., dim=1)."
)
def over_the_batch(losses, visibility, hard):
    flat = torch.where(visibility > 0, losses, -torch.inf).flatten()
    best = flat.topk(min(hard * len(losses), len(flat))).values
    best = best[best.isfinite()]
    return best.sum() / max(1, len(best))


@hard_loss.wrong(
    "Unlabelled joints (v = 0) take part. Their losses are large, since nobody told "
    "the network about them, so they push out the joints that matter: set them to "
    "-infinity before the ranking."
)
def unlabelled_ranked(losses, visibility, hard):
    best = losses.topk(min(hard, losses.shape[1]), dim=1).values
    return best.mean()


@hard_loss.wrong(
    "You rank unlabelled joints too and mask them afterwards: they take places that "
    "labelled joints should have had. Mask first, then rank."
)
def masked_too_late(losses, visibility, hard):
    place = losses.topk(min(hard, losses.shape[1]), dim=1).indices
    kept = torch.zeros_like(losses, dtype=torch.bool).scatter(1, place, True)
    kept &= visibility > 0
    return (losses * kept).sum() / kept.sum().clamp(min=1)


@hard_loss.wrong(
    "You mine visible joints (v = 2) only. The hidden ones (v = 1) are labelled, and "
    "they are the hard ones that all this is about."
)
def visible_only(losses, visibility, hard):
    return _hard(losses, torch.where(visibility == 2, 2, 0), hard)


@hard_loss.wrong(
    "You divide by all joints, not by those that you kept. The loss shrinks with M, "
    "and with it the step that the network takes."
)
def mean_over_all(losses, visibility, hard):
    return (losses * _chosen(losses, visibility, hard)).mean()


@hard_loss.wrong(
    "This is the plain mean over the labelled joints: nothing is mined. Keep the M "
    "largest of each person."
)
def nothing_mined(losses, visibility, hard):
    labelled = visibility > 0
    return (losses * labelled).sum() / labelled.sum().clamp(min=1)


@hard_loss.wrong(
    "With no labelled joint you divide 0 by 0 (or average infinities), and one nan "
    "ruins every weight. Make the divisor at least 1."
)
def zero_over_zero(losses, visibility, hard):
    kept = _chosen(losses, visibility, hard)
    return (losses * kept).sum() / kept.sum()


# --- 2. the loss of CPN's authors ----------------------------------------------------


_ALL = [[2, 2, 1, 2], [2, 1, 2, 2]]


def _authors_cases() -> list[Case]:
    flags = torch.tensor([[2, 1, 0, 2], [0, 2, 2, 1]])
    early, last = uniform(11, 3, 2, 4, 5, 6), uniform(12, 2, 4, 5, 6)
    goals = uniform(13, 3, 2, 4, 5, 6)
    few = torch.tensor([[2, 0, 0, 1]])
    far = last.clone()
    far[0] += 1.0
    return [
        Case("hidden and unlabelled joints, M = 2", early, last, goals, flags, 2),
        Case(
            "one person with two labels, M = 3",
            early[:, :1],
            last[:1],
            goals[:, :1],
            few,
            3,
        ),
        Case("one of two people is far off", early, far, goals, torch.tensor(_ALL), 2),
        Case("all visible, M = 4", early, last, goals, torch.full((2, 4), 2), 4),
        Case("nobody labelled", early, last, goals, torch.zeros(2, 4).long(), 2),
    ]


def _early(maps, targets, counts) -> Tensor:
    """Half the mean over the levels; maps of joints that do not count are empty."""
    goal = targets * counts[..., None, None]
    return (maps - goal).square().mean() / 2


def _late(maps, target, counts, hard) -> Tensor:
    each = (maps - target).square().mean((2, 3)) * counts
    return each.topk(hard, dim=1).values.sum() / hard / len(maps)


def _authors(levels, refined, targets, visibility, hard) -> Tensor:
    first = _early(levels, targets, visibility == 2)
    return first + _late(refined, targets[-1], visibility > 0, hard)


authors = chapter.exercise(
    "authors",
    cases=_authors_cases,
    solution=_authors,
    returns=("the loss",),
    gradient=(0, 1),
    praise="Simple joints are GlobalNet's, the hard ones RefineNet's.",
)


@authors.wrong(
    "GlobalNet learns the hidden joints (v = 1) here. In the authors' code its maps of "
    "them are empty: it is for the simple joints, those that can be seen (v = 2)."
)
def global_learns_hidden(levels, refined, targets, visibility, hard):
    first = _early(levels, targets, visibility > 0)
    return first + _late(refined, targets[-1], visibility > 0, hard)


@authors.wrong(
    "You leave hidden joints out of GlobalNet's loss. They are in it, with an *empty* "
    "map as target: the network is asked to answer nothing there."
)
def hidden_left_out(levels, refined, targets, visibility, hard):
    counts = (visibility == 2)[..., None, None].expand_as(targets[0])
    square = (levels - targets).square() * counts
    first = square.mean() / 2
    return first + _late(refined, targets[-1], visibility > 0, hard)


@authors.wrong(
    "RefineNet learns the visible joints only in your loss. It is there for the hard "
    "ones: all labelled joints (v > 0) can be among its M."
)
def refine_visible_only(levels, refined, targets, visibility, hard):
    first = _early(levels, targets, visibility == 2)
    return first + _late(refined, targets[-1], visibility == 2, hard)


@authors.wrong(
    "The half before GlobalNet's loss is missing: the mean over its levels is divided "
    "by 2."
)
def not_halved(levels, refined, targets, visibility, hard):
    first = 2 * _early(levels, targets, visibility == 2)
    return first + _late(refined, targets[-1], visibility > 0, hard)


@authors.wrong(
    "You add GlobalNet's levels up. Their mean is asked for, whatever their number."
)
def levels_added(levels, refined, targets, visibility, hard):
    first = len(levels) * _early(levels, targets, visibility == 2)
    return first + _late(refined, targets[-1], visibility > 0, hard)


@authors.wrong(
    "Nothing is mined: RefineNet's loss is the mean over all joints. Keep the M "
    "largest losses of each person."
)
def nothing_mined_late(levels, refined, targets, visibility, hard):
    first = _early(levels, targets, visibility == 2)
    joints = visibility.shape[1]
    return first + _late(refined, targets[-1], visibility > 0, joints)


@authors.wrong(
    "You give all levels the finest one's target. Each level has its own Gaussian, "
    "targets[i]."
)
def one_target(levels, refined, targets, visibility, hard):
    first = _early(levels, targets[-1:].expand_as(targets), visibility == 2)
    return first + _late(refined, targets[-1], visibility > 0, hard)


@authors.wrong(
    "You compare RefineNet with the coarsest level's target, targets[0]. Its maps are "
    "the finest: targets[-1]."
)
def wrong_target_late(levels, refined, targets, visibility, hard):
    first = _early(levels, targets, visibility == 2)
    return first + _late(refined, targets[0], visibility > 0, hard)


@authors.wrong("GlobalNet's part is missing: this is RefineNet's loss alone.")
def refine_only(levels, refined, targets, visibility, hard):
    return _late(refined, targets[-1], visibility > 0, hard) + 0 * levels.sum()


@authors.wrong(
    "You take the hardest joints of the whole batch. Each *person* has its own `hard` "
    "joints; else one bad picture takes them all."
)
def hardest_of_the_batch(levels, refined, targets, visibility, hard):
    each = (refined - targets[-1]).square().mean((2, 3)) * (visibility > 0)
    worst = each.flatten().topk(hard * len(each)).values.sum()
    whole = _authors(levels, refined, targets, visibility, hard)
    own = each.topk(hard, dim=1).values.sum()
    return whole + (worst - own) / (hard * len(each))


# --- 3. the price of a layer ---------------------------------------------------------


def _macs_cases() -> list[Case]:
    return [
        Case(
            "3x3, 64 to 64 channels, 64x48 to 64x48 cells",
            3,
            64,
            64,
            (64, 48),
            (64, 48),
            False,
        ),
        Case(
            "7x7, 3 to 64 channels, 256x192 to 128x96 cells",
            7,
            3,
            64,
            (256, 192),
            (128, 96),
            False,
        ),
        Case(
            "transposed 4x4, 2048 to 256 channels, 8x6 to 16x12 cells",
            4,
            2048,
            256,
            (8, 6),
            (16, 12),
            True,
        ),
    ]


def _macs(kernel, inputs, outputs, size_in, size_out, transposed) -> int:
    height, width = size_in if transposed else size_out
    return kernel**2 * inputs * outputs * height * width


macs = chapter.exercise(
    "macs",
    cases=_macs_cases,
    solution=_macs,
    returns=("the multiply-accumulates",),
    praise="And now you know why published prices of one network differ by a half.",
)


@macs.wrong(
    "You count a transposed convolution by its *output* cells, as many published "
    "tables do. It spreads every *input* value over kernel x kernel cells, so with "
    "stride 2 that is four times too many."
)
def by_output(kernel, inputs, outputs, size_in, size_out, transposed):
    return _macs(kernel, inputs, outputs, size_in, size_out, False)


@macs.wrong(
    "You count by input cells always. An ordinary convolution is computed once for "
    "every *output* cell; with stride 2 these are four times fewer."
)
def by_input(kernel, inputs, outputs, size_in, size_out, transposed):
    return _macs(kernel, inputs, outputs, size_in, size_out, True)


@macs.wrong("A kernel of side k has k x k places, not k.")
def kernel_not_squared(kernel, inputs, outputs, size_in, size_out, transposed):
    return _macs(kernel, inputs, outputs, size_in, size_out, transposed) // kernel


@macs.wrong(
    "You count a multiplication and an addition as two. That is the number of FLOPs; "
    "multiply-accumulates are half of it. Tables mix the two up, so always ask."
)
def flops(kernel, inputs, outputs, size_in, size_out, transposed):
    return 2 * _macs(kernel, inputs, outputs, size_in, size_out, transposed)


@macs.wrong(
    "This is the number of weights. Each of them is used once for every cell: multiply "
    "by height times width."
)
def weights_only(kernel, inputs, outputs, size_in, size_out, transposed):
    return kernel**2 * inputs * outputs


@macs.wrong(
    "Input and output change places: a convolution is computed once for each cell of "
    "its *output*, a transposed one for each cell of its *input*."
)
def sizes_exchanged(kernel, inputs, outputs, size_in, size_out, transposed):
    return _macs(kernel, inputs, outputs, size_out, size_in, transposed)


@macs.wrong(
    "You add the channels. Each output channel looks at each input channel: multiply."
)
def channels_added(kernel, inputs, outputs, size_in, size_out, transposed):
    whole = _macs(kernel, 1, 1, size_in, size_out, transposed)
    return whole * (inputs + outputs)


@macs.wrong("The bias is counted, too. Leave it out, as the task says.")
def bias_counted(kernel, inputs, outputs, size_in, size_out, transposed):
    height, width = size_in if transposed else size_out
    whole = _macs(kernel, inputs, outputs, size_in, size_out, transposed)
    return whole + outputs * height * width
