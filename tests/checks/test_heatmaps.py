"""Answers to notebook 02's exercises as learners write them."""

import torch

from poselab.checks import check


def test_a_target_by_a_loop_over_joints():
    def answer(points, size, stride, sigma):
        y, x = torch.meshgrid(*map(torch.arange, size), indexing="ij")
        maps = []
        for u, v in (points - (stride - 1) / 2) / stride:
            maps.append(torch.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma**2)))
        return torch.stack(maps)

    assert check("heatmaps.target", answer)


def test_merging_by_masking_afterwards():
    def answer(maps, visibility):
        maps = maps.clone()
        maps[visibility == 0] = 0
        return maps.max(0).values

    assert check("heatmaps.merge", answer)


def test_masking_in_place_is_told():
    def answer(maps, visibility):
        maps[visibility == 0] = 0
        return maps.amax(0)

    assert check("heatmaps.merge", answer).diagnosis == "mutates"


def test_the_loss_by_indexing():
    def answer(output, target, visibility):
        labelled = visibility > 0
        if not labelled.any():
            return torch.tensor(0.0)
        return ((output - target)[labelled] ** 2).mean()

    assert check("heatmaps.masked_mse", answer)


def test_reading_by_rows_and_columns():
    def answer(maps, stride):
        x, y = maps.amax(1).argmax(1), maps.amax(2).argmax(1)
        return stride * torch.stack([x, y], 1) + (stride - 1) / 2

    assert check("heatmaps.decode", answer)


def test_an_argmax_of_rows_and_columns_in_the_wrong_order():
    def answer(maps, stride):
        x, y = maps.amax(2).argmax(1), maps.amax(1).argmax(1)
        return stride * torch.stack([x, y], 1) + (stride - 1) / 2

    assert check("heatmaps.decode", answer).diagnosis == "row_and_column"


def test_a_quarter_with_a_padded_map():
    def answer(maps, stride):
        points = []
        for heat in maps:
            h, w = heat.shape
            y, x = divmod(int(heat.argmax()), w)
            u, v = float(x), float(y)
            if 0 < x < w - 1:
                u += 0.25 * torch.sign(heat[y, x + 1] - heat[y, x - 1])
            if 0 < y < h - 1:
                v += 0.25 * torch.sign(heat[y + 1, x] - heat[y - 1, x])
            points.append([u, v])
        return stride * torch.tensor(points) + (stride - 1) / 2

    assert check("heatmaps.quarter", answer)
