"""What one output cell sees of the input: by arithmetic, and by gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs.base import stages_of
from poselab.errors import require

_LAYERS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


def receptive_field(
    layers: Iterable[tuple[int, int]], size: int = 1, step: int = 1
) -> tuple[int, int]:
    """(r, j) after layers of (kernel k, stride s), starting from `size` and `step`.

    r is the side in input pixels of what a cell sees, j how far apart the fields of
    neighbouring cells are. A layer adds k - 1 steps of the layer *before* it, and only
    then multiplies the step by its own stride.
    """
    for kernel, stride in layers:
        require(
            kernel >= 1 and stride >= 1,
            "kernels and strides count from 1",
            where="layers",
            value=(kernel, stride),
        )
        size, step = size + (kernel - 1) * step, step * stride
    return size, step


def kernels(chain: nn.Module) -> list[tuple[int, int]]:
    """(k, s) of the convolutions and poolings of a chain of layers, in their order."""
    found = []
    for layer in chain.modules():
        if isinstance(layer, _LAYERS):
            spread = _pair(getattr(layer, "dilation", 1))
            side = (_pair(layer.kernel_size) - 1) * spread + 1
            found.append((side, _pair(layer.stride)))
    return found


def _pair(value: int | tuple[int, int]) -> int:
    return value if isinstance(value, int) else value[0]


def transparent(net: nn.Module) -> nn.Module:
    """A copy through which every path counts alike, in float64 and eval mode.

    Convolutions average, biases are 0, normalisations do nothing, and max pooling,
    whose gradient takes one of the ways only, becomes average pooling. So no gradient
    vanishes by accident.
    """
    net = copy.deepcopy(net).double().eval()
    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.MaxPool2d):
                setattr(parent, name, _averaging(layer))
            elif isinstance(layer, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
            elif isinstance(layer, nn.Conv2d):
                nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
    return net


def _averaging(pool: nn.MaxPool2d) -> nn.AvgPool2d:
    return nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode)


def cell_gradient(
    net: Callable[[Tensor], Any],
    images: Tensor,
    stage: int = -1,
    *,
    channel: int | None = None,
    cell: tuple[int, int] | None = None,
) -> Tensor:
    """How much each pixel moves one output cell: |gradient|, summed over colours.

    images [B, 3, H, W] -> [B, H, W]. Of a staged network the output of `stage`; of all
    channels together, or of one; at `cell` (row, column), by default the middle.
    """
    images = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        maps = stages_of(net(images))[stage]
        row, column = cell or (maps.shape[-2] // 2, maps.shape[-1] // 2)
        values = maps[:, :, row, column]  # [B, C]
        value = values.sum() if channel is None else values[:, channel].sum()
        (gradient,) = torch.autograd.grad(value, images)
    return gradient.abs().sum(1)


def measured_field(
    net: nn.Module, size: tuple[int, int], stage: int = -1
) -> tuple[int, int]:
    """(height, width) in px of the pixels that can move the middle cell of the output.

    `size` (H, W) has to be larger than the answer, or the image's border cuts it.
    Measured on a `transparent` copy, so this is the largest field that any weights can
    have; `cell_gradient` of the network itself shows what its weights use of it.
    """
    image = torch.full((1, 3, *size), 0.5, dtype=torch.float64)
    seen = cell_gradient(transparent(net), image, stage)[0] > 0
    rows, columns = seen.any(1).nonzero()[:, 0], seen.any(0).nonzero()[:, 0]
    return int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1


def effective_side(gradient: Tensor, cell: Tensor, share: float = 0.9) -> float:
    """Side in px of the square around `cell` [2] (x, y) px that holds `share` of it.

    gradient [H, W] from `cell_gradient` (Luo et al., "Understanding the Effective
    Receptive Field", NIPS 2016, 1701.04128, measure it in the same way).
    """
    rows, columns = (torch.arange(n, device=gradient.device) for n in gradient.shape)
    far = torch.maximum((rows[:, None] - cell[1]).abs(), (columns - cell[0]).abs())
    far, order = far.flatten().sort()
    held = gradient.flatten()[order].cumsum(0)
    index = int((held < share * held[-1]).sum())
    return float(2 * far[min(index, len(far) - 1)]) + 1
