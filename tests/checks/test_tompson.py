"""Answers to notebook 03's exercises as learners write them."""

import torch
import torch.nn.functional as F

from poselab.checks import check
from poselab.models import SpatialModel
from poselab.models.tompson import inverse_softplus


def test_levels_by_interpolation():
    def answer(full, half, quarter):
        size = full.shape[-2:]
        return full + F.interpolate(half, size) + F.interpolate(quarter, size)

    assert check("tompson.merge", answer)


def test_a_message_by_loops():
    def answer(prior, heat):
        h, w = heat.shape
        found = torch.zeros(h, w)
        for y in range(h):
            for x in range(w):
                top, left = h - 1 - y, w - 1 - x
                found += prior[top : top + h, left : left + w] * heat[y, x]
        return found

    assert check("tompson.message", answer)


def test_a_message_is_the_packages():
    def answer(prior, heat):
        model = SpatialModel(2, heat.shape, torch.tensor([[0, 1]]))
        model.raw_prior.data = inverse_softplus(prior[None].clamp(min=1e-12))
        model.raw_bias.data.fill_(-40.0)
        return model.messages(torch.stack([heat, heat])[None])[0, 0]

    assert check("tompson.message", answer)


def test_a_product_without_logarithms():
    def answer(own, messages, bias):
        total = own * (messages + bias[:, None, None]).prod(0)
        return total / total.sum()

    assert check("tompson.combine", answer)


def test_a_softmax_normalises_too():
    def answer(own, messages, bias):
        total = own.log() + (messages + bias[:, None, None]).log().sum(0)
        return total.flatten().softmax(0).view_as(own)

    assert check("tompson.combine", answer)


def test_the_second_look_from_the_corner():
    def answer(coarse, cell, crop):
        corner = coarse - (crop - 1) / 2
        return corner + cell

    assert check("tompson.refine", answer)


def test_channels_dropped_by_a_loop():
    def answer(x, u, p):
        out = torch.zeros_like(x)
        for b in range(x.shape[0]):
            for c in range(x.shape[1]):
                if u[b, c] >= p:
                    out[b, c] = x[b, c] / (1 - p)
        return out

    assert check("tompson.channels", answer)


def test_dropped_cells_are_not_channels():
    def answer(x, u, p):
        torch.manual_seed(0)
        return F.dropout(x, p)

    assert check("tompson.channels", answer).status == "wrong"


def test_the_price_by_a_geometric_series():
    def answer(window, cost, levels):
        return window << (levels - 1), cost * 4 / 3 * (1 - 0.25**levels)

    assert check("tompson.price", answer)


def test_the_other_way_round_by_half_a_turn_or_cell_by_cell():
    def cell_by_cell(prior):
        rows, columns = prior.shape
        turned = torch.empty_like(prior)
        for y in range(rows):
            for x in range(columns):
                turned[rows - 1 - y, columns - 1 - x] = prior[y, x]
        return turned

    assert check("tompson.reverse", lambda prior: torch.rot90(prior, 2))
    assert check("tompson.reverse", cell_by_cell)
