"""Answers to notebook 04's exercises as learners write them."""

import torch
import torch.nn.functional as F
from torch import nn

from poselab.checks import check
from poselab.checks.cpm import gradient
from poselab.codecs import masked_mse
from poselab.evaluate import count_macs
from poselab.models import measured_field


def test_a_field_from_the_last_layer_backwards():
    def answer(layers):
        size, step = 1, 1
        for k, s in reversed(layers):
            size, step = (size - 1) * s + k, step * s
        return size, step

    assert check("cpm.field", answer)


def test_a_field_by_measurement():
    def answer(layers):
        chain = [
            nn.Conv2d(3 if i == 0 else 1, 1, k, s, k // 2)
            for i, (k, s) in enumerate(layers)
        ]
        step = 1
        for _, s in layers:
            step *= s
        return measured_field(nn.Sequential(*chain), (4, 320))[1], step

    assert check("cpm.field", answer)


def test_stages_by_concatenation():
    def answer(first, features, a, c):
        beliefs = [first]
        for one, other in zip(a, c, strict=True):
            seen = torch.cat([beliefs[-1], features], 1)
            kernel = torch.cat([one, other], 1)
            beliefs.append(F.conv2d(seen, kernel, padding=kernel.shape[-1] // 2))
        return torch.stack(beliefs)

    assert check("cpm.stages", answer)


def test_the_loss_by_the_package():
    def answer(beliefs, target, visibility):
        weight = (visibility > 0).float()[..., None, None]
        return sum(masked_mse(stage, target, weight) for stage in beliefs)

    assert check("cpm.loss", answer)


def test_the_gradient_by_hand():
    def answer(w, x, target):
        belief, way, total = w[0] * x, x, 2 * ((w[0] * x - target) * x).sum()
        for weight in w[1:]:
            belief, way = weight * belief + x, weight * way
            total = total + 2 * ((belief - target) * way).sum()
        return total

    assert check("cpm.gradient", answer)


def test_two_mistakes_at_once_get_no_diagnosis_of_one():
    """Beliefs detached and the factor 2 missing: neither alone explains all cases."""

    def answer(w, x, target):
        return ((w[0] * x - target) * x).sum()

    result = check("cpm.gradient", answer)
    assert result.status == "wrong"
    assert result.diagnosis not in gradient.bank


def test_stages_by_walking_until_the_window_is_wide_enough():
    def answer(first, stride, kernels, person):
        stages, window = 1, first
        while window < person:
            for k in kernels:
                window += (k - 1) * stride
            stages += 1
        return stages

    assert check("cpm.enough", answer)


def test_stages_without_a_floor_are_told_apart():
    def answer(first, stride, kernels, person):
        grows = stride * sum(k - 1 for k in kernels)
        return 1 + -(-(person - first) // grows)

    result = check("cpm.enough", answer)
    assert result.status == "wrong"
    assert "much smaller" in result.message


def test_the_cost_as_the_scoreboard_counts_it():
    def answer(layers, size):
        return sum(
            count_macs(nn.Conv2d(i, o, k, padding=k // 2), torch.zeros(1, i, *size))
            for i, o, k in layers
        )

    assert check("cpm.cost", answer)
