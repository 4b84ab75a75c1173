"""Exercises of notebook 02, reading: the highest cell, and a quarter cell further."""

from __future__ import annotations

import torch
from torch import Tensor

from poselab.checks.base import Case
from poselab.checks.cases import bumps
from poselab.checks.heatmaps import chapter
from poselab.codecs.heatmap import gaussian_heatmaps
from poselab.codecs.heatmap_decode import (
    cells_to_pixels,
    decode_argmax,
    decode_quarter,
    peaks,
)

# --- 4. reading the highest cell -----------------------------------------------------


def _decode_cases() -> list[Case]:
    corner = torch.zeros(2, 6, 9)
    corner[0, 0, 8] = corner[1, 5, 0] = 1.0
    return [
        Case("17 joints, stride 4", bumps(30, 17), 4),
        Case("peaks in the corners, stride 8", corner, 8),
        Case("a wide map, stride 2", bumps(31, 5, size=(10, 30)), 2),
        Case("a narrow high bump beside a wide low one", _two_bumps(), 4),
        Case("nothing above 0 anywhere", bumps(32, 3) - 2, 4),
    ]


def _two_bumps() -> Tensor:
    """One map whose fullest row and column are not those of its highest cell."""
    narrow = gaussian_heatmaps(torch.tensor([[4.0, 4.0]]), (16, 12), 0.8)
    wide = gaussian_heatmaps(torch.tensor([[8.0, 11.0]]), (16, 12), 3.0)
    return torch.maximum(narrow, 0.6 * wide)


def _decode(maps: Tensor, stride: int) -> Tensor:
    return decode_argmax(maps, stride)[0]


decode = chapter.exercise(
    "decode",
    cases=_decode_cases,
    solution=_decode,
    returns=("the points",),
    praise="The middle of the highest cell, in pixels of the image.",
)


def _flat_argmax(maps: Tensor) -> Tensor:
    return maps.flatten(1).argmax(1)  # [J]


@decode.wrong(
    "You look for the fullest row and the fullest column. A wide low bump can have "
    "both, while the highest *cell* lies elsewhere: search all cells of a map at once, "
    "`maps.flatten(1).argmax(1)`, and split the index."
)
def fullest_row_and_column(maps, stride):
    cells = torch.stack([maps.sum(1).argmax(1), maps.sum(2).argmax(1)], -1)
    return cells_to_pixels(cells.float(), stride)


@decode.wrong(
    "Your column has a fraction: `/` divides, `%` gives the rest. The column is "
    "index % w and the row index // w."
)
def true_division(maps, stride):
    index, width = _flat_argmax(maps), maps.shape[2]
    cells = torch.stack([index % width, index / width], -1)
    return cells_to_pixels(cells, stride)


@decode.wrong(
    "You add (s - 1) // 2, which cuts off the half: the middle of four pixels lies "
    "between the second and the third, at 1.5. Divide with one `/`."
)
def whole_middle(maps, stride):
    return _decode(maps, stride) - (stride - 1) / 2 + (stride - 1) // 2


@decode.wrong(
    "You read the cell as (row, column): a point is (x, y), and x is the column."
)
def row_and_column(maps, stride):
    return _decode(maps, stride).flip(-1)


