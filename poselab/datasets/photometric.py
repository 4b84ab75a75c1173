"""What a camera does to a picture, at random: light, colour, blur, noise, JPEG.

All functions take stacked pictures [B, 3, H, W] in [0, 1] and a generator, and return
pictures of the same kind; the truth about the people stays as it is.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # the weights of red, green and blue in brightness


def _draw(images: Tensor, generator: torch.Generator, *shape: int) -> Tensor:
    """Uniform numbers in [0, 1) for each picture, [B, *shape, 1, 1]."""
    values = torch.rand(
        len(images), *shape, generator=generator, device=generator.device
    )
    return values.to(images)[..., None, None]


def colours(images: Tensor, generator: torch.Generator, strength: float = 1.0):
    """Brightness, contrast, gamma, saturation and white balance; some become grey."""
    change = 2 * _draw(images, generator, 8) - 1  # [B, 8, 1, 1]
    change = strength * change
    gamma = (0.6 * change[:, :1]).exp()
    images = images.clamp(min=1e-4) ** gamma
    grey = (images * images.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    images = grey + (images - grey) * (1 + 0.7 * change[:, 1:2])
    middle = images.mean((1, 2, 3), keepdim=True)
    images = middle + (images - middle) * (0.45 * change[:, 2:3]).exp()
    images = images * (1 + 0.15 * change[:, 3:6]) + 0.15 * change[:, 6:7]
    images = torch.where(change[:, 7:] > 0.9 * strength, grey, images)
    return images.clamp(0, 1)


def blur(images: Tensor, generator: torch.Generator, most: float = 1.6) -> Tensor:
    """Half of the pictures are blurred, by a Gaussian of up to `most` px.

    The two axes have their own widths, so some look moved.
    """
    sigma = most * _draw(images, generator, 2)  # [B, 2, 1, 1]
    chosen = _draw(images, generator, 1) < 0.5
    reach = math.ceil(2 * most)
    offsets = torch.arange(-reach, reach + 1, device=images.device).to(images)
    weight = (-(offsets**2) / (2 * sigma[..., 0].clamp(min=0.05) ** 2)).exp()
    weight = weight / weight.sum(-1, keepdim=True)  # [B, 2, taps]
    flat = images.flatten(0, 1)[None]  # [1, B 3, H, W]
    for axis in (0, 1):
        taps = weight[:, axis].repeat_interleave(3, 0)  # [B 3, taps]
        kernel = taps[:, None, :, None] if axis == 0 else taps[:, None, None, :]
        pad = (0, 0, reach, reach) if axis == 0 else (reach, reach, 0, 0)
        flat = F.conv2d(F.pad(flat, pad, "replicate"), kernel, groups=len(taps))
    return torch.where(chosen, flat[0].view_as(images), images).clamp(0, 1)


def coarse(images: Tensor, generator: torch.Generator) -> Tensor:
    """A third of the pictures lose resolution: shrunk by 2 or 3 and grown again."""
    chosen = _draw(images, generator, 1)
    for factor, low, high in ((2, 0.0, 0.2), (3, 0.2, 0.32)):
        small = F.interpolate(images, scale_factor=1 / factor, mode="area")
        grown = F.interpolate(small, images.shape[-2:], mode="bilinear")
        images = torch.where((chosen >= low) & (chosen < high), grown, images)
    return images


def noise(images: Tensor, generator: torch.Generator, most: float = 0.08) -> Tensor:
    """Gaussian noise of up to `most`, more seldom strong than weak."""
    amount = most * _draw(images, generator, 1) ** 2
    draws = torch.randn(images.shape, generator=generator, device=generator.device)
    return (images + amount * draws.to(images)).clamp(0, 1)


def _cosines(device: torch.device) -> Tensor:
    """The 8 basis functions of JPEG's transform, [frequency, place]."""
    place = torch.arange(8, device=device)
    table = torch.cos((2 * place[None] + 1) * place[:, None] * torch.pi / 16) / 2
    table[0] /= 2**0.5
    return table


def jpeg(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the pictures lose what JPEG loses: coefficients of 8x8 blocks, rounded.

    All channels alike, with steps that grow with the frequency.
    """
    height, width = images.shape[-2:]
    pad = (0, -width % 8, 0, -height % 8)
    blocks = F.pad(images, pad, "replicate").unfold(2, 8, 8).unfold(3, 8, 8)
    table = _cosines(images.device).to(images)
    found = table @ blocks @ table.T  # [B, 3, rows, columns, 8, 8]
    frequency = torch.arange(8, device=images.device).to(images)
    steps = 1 + frequency[:, None] + frequency
    amount = 0.06 * _draw(images, generator, 1)[..., None, None] ** 2
    chosen = _draw(images, generator, 1)[..., None, None] < 0.5
    step = (amount * steps).clamp(min=1e-4)
    found = torch.where(chosen, (found / step).round() * step, found)
    pixels = (table.T @ found @ table).movedim(4, 3)  # rows next to their pixels
    whole = pixels.reshape(*images.shape[:2], height + pad[3], width + pad[1])
    return whole[..., :height, :width].clamp(0, 1)


def erase(
    images: Tensor, patches: Tensor, generator: torch.Generator, chance: float = 0.5
) -> Tensor:
    """Put a piece of another picture in front: rectangles and ellipses.

    patches [B, 3, H, W] are what the pieces are cut from; a piece covers up to about
    a sixth of a picture, with `chance`.
    """
    draw = _draw(images, generator, 6)  # [B, 6, 1, 1]
    rows, columns = (
        (torch.arange(n, device=images.device) + 0.5).to(images) / n
        for n in images.shape[-2:]
    )
    half = 0.04 + 0.2 * draw[:, :2]
    u = (columns - draw[:, 2]).abs()[:, :, :] / half[:, 0]
    v = (rows[:, None] - draw[:, 3]).abs() / half[:, 1]
    ellipse = (u.square() + v.square()).sqrt() < 1
    box = torch.maximum(u, v) < 1
    inside = torch.where(draw[:, 4] < 0.5, box, ellipse) & (draw[:, 5] < chance)
    return torch.where(inside[:, None], patches, images)


def as_taken(images: Tensor, generator: torch.Generator) -> Tensor:
    """Everything that a camera may do, in the order in which it does it."""
    for change in (coarse, blur, colours, noise, jpeg):
        images = change(images, generator)
    return images
