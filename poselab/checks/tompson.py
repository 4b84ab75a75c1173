"""The exercises of notebook 03: merge resolutions, one message of the spatial model,
all of them together, and the second look (Tompson et al., 1406.2984 and 1411.4280)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.checks.base import Case, Chapter
from poselab.checks.cases import uniform

chapter = Chapter("tompson", "03_multi_resolution")


# --- 1. three resolutions, one map ---------------------------------------------------


def _merge_cases() -> list[Case]:
    def levels(seed: int, channels: int, h: int, w: int):
        return [
            uniform(seed + i, 2, channels, h >> i, w >> i, low=-1) for i in range(3)
        ]

    spot = torch.zeros(1, 1, 2, 2)
    spot[..., 0, 1] = 1.0
    return [
        Case("maps of 8x12, 4x6 and 2x3 cells", *levels(1, 3, 8, 12)),
        Case(
            "one bright cell in the coarsest map",
            torch.zeros(1, 1, 8, 8),
            torch.zeros(1, 1, 4, 4),
            spot,
        ),
    ]


def _wide(maps: Tensor, times: int) -> Tensor:
    return maps.repeat_interleave(times, -2).repeat_interleave(times, -1)


def _merge(full: Tensor, half: Tensor, quarter: Tensor) -> Tensor:
    return full + _wide(half, 2) + _wide(quarter, 4)


merge = chapter.exercise(
    "merge",
    cases=_merge_cases,
    solution=_merge,
    returns=("the merged features",),
    praise="Each coarse cell speaks for the fine cells that it covers.",
)


@merge.wrong(
    "`repeat` lays copies of the whole map side by side. Every cell has to become a "
    "square of cells in its own place: `repeat_interleave`, or F.interpolate with "
    "mode='nearest'."
)
def tiled(full, half, quarter):
    return full + half.repeat(1, 1, 2, 2) + quarter.repeat(1, 1, 4, 4)


@merge.wrong(
    "You average the three levels. They are added: a level that sees nothing (0) "
    "should not weaken what another one has found."
)
def averaged(full, half, quarter):
    return _merge(full, half, quarter) / 3


@merge.wrong("You leave out the coarsest level, the only one that sees the whole body.")
def two_levels(full, half, quarter):
    return full + _wide(half, 2)


@merge.wrong(
    "You bring everything to the coarsest size: that keeps the context and throws away "
    "the precision that the full resolution is there for. Enlarge the coarse maps."
)
def to_the_coarsest(full, half, quarter):
    return F.avg_pool2d(full, 4) + F.avg_pool2d(half, 2) + quarter


@merge.wrong(
    "You put the levels behind each other as channels. That is another good design, "
    "but here they are added, so that the head is the same for any number of levels."
)
def concatenated(full, half, quarter):
    return torch.cat([full, _wide(half, 2), _wide(quarter, 4)], 1)


@merge.wrong(
    "You multiply the levels: one level that finds nothing would erase what the others "
    "found. Add them."
)
def multiplied(full, half, quarter):
    return full * _wide(half, 2) * _wide(quarter, 4)


@merge.wrong(
    "You blend between the coarse cells (bilinear). Here each coarse cell speaks for "
    "exactly the fine cells that it covers: repeat it."
)
def blended(full, half, quarter):
    size = full.shape[-2:]
    wide = [F.interpolate(x, size, mode="bilinear") for x in (half, quarter)]
    return full + wide[0] + wide[1]


@merge.wrong("You take the largest of the three. The levels are *added*.")
def largest(full, half, quarter):
    return torch.maximum(torch.maximum(full, _wide(half, 2)), _wide(quarter, 4))


# --- 2. one message ------------------------------------------------------------------


def _message_cases() -> list[Case]:
    spot, step = torch.zeros(5, 7), torch.zeros(9, 13)
    spot[1, 2] = 1.0
    step[4 + 2, 6 + 3] = 1.0  # A is 3 cells right of v and 2 below
    return [
        Case("v is certain, A is 3 right and 2 below", step, spot),
        Case("any prior, any map", uniform(11, 9, 13), uniform(12, 5, 7)),
        Case("a map of one row", uniform(13, 1, 11), uniform(14, 1, 6)),
    ]


def _convolve(prior: Tensor, heat: Tensor) -> Tensor:
    """Sum over the cells y of v: prior[x - y + (h - 1, w - 1)] heat[y]."""
    h, w = heat.shape
    kernel = prior.flip(0, 1)[None, None]  # conv2d slides without mirroring
    return F.conv2d(heat[None, None], kernel, padding=(h - 1, w - 1))[0, 0]


message = chapter.exercise(
    "message",
    cases=_message_cases,
    solution=_convolve,
    returns=("the message",),
    praise="Wherever v may be, it says where A should be then.",
)


@message.wrong(
    "Your message points the other way: conv2d does not mirror its kernel (it is a "
    "correlation), so A is looked for on the opposite side of v. Flip the prior in "
    "both directions first."
)
def correlation(prior, heat):
    return _convolve(prior.flip(0, 1), heat)


@message.wrong(
    "You take the best place of v only (max-product). Equation 1 sums over all places "
    "that v may have: p(A) = sum over v of p(A|v) p(v)."
)
def best_place_only(prior, heat):
    (h, w), found = heat.shape, torch.zeros_like(heat)
    for y in range(h):
        for x in range(w):
            window = prior[h - 1 - y : 2 * h - 1 - y, w - 1 - x : 2 * w - 1 - x]
            found = torch.maximum(found, window * heat[y, x])
    return found


@message.wrong(
    "You are one cell off. Displacement (0, 0) stands in the middle of the prior, at "
    "row h - 1 and column w - 1: pad with h - 1 and w - 1."
)
def one_cell_off(prior, heat):
    return F.pad(_convolve(prior, heat), (1, 0, 1, 0))[:-1, :-1]


@message.wrong(
    "You divide by the sum of the message. A joint without evidence then speaks as "
    "loudly as one that is certain; leave the sum alone."
)
def normalised_message(prior, heat):
    found = _convolve(prior, heat)
    return found / found.sum()


@message.wrong(
    "You multiply prior and map cell by cell around the middle. A convolution is "
    "wanted: each cell of v sends a copy of the prior, moved to where it is."
)
def product_for_convolution(prior, heat):
    h, w = heat.shape
    top, left = (h - 1) // 2, (w - 1) // 2
    return prior[top : top + h, left : left + w] * heat


@message.wrong(
    "The kernel is turned over from left to right only. A convolution turns it in both "
    "directions: `prior.flip(0, 1)`."
)
def turned_in_x(prior, heat):
    return _convolve(prior.flip(0), heat)


@message.wrong(
    "The kernel is turned over from top to bottom only. A convolution turns it in both "
    "directions: `prior.flip(0, 1)`."
)
def turned_in_y(prior, heat):
    return _convolve(prior.flip(1), heat)


@message.wrong(
    "That is the logarithm of the message. It is taken later, when all messages are "
    "combined."
)
def logarithm(prior, heat):
    return _convolve(prior, heat).log()


@message.wrong(
    "You multiply the message by v's own map. It is about A, and A is somewhere else."
)
def times_own_map(prior, heat):
    return _convolve(prior, heat) * heat


# --- 3. all messages together --------------------------------------------------------


def _combine_cases() -> list[Case]:
    own, others = uniform(21, 4, 5), uniform(22, 3, 4, 5)
    silent = others.clone()
    silent[1] = 0.0
    bias = torch.tensor([0.01, 0.1, 0.05])
    return [
        Case("three other joints", own, others, bias),
        Case("one of them has no evidence at all", own, silent, bias),
        Case(
            "a false peak and one joint that knows better",
            torch.tensor([[0.9, 0.01, 0.7]]),
            torch.tensor([[[0.0, 0.2, 0.8]]]),
            torch.tensor([0.02]),
        ),
    ]


def _combine(own: Tensor, messages: Tensor, bias: Tensor) -> Tensor:
    total = own.log() + (messages + bias[:, None, None]).log().sum(0)
    return (total - total.logsumexp((0, 1))).exp()


combine = chapter.exercise(
    "combine",
    cases=_combine_cases,
    solution=_combine,
    returns=("the marginal",),
    praise="A product of opinions in which nobody has a veto.",
)


@combine.wrong(
    "You add the opinions. A false peak then stays as long as anybody likes it; the "
    "product asks all joints to agree (equation 1)."
)
def added(own, messages, bias):
    total = own + (messages + bias[:, None, None]).sum(0)
    return total / total.sum()


@combine.wrong(
    "The bias is missing: a joint without evidence sends 0, and the product is 0 "
    "everywhere (nan after dividing). b keeps anybody from having a veto. It belongs "
    "inside the logarithm, log(message + b): outside it is a factor that 1 / Z takes "
    "out again."
)
def bias_missing(own, messages, bias):
    total = own * messages.prod(0)
    return total / total.sum()


@combine.wrong("You do not normalise: divide by the sum over all cells, 1 / Z.")
def not_normalised(own, messages, bias):
    return own * (messages + bias[:, None, None]).prod(0)


@combine.wrong(
    "The joint's own map is missing: the others say where it should be, the map where "
    "it looks like one."
)
def own_map_missing(own, messages, bias):
    return _combine(torch.ones_like(own), messages, bias)


@combine.wrong(
    "You return the logarithm. Take exp at the end, after subtracting logsumexp."
)
def still_a_logarithm(own, messages, bias):
    return _combine(own, messages, bias).log()


@combine.wrong(
    "You average the logarithms instead of adding them: that is the root of the "
    "product, and the more joints speak the less each of them counts."
)
def mean_of_logs(own, messages, bias):
    total = own.log() + (messages + bias[:, None, None]).log().mean(0)
    return (total - total.logsumexp((0, 1))).exp()


@combine.wrong(
    "You take the mean of the messages, then multiply once. Every message is a factor "
    "of its own."
)
def mean_of_messages(own, messages, bias):
    product = own * (messages + bias[:, None, None]).mean(0)
    return product / product.sum()


@combine.wrong(
    "You take a softmax of the product. It is a product of probabilities already: "
    "divide by its sum."
)
def softmax_of_the_product(own, messages, bias):
    product = own * (messages + bias[:, None, None]).prod(0)
    return product.flatten().softmax(0).view_as(own)


@combine.wrong("You divide row by row. The sum over *all* cells is to be 1.")
def row_by_row(own, messages, bias):
    product = own * (messages + bias[:, None, None]).prod(0)
    return product / product.sum(1, keepdim=True)


@combine.wrong(
    "The bias belongs to each message: add it before you multiply. Added to the "
    "product, one message of 0 is still a veto on all the others."
)
def bias_on_the_product(own, messages, bias):
    product = own * (messages.prod(0) + bias.prod())
    return product / product.sum()


# --- 4. the second look --------------------------------------------------------------


def _refine_cases() -> list[Case]:
    coarse = uniform(31, 17, 2, low=20, high=90)
    return [
        Case("17 joints, crops of 24 pixels", coarse, uniform(32, 17, 2, high=23), 24),
        Case(
            "the middle of a crop of 9 pixels changes nothing",
            torch.tensor([[30.0, 40.0]]),
            torch.tensor([[4.0, 4.0]]),
            9,
        ),
    ]


def _refine(coarse: Tensor, cell: Tensor, crop: int) -> Tensor:
    return coarse + cell - (crop - 1) / 2


refine = chapter.exercise(
    "refine",
    cases=_refine_cases,
    solution=_refine,
    returns=("the refined joints",),
    praise="The coarse map says where to look, the fine one where in the crop.",
)


@refine.wrong(
    "You add the cell of the fine map to the coarse joint. Cells are counted from the "
    "crop's first pixel, and the joint is its middle: subtract (c - 1) / 2."
)
def from_the_middle(coarse, cell, crop):
    return coarse + cell


@refine.wrong(
    "You are half a pixel off: the middle of c cells that are counted from 0 is "
    "(c - 1) / 2, not c / 2."
)
def half_pixel(coarse, cell, crop):
    return coarse + cell - crop / 2


@refine.wrong(
    "You return the place in the crop. Add where the crop is: its middle is the coarse "
    "joint."
)
def coarse_forgotten(coarse, cell, crop):
    return cell - (crop - 1) / 2


@refine.wrong(
    "You subtract the correction. A cell to the right of the crop's middle means that "
    "the joint is further to the right."
)
def subtracted(coarse, cell, crop):
    return coarse - (cell - (crop - 1) / 2)


@refine.wrong(
    "You average the coarse joint and the fine one. The fine map has seen the same "
    "place more closely: take its answer."
)
def averaged_with_coarse(coarse, cell, crop):
    return coarse + (cell - (crop - 1) / 2) / 2


@refine.wrong(
    "`cell` is a place in the crop, in px already: it is not a share of the crop."
)
def share_of_the_crop(coarse, cell, crop):
    return coarse + cell / crop


@refine.wrong("x and y change places: `cell` is (x, y), as `coarse` is.")
def axes_exchanged(coarse, cell, crop):
    return _refine(coarse, cell.flip(-1), crop)


@refine.wrong(
    "You multiply by the stride of the coarse maps. The crop has the picture's own "
    "scale, so one cell is one px."
)
def times_stride(coarse, cell, crop):
    return coarse + 4 * (cell - (crop - 1) / 2)