@decode.wrong(
    "You divide the flat index by the height. A row has w cells, so the column is "
    "index % w and the row index // w. (In a square map it makes no difference.)"
)
def divided_by_height(maps, stride):
    index, height = _flat_argmax(maps), maps.shape[1]
    cells = torch.stack([index % height, index // height], -1)
    return cells_to_pixels(cells.float(), stride)


@decode.wrong(
    "The stride is missing: these are cells, not pixels. Cell u lies at pixel "
    "s u + (s - 1) / 2."
)
def stride_forgotten_in_decode(maps, stride):
    return _decode(maps, 1)


@decode.wrong(
    "You read cell u as pixel s u, the first of its s pixels. Its middle is "
    "(s - 1) / 2 further: with stride 4 you are 1.5 pixels up and left, always. (Much "
    "published code does this; it is right only with targets drawn at p / s.)"
)
def half_pixel_in_decode(maps, stride):
    return _decode(maps, stride) - (stride - 1) / 2


@decode.wrong(
    "You take one argmax over all joints together, so they all get the same place. "
    "Every joint has a map of its own: flatten the last two dimensions only."
)
def over_all_joints(maps, stride):
    cells, _ = peaks(maps.amax(0, keepdim=True))
    return cells_to_pixels(cells.float(), stride).expand(len(maps), 2)


@decode.wrong(
    "You take the argmax over the wrong axis: over the joints, for every cell, it says "
    "which joint is most likely there. What is wanted is the cell, for every joint."
)
def over_the_joint_axis(maps, stride):
    return maps.argmax(0)


@decode.wrong(
    "You add half a cell, s u + s / 2. Pixels are counted from the centre of the "
    "first one, so the middle of a cell is at s u + (s - 1) / 2."
)
def whole_half_stride(maps, stride):
    return _decode(maps, stride) + 0.5


# --- 5. a quarter cell further -------------------------------------------------------


def _quarter_cases() -> list[Case]:
    edge = gaussian_heatmaps(torch.tensor([[0.2, 7.0], [11.0, 3.4]]), (16, 12), 1.5)
    exact = gaussian_heatmaps(torch.tensor([[5.0, 7.3]]), (16, 12), 1.5)
    return [
        Case("17 joints, stride 4", bumps(40, 17), 4),
        Case("a joint whose two neighbours in x are equal", exact, 2),
        Case("a map that is the same everywhere", torch.ones(1, 5, 4), 4),
        Case(
            "peaks in the first and last column, where a neighbour is missing", edge, 4
        ),
    ]


def _quarter(maps: Tensor, stride: int) -> Tensor:
    return decode_quarter(maps, stride)[0]


quarter = chapter.exercise(
    "quarter",
    cases=_quarter_cases,
    solution=_quarter,
    returns=("the points",),
    praise="Half of the quantisation error is gone, for four comparisons.",
)


def _moved(maps: Tensor, stride: int, size: float) -> Tensor:
    """The argmax, moved by `size` cells where the solution moves a quarter."""
    step = (_quarter(maps, stride) - _decode(maps, stride)) / (0.25 * stride)
    return _decode(maps, stride) + stride * size * step


@quarter.wrong(
    "You move towards the smaller neighbour. The joint lies on the side where the map "
    "is higher: the sign of (right - left) and of (below - above)."
)
def wrong_side(maps, stride):
    return _moved(maps, stride, -0.25)


@quarter.wrong(
    "On the border you use the peak itself in place of the missing neighbour, and then "
    "it moves. Where a neighbour is missing this coordinate stays on its cell."
)
def neighbour_clamped(maps, stride):
    cells, _ = peaks(maps)
    joint, (x, y) = torch.arange(len(maps)), cells.unbind(-1)

    def step(i, j, axis):
        last = maps.shape[axis] - 1
        right, left = (i + 1).clamp(max=last), (i - 1).clamp(min=0)
        if axis == 2:
            return (maps[joint, j, right] - maps[joint, j, left]).sign()
        return (maps[joint, right, j] - maps[joint, left, j]).sign()

    move = torch.stack([step(x, y, 2), step(y, x, 1)], -1)
    return cells_to_pixels(cells + 0.25 * move, stride)


@quarter.wrong("You move by half a cell; it is a quarter of a cell, stride / 4 pixels.")
def half_a_cell(maps, stride):
    return _moved(maps, stride, 0.5)


@quarter.wrong(
    "You move by a quarter of a pixel. The quarter is of a cell: add it before you "
    "turn cells into pixels."
)
def quarter_of_a_pixel(maps, stride):
    return _moved(maps, stride, 0.25 / stride)


@quarter.wrong(
    "You move in x only. The fraction is lost in y as well: compare the cells above "
    "and below too."
)
def only_in_x(maps, stride):
    x = _quarter(maps, stride)[:, :1]
    return torch.cat([x, _decode(maps, stride)[:, 1:]], -1)


@quarter.wrong(
    "You do not move at all where one coordinate is on the border. Test x and y apart: "
    "a peak in the first column still has cells above and below."
)
def border_of_both(maps, stride):
    cells, _ = peaks(maps)
    last = torch.tensor([maps.shape[2] - 1, maps.shape[1] - 1])
    inner = ((cells > 0) & (cells < last)).all(-1, keepdim=True)
    return torch.where(inner, _quarter(maps, stride), _decode(maps, stride))


@quarter.wrong(
    "You always move, also where both neighbours are equal. The joint is then on the "
    "cell's centre: sign(0) is 0."
)
def sign_of_zero(maps, stride):
    step = (_quarter(maps, stride) - _decode(maps, stride)) / stride
    cells, _ = peaks(maps)
    last = torch.tensor([maps.shape[2] - 1, maps.shape[1] - 1])
    inner = (cells > 0) & (cells < last)
    step = torch.where(inner & (step == 0), -0.25, step)
    return _decode(maps, stride) + stride * step


@quarter.wrong(
    "The stride is missing: these are cells, not pixels (s u + (s - 1) / 2)."
)
def stride_forgotten_in_quarter(maps, stride):
    return _quarter(maps, 1)


@quarter.wrong(
    "You read cell u as pixel s u; its middle lies (s - 1) / 2 pixels further."
)
def half_pixel_in_quarter(maps, stride):
    return _quarter(maps, stride) - (stride - 1) / 2
