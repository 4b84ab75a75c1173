"""What a network costs: multiply-accumulates, parameters, milliseconds."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn


def parameters(*nets: nn.Module) -> int:
    """How many numbers the networks learn, together."""
    return sum(p.numel() for net in nets for p in net.parameters())


@torch.no_grad()
def count_macs(net: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of the convolutions and linear layers of one call."""
    total = 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        # A transposed convolution spreads each input value, the others gather.
        spreads = isinstance(layer, (nn.ConvTranspose2d, nn.ConvTranspose3d))
        values = given[0] if spreads else output
        total += values.numel() * layer.weight[0].numel()

    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d, nn.ConvTranspose3d, nn.Linear)
    hooks = [
        m.register_forward_hook(count) for m in net.modules() if isinstance(m, kinds)
    ]
    try:
        net(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total


@torch.no_grad()
def milliseconds(net: nn.Module, *inputs: Tensor, repeats: int = 25) -> float:
    """The fastest of `repeats` calls: whatever else runs only makes them slower."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        net(*inputs)
        if inputs[0].is_cuda:
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)
