"""The flip test: each image and its mirror image go through a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from poselab.codecs.base import Codec, Inputs


@torch.no_grad()
def flip_test(net: nn.Module, inputs: Inputs, codec: Codec) -> Any:
    """The output for the inputs, merged with that for their mirror images.

    inputs: a tuple, as from `codec.encode`, such as (images [B, 3, H, W],). Of a staged
    network the last stage. What comes back is for `codec.decode`. Raises
    `ArgumentError` for a codec that cannot be mirrored.
    """
    plain = codec.stages(net(*inputs))[-1]
    turned = codec.stages(net(*codec.mirror_inputs(inputs)))[-1]
    return codec.merge(plain, codec.mirror(turned))
