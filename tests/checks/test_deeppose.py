"""Answers to notebook 01's exercises as learners write them."""

import torch

from poselab.checks import check
from poselab.codecs.regression import denormalise, normalise
from poselab.metrics import pck
from poselab.skeleton import COCO_17


def test_coordinates_relative_to_the_box():
    def answer(points, boxes):
        x, y, w, h = boxes[:, None].unbind(-1)
        u = (points[..., 0] - (x + w / 2 - 0.5)) / w
        v = (points[..., 1] - (y + h / 2 - 0.5)) / h
        return torch.stack([u, v], -1)

    assert check("deeppose.normalise", answer)


def test_the_loss_may_be_written_by_indexing():
    def answer(prediction, target, visibility):
        labelled = visibility > 0
        difference = prediction[labelled] - target[labelled]
        return (difference**2).sum() / max(1, int(labelled.sum()))

    assert check("deeppose.masked_l2", answer)


def test_an_unreduced_loss_is_told_to_reduce():
    def answer(prediction, target, visibility):
        return ((prediction - target) ** 2).sum(-1)

    result = check("deeppose.masked_l2", answer)
    assert result.diagnosis == "structure"
    assert "reduce with `sum`" in result.message


def test_hidden_joints_left_out_without_a_guard_is_still_diagnosed():
    def answer(prediction, target, visibility):
        error = ((prediction - target) ** 2).sum(-1)
        return error[visibility == 2].mean()

    assert check("deeppose.masked_l2", answer).diagnosis == "visible_only"


def test_a_step_is_the_packages_denormalisation():
    def answer(previous, displacement, diam, sigma):
        side = (sigma * diam)[:, None, None].expand_as(previous)
        boxes = torch.cat([previous + 0.5 - side / 2, side], -1)
        return denormalise(displacement[:, :, None], boxes)[:, :, 0]

    assert check("deeppose.cascade_step", answer)


def test_the_score_is_the_packages_pck():
    def answer(prediction, target, visibility, boxes, threshold):
        a, b = denormalise(prediction, boxes), denormalise(target, boxes)
        return pck(a, b, visibility, "box", [threshold], boxes=boxes)[0]

    assert check("deeppose.pck", answer)


def test_a_combined_mistake_names_what_all_numbers_have_in_common():
    def answer(points, boxes):
        return -normalise(points, boxes)

    result = check("deeppose.normalise", answer)
    assert result.diagnosis == "values"
    assert "All have the other sign." in result.message


def test_the_spread_may_be_written_with_nan():
    def answer(predicted, truth, visibility, diam):
        errors = (predicted - truth) / diam.reshape(-1, 1, 1)
        errors = torch.where(visibility[..., None] > 0, errors, torch.nan)
        mean = errors.nanmean(0)
        spread = (errors - mean).square().nanmean(0).sqrt()
        return mean.nan_to_num(), spread.nan_to_num()

    assert check("deeppose.spread", answer)


def test_a_mirror_by_way_of_the_picture():
    def answer(values):
        box = torch.tensor([0.0, 0, 96, 128]).expand(len(values), 4)
        x, y = denormalise(values, box)[:, list(COCO_17.flip_index)].unbind(-1)
        return normalise(torch.stack([95 - x, y], -1), box)

    assert check("deeppose.flip", answer)
