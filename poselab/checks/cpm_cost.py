"""An exercise of notebook 04: how many multiplications a stage takes."""

from __future__ import annotations

from poselab.checks.base import Case
from poselab.checks.cpm import chapter


def _cost_cases() -> list[Case]:
    later = [(23, 24, 7), (24, 24, 7), (24, 24, 1), (24, 17, 1)]
    return [
        Case("a later stage of our machine", later, (32, 24)),
        Case("one of the paper's 11x11 convolutions", [(128, 128, 11)], (46, 46)),
        Case("a 1x1 convolution", [(5, 3, 1)], (8, 6)),
        Case("no layer", [], (8, 6)),
        Case("a map of one cell", [(4, 2, 3), (2, 7, 5)], (1, 1)),
    ]


def _products(layer: tuple[int, int, int]) -> int:
    """Multiplications of one layer for one cell."""
    inputs, outputs, kernel = layer
    return inputs * outputs * kernel**2


def _cost(layers: list, size: tuple[int, int]) -> int:
    return sum(map(_products, layers)) * size[0] * size[1]


cost = chapter.exercise(
    "cost",
    cases=_cost_cases,
    solution=_cost,
    returns=("the multiplications",),
    whole=True,
    praise="Every output channel of every cell: kernel squared times inputs.",
)


@cost.wrong(
    "You take the side of the kernel once. A kernel of 7 is a square of 7x7 = 49 cells."
)
def side_of_the_kernel(layers, size):
    return sum(i * o * k for i, o, k in layers) * size[0] * size[1]


@cost.wrong(
    "You count the weights. Each of them is used once in *every* cell of the map: "
    "times h w."
)
def weights_only(layers, size):
    return sum(map(_products, layers))


@cost.wrong(
    "You leave out the input channels. A cell of an output channel looks at the square "
    "in all of them."
)
def inputs_forgotten(layers, size):
    return sum(o * k**2 for _, o, k in layers) * size[0] * size[1]


@cost.wrong("You leave out the output channels: each of them has kernels of its own.")
def outputs_forgotten(layers, size):
    return sum(i * k**2 for i, _, k in layers) * size[0] * size[1]


@cost.wrong(
    "You add the channels. Every output channel looks at every input channel, so they "
    "are multiplied."
)
def channels_added(layers, size):
    return sum((i + o) * k**2 for i, o, k in layers) * size[0] * size[1]


@cost.wrong(
    "You give the cost of the last layer. They run one after the other, and all of "
    "them cost: add."
)
def last_layer_only(layers, size):
    return _cost(layers[-1:], size)


@cost.wrong("You take one side of the map only. A map of (h, w) has h w cells.")
def one_side(layers, size):
    return sum(map(_products, layers)) * size[0]


@cost.wrong(
    "You count additions as well. Here multiplications are asked for, as in the "
    "scoreboard's MMAC: one multiplication with its addition counts once."
)
def twice(layers, size):
    return 2 * _cost(layers, size)
