"""Answers to notebook 08's exercises as learners write them: CPN."""

import torch
import torch.nn.functional as F

from poselab.checks import check


def test_the_hardest_person_by_person():
    def answer(losses, visibility, hard):
        total, count = torch.tensor(0.0), 0
        for loss, flags in zip(losses, visibility, strict=True):
            worst = loss[flags > 0].sort(descending=True).values[:hard]
            total, count = total + worst.sum(), count + len(worst)
        return total / max(1, count)

    def numbers(losses, visibility, hard):
        return answer(losses, visibility, hard).item()

    assert check("cpn.hard_loss", answer)
    assert check("cpn.hard_loss", numbers).diagnosis == "no gradient"


def test_the_hardest_by_sorting():
    def answer(losses, visibility, hard):
        known = losses.masked_fill(visibility == 0, float("-inf"))
        worst = known.sort(dim=1, descending=True).values[:, :hard]
        worst = worst[worst > float("-inf")]
        return worst.sum() / max(1, len(worst))

    assert check("cpn.hard_loss", answer)


def test_a_step_by_upsample():
    def answer(coarse, fine):
        return fine + torch.nn.UpsamplingBilinear2d(scale_factor=2)(coarse)

    assert check("cpn.pyramid_step", answer)


def test_a_step_by_grid_sample():
    def answer(coarse, fine):
        h, w = fine.shape[-2:]
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij"
        )
        grid = torch.stack([x, y], -1).expand(len(coarse), h, w, 2)
        return fine + F.grid_sample(coarse, grid, align_corners=True)

    assert check("cpn.pyramid_step", answer)


def test_the_price_with_branches():
    def answer(kernel, inputs, outputs, size_in, size_out, transposed):
        weights = kernel * kernel * inputs * outputs
        if transposed:
            return weights * size_in[0] * size_in[1]
        return weights * size_out[0] * size_out[1]

    assert check("cpn.macs", answer)
