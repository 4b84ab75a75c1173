"""What a cell sees: arithmetic, gradients, and the side that holds most of them."""

import pytest
import torch
from torch import nn

from poselab.errors import ArgumentError
from poselab.models import (
    cell_gradient,
    effective_side,
    kernels,
    measured_field,
    receptive_field,
)


def test_the_first_stage_of_the_paper_by_hand():
    """9x9 and a halving three times, 5x5, 9x9: the numbers of the paper's figure 2."""
    layers = [(9, 1), (2, 2), (9, 1), (2, 2), (9, 1), (2, 2), (5, 1), (9, 1)]
    sizes = [receptive_field(layers[:n])[0] for n in (1, 3, 5, 7, 8)]
    assert sizes == [9, 26, 60, 96, 160]
    assert receptive_field(layers) == (160, 8)
    assert receptive_field([(11, 1)] * 3, 160, 8) == (400, 8)


def test_the_order_of_strides_counts():
    assert receptive_field([(3, 2), (5, 1)]) == (11, 2)
    assert receptive_field([(5, 1), (3, 2)]) == (7, 2)
    assert receptive_field([]) == (1, 1)


CHAINS = [
    [nn.Conv2d(3, 2, 3, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 5, padding=2)],
    [nn.Conv2d(3, 2, 7, padding=3), nn.BatchNorm2d(2), nn.MaxPool2d(3, 2, 1)],
    [
        nn.Conv2d(3, 2, 1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(2, 2, 3, padding=2, dilation=2),
    ],
    [nn.Conv2d(3, 2, 3, padding=1), nn.AvgPool2d(4), nn.Conv2d(2, 4, 3, padding=1)],
]


@pytest.mark.parametrize("layers", CHAINS)
def test_measured_is_computed(layers):
    chain = nn.Sequential(*layers)
    before = {key: value.clone() for key, value in chain.state_dict().items()}
    side, _ = receptive_field(kernels(chain))
    assert measured_field(chain, (48, 56)) == (side, side)
    after = chain.state_dict()  # measured on a copy
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_a_gradient_of_one_cell_and_channel():
    layer = nn.Conv2d(1, 2, 3, padding=1, bias=False)
    layer.weight.data = torch.arange(18.0).view(2, 1, 3, 3)
    image = torch.zeros(1, 1, 6, 6)
    seen = cell_gradient(layer, image, channel=1, cell=(2, 4))[0]
    assert seen[1:4, 3:6].tolist() == layer.weight[1, 0].tolist()
    assert seen.sum() == layer.weight[1].sum()
    both = cell_gradient(layer, image)[0]
    assert both[2:5, 2:5].tolist() == layer.weight.sum(0)[0].tolist()
    assert not image.requires_grad


def test_a_gradient_of_one_stage():
    class Two(nn.Module):
        def forward(self, x):
            return [2 * x, 5 * x]

    image = torch.ones(1, 3, 4, 4)
    assert cell_gradient(Two(), image, stage=0).sum() == 6
    assert cell_gradient(Two(), image).sum() == 15
    with torch.no_grad():
        assert cell_gradient(Two(), image).sum() == 15


def test_effective_side():
    flat = torch.zeros(41, 41)
    flat[10:31, 10:31] = 1.0
    centre = torch.tensor([20.0, 20.0])
    assert effective_side(flat, centre, 1.0) == 21
    assert effective_side(flat, centre, (11 / 21) ** 2) == 11
    spot = torch.zeros(41, 41)
    spot[20, 20] = 1.0
    assert effective_side(spot, centre) == 1


def test_a_layer_without_a_kernel():
    with pytest.raises(ArgumentError, match="layers"):
        receptive_field([(3, 1), (0, 1)])
