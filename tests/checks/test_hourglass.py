"""Answers to notebook 06's exercises as learners write them."""

import torch
import torch.nn.functional as F

from poselab.checks import check
from poselab.codecs import masked_mse, target_weight
from poselab.models.hourglass import StackedHourglass


def test_the_way_up_in_three_spellings():
    def by_interpolate(branch, low):
        return branch + F.interpolate(low, scale_factor=2)

    def by_size(branch, low):
        return F.interpolate(low, size=branch.shape[-2:], mode="nearest") + branch

    def by_kron(branch, low):
        return branch + torch.kron(low, torch.ones(1, 1, 2, 2))

    for answer in (by_interpolate, by_size, by_kron):
        assert check("hourglass.up", answer)


def test_adding_in_place_is_told():
    def answer(branch, low):
        return branch.add_(F.interpolate(low, scale_factor=2))

    result = check("hourglass.up", answer)
    assert result.diagnosis == "mutates"


def test_sizes_by_a_loop():
    def answer(cells, depth):
        found = [cells]
        for _ in range(depth):
            if cells % 2:
                return []
            cells //= 2
            found.append(cells)
        return found

    assert check("hourglass.sizes", answer)


def test_a_join_by_einsum():
    def answer(x, features, maps, of_features, of_maps):
        x = x + torch.einsum("ck,bkhw->bchw", of_features, features)
        return x + torch.einsum("ck,bkhw->bchw", of_maps, maps)

    assert check("hourglass.join", answer)


def test_a_join_is_the_packages():
    def answer(x, features, maps, of_features, of_maps):
        joints, width = maps.shape[1], x.shape[1]
        net = StackedHourglass(joints, 2, width, 1, stem=(4, 4)).eval()
        for merge, weight in (
            (net.merge_features, of_features),
            (net.merge_preds, of_maps),
        ):
            merge[0].conv.conv.weight.data = weight[:, :, None, None]
            merge[0].conv.conv.bias.data.zero_()
        with torch.no_grad():
            return net.join(0, x, features, maps)

    assert check("hourglass.join", answer)


def test_the_loss_is_the_packages():
    def answer(stacks, target, visibility):
        weight = target_weight(visibility[:, None])  # [B, J, 1, 1]
        return sum(masked_mse(out, target, weight) for out in stacks)

    assert check("hourglass.loss", answer)
