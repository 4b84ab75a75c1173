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
            return 0 * output.sum()
        return ((output - target)[labelled] ** 2).mean()

    assert check("heatmaps.masked_mse", answer)


def test_a_loss_that_nothing_can_be_learned_from():
    def mean(output, target, visibility):
        labelled = (visibility > 0)[..., None, None]
        squares = (output - target).square() * labelled
        return squares.sum() / labelled.expand_as(output).sum().clamp(min=1)

    def fresh(output, target, visibility):
        if (visibility == 0).all():
            return torch.tensor(0.0)
        return mean(output, target, visibility)

    def detached(output, target, visibility):
        half = mean(output, target, visibility) / 2
        return half + half.detach()

    assert check("heatmaps.masked_mse", mean)
    number = check("heatmaps.masked_mse", lambda *given: mean(*given).item())
    assert number.diagnosis == "no gradient"
    zero = check("heatmaps.masked_mse", fresh)
    assert (zero.status, zero.diagnosis) == ("wrong", "no gradient")
    assert "no labelled joint at all" in zero.message
    wrong = check("heatmaps.masked_mse", detached)
    assert wrong.diagnosis == "gradient"
    assert "the gradient of output" in wrong.message


def test_zero_is_no_loss():
    assert not check("heatmaps.masked_mse", lambda *_: 0)


def test_missing_brackets_are_not_called_pixels():
    def answer(points, size, stride, sigma):
        cells = (points - (stride - 1) / 2) / stride
        y, x = torch.meshgrid(*map(torch.arange, size), indexing="ij")
        d = (x - cells[:, 0, None, None]) ** 2 + (y - cells[:, 1, None, None]) ** 2
        return torch.exp(-d / 2 * sigma**2)

    assert check("heatmaps.target", answer).diagnosis == "brackets_missing"


def test_sums_of_rows_and_columns_are_not_the_highest_cell():
    def answer(maps, stride):
        cells = torch.stack([maps.sum(1).argmax(1), maps.sum(2).argmax(1)], 1)
        return stride * cells + (stride - 1) / 2

    assert check("heatmaps.decode", answer).diagnosis == "fullest_row_and_column"


def test_a_pair_from_max_and_whole_numbers_are_named():
    pair = check("heatmaps.merge", lambda maps, visibility: maps.max(0))
    assert pair.diagnosis == "structure"
    assert "`max` along a dimension gives a pair, values and indices" in pair.message

    def whole(maps, stride):
        index = maps.flatten(1).argmax(1)
        points = torch.zeros(len(maps), 2, dtype=torch.long)
        points[:, 0] = stride * (index % maps.shape[2]) + (stride - 1) / 2
        points[:, 1] = stride * (index // maps.shape[2]) + (stride - 1) / 2
        return points

    assert check("heatmaps.decode", whole).diagnosis == "whole_middle"
    quarter = check("heatmaps.quarter", whole)
    assert quarter.diagnosis == "whole numbers"
    assert "torch.int64" in quarter.message


def test_a_peak_in_another_cell_is_named():
    def answer(points, size, stride, sigma):
        y, x = torch.meshgrid(*map(torch.arange, size), indexing="ij")
        u, v = ((points - (stride - 1) / 2) / stride + 2).T[..., None, None]
        return torch.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma**2))

    message = check("heatmaps.target", answer).message
    assert "The highest cell of map 0 is in row" in message
    assert (
        "It was given points of shape [17, 2], size = (16, 12), stride = 4" in message
    )


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


def test_the_flip_test_by_a_loop_over_joints():
    def answer(maps, mirrored, partner):
        mean = maps.clone()
        for j, other in enumerate(partner.tolist()):
            mean[j] = 0.5 * maps[j] + 0.5 * torch.fliplr(mirrored[other])
        return mean

    assert check("heatmaps.flip_test", answer)


def test_the_best_map_by_the_gradient_of_the_squared_error():
    """Squared error is a parabola: one Newton step from anywhere is at its lowest."""

    def answer(targets, seen):
        best = torch.zeros_like(targets[0], requires_grad=True)
        cost = (seen[:, None, None] * (best - targets) ** 2).sum()
        return -torch.autograd.grad(cost, best)[0] / (2 * seen.sum())

    assert check("heatmaps.best_map", answer)


def test_the_best_map_by_repeating_what_was_seen_often():
    def answer(targets, seen):
        return targets.repeat_interleave(seen.long(), 0).mean(0)

    assert check("heatmaps.best_map", answer)
