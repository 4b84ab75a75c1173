"""Answers to notebook 06's exercises as learners write them."""

import torch

from poselab.checks import check
from poselab.codecs import masked_mse, target_weight
from poselab.evaluate import count_macs
from poselab.models.hourglass import Hourglass, StackedHourglass


def test_the_price_by_a_loop_over_the_levels():
    def answer(height, width, channels, depth):
        module, total = 13 * channels**2 // 4, 0
        for level in range(depth):
            total += module * (height >> level) * (width >> level)
            total += 2 * module * (height >> level + 1) * (width >> level + 1)
        return total + module * (height >> depth) * (width >> depth)

    assert check("hourglass.price", answer)


def test_the_price_is_what_the_package_counts():
    def answer(height, width, channels, depth):
        with torch.device("meta"):
            net = Hourglass(depth, channels).eval()
            return count_macs(net, torch.zeros(1, channels, height, width))

    assert check("hourglass.price", answer)


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
