"""Networks for clips made from networks for images, by inflating their weights.

Carreira & Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017 (1705.07750), section
2.4; Girdhar et al., "Detect-and-Track: Efficient Pose Estimation in Videos", CVPR 2018
(1712.09184), section 3.1. A k x k kernel becomes t x k x k: copied into each time slice
and divided by t ("mean"), or into the middle slice with zeros around it ("centre").
On a clip of equal frames the inflated network answers what the network for images does,
away from the first and last frames where padding with zeros reaches ("mean"), or
everywhere ("centre").
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from poselab.errors import require

MODES = ("centre", "mean")


def inflate_kernel(weight: Tensor, time: int, mode: str = "centre") -> Tensor:
    """Kernels [O, I, k, k] -> [O, I, time, k, k]."""
    require(
        mode in MODES,
        "unknown way to inflate",
        where="mode",
        value=mode,
        fix=f"Known: {', '.join(MODES)}.",
    )
    require(
        time >= 1 and time % 2 == 1,
        "a middle needs an odd number of slices",
        where="time",
        value=time,
    )
    if mode == "mean":
        return weight[:, :, None].repeat(1, 1, time, 1, 1) / time
    wide = weight.new_zeros(*weight.shape[:2], time, *weight.shape[2:])
    wide[:, :, time // 2] = weight
    return wide


def _in_time(value: int | tuple[int, ...], own: int) -> tuple[int, ...]:
    """(2D argument) -> (3D argument) with `own` for the time."""
    pair = value if isinstance(value, tuple) else (value, value)
    return (own, *pair)


def _convolution(layer: nn.Conv2d, time: int, mode: str) -> nn.Conv3d:
    time = time if max(layer.kernel_size) > 1 else 1  # 1x1 stays within its frame
    new = nn.Conv3d(
        layer.in_channels,
        layer.out_channels,
        _in_time(layer.kernel_size, time),
        _in_time(layer.stride, 1),
        _in_time(layer.padding, time // 2),
        _in_time(layer.dilation, 1),
        layer.groups,
        layer.bias is not None,
        layer.padding_mode,
    )
    new.weight.data = inflate_kernel(layer.weight.data, time, mode)
    if layer.bias is not None:
        new.bias.data = layer.bias.data.clone()
    return new


def _transposed(layer: nn.ConvTranspose2d) -> nn.ConvTranspose3d:
    """Upsampling in space only; each frame by itself."""
    new = nn.ConvTranspose3d(
        layer.in_channels,
        layer.out_channels,
        _in_time(layer.kernel_size, 1),
        _in_time(layer.stride, 1),
        _in_time(layer.padding, 0),
        _in_time(layer.output_padding, 0),
        layer.groups,
        layer.bias is not None,
    )
    new.weight.data = layer.weight.data[:, :, None].clone()
    if layer.bias is not None:
        new.bias.data = layer.bias.data.clone()
    return new


def _norm(layer: nn.BatchNorm2d) -> nn.BatchNorm3d:
    new = nn.BatchNorm3d(layer.num_features, layer.eps, layer.momentum, layer.affine)
    new.load_state_dict(layer.state_dict())
    return new


def _pool(layer: nn.MaxPool2d) -> nn.MaxPool3d:
    return nn.MaxPool3d(
        _in_time(layer.kernel_size, 1),
        _in_time(layer.stride, 1),
        _in_time(layer.padding, 0),
    )


def inflate(net: nn.Module, time: int = 3, mode: str = "centre") -> nn.Module:
    """A copy of `net` for clips [B, C, T, H, W] instead of images [B, C, H, W].

    Kernels larger than 1x1 see `time` frames (an odd number); pooling and upsampling
    stay within a frame. `net` may hold convolutions (transposed ones too), batch
    normalisation, max pooling and whatever works on any number of dimensions.
    """
    net = copy.deepcopy(net)
    for parent in list(net.modules()):
        for name, layer in list(parent.named_children()):
            new = _inflated(layer, time, mode)
            if new is not None:
                setattr(parent, name, new.train(layer.training))
    return net


def _inflated(layer: nn.Module, time: int, mode: str) -> nn.Module | None:
    """The layer for clips, or None where it stays."""
    if isinstance(layer, nn.Conv2d):
        return _convolution(layer, time, mode)
    if isinstance(layer, nn.ConvTranspose2d):
        return _transposed(layer)
    if isinstance(layer, nn.BatchNorm2d):
        return _norm(layer)
    if isinstance(layer, nn.MaxPool2d):
        return _pool(layer)
    return None


@torch.no_grad()
def still_clip(image: Tensor, frames: int) -> Tensor:
    """Images [B, C, H, W] -> clips [B, C, T, H, W] in which nothing moves."""
    return image[:, :, None].expand(-1, -1, frames, -1, -1)
