"""Answers to notebook 08's exercises as learners write them: CPN."""

import torch

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


def test_the_authors_loss_level_by_level():
    def answer(levels, refined, targets, visibility, hard):
        total = 0.0
        for level, target in zip(levels, targets, strict=True):
            goal = target.clone()
            goal[visibility < 2] = 0.0
            total = total + ((level - goal) ** 2).mean() / len(levels) / 2
        for k, flags in enumerate(visibility):
            each = ((refined[k] - targets[-1, k]) ** 2).mean((1, 2)) * (flags > 0)
            worst = each.sort(descending=True).values[:hard]
            total = total + worst.sum() / hard / len(visibility)
        return total

    def numbers(*given):
        return answer(*given).item()

    assert check("cpn.authors", answer)
    assert check("cpn.authors", numbers).diagnosis == "no gradient"


def test_the_price_with_branches():
    def answer(kernel, inputs, outputs, size_in, size_out, transposed):
        weights = kernel * kernel * inputs * outputs
        if transposed:
            return weights * size_in[0] * size_in[1]
        return weights * size_out[0] * size_out[1]

    assert check("cpn.macs", answer)
