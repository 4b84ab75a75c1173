"""Random textures that have the statistics of photographs, drawn and not downloaded.

Objects that cover each other, at all sizes, give edges and areas as natural pictures
have them: the dead leaves model (Lee, Mumford & Huang, "Occlusion Models for Natural
Images", IJCV 41, 2001). Added noise of all scales, whose strength falls with frequency
as 1/f, gives what lies within the areas.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LEAVES = 90  # objects of a picture; most are covered by those in front


def _uniform(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)


def smooth_noise(
    count: int, size: tuple[int, int], generator: torch.Generator, octaves: int = 6
) -> Tensor:
    """Noise of all scales, [count, 3, H, W], mean 0, standard deviation about 1.

    Each octave has half the cells of the finer one before and twice its strength.
    """
    height, width = size
    total = torch.zeros(count, 3, height, width, device=generator.device)
    for octave in range(octaves):
        rows, columns = (max(2, n >> octave) for n in size)
        grid = torch.randn(
            count, 3, rows, columns, generator=generator, device=generator.device
        )
        grey = grid.mean(1, keepdim=True) * 3**0.5
        grid = 0.8 * grey + 0.6 * grid  # more light than colour changes
        total += 2.0**octave * F.interpolate(grid, size, mode="bilinear")
    flat = total.flatten(1)
    return total / flat.std(1)[:, None, None, None].clamp(min=1e-6)


def _leaf(grid: tuple[Tensor, Tensor], generator: torch.Generator, count: int):
    """One object for each picture: where it is [count, H, W], and its own coordinate.

    Ellipses, rectangles and half-planes, turned at random; sizes fall as a power law.
    """
    y, x = grid
    draw = _uniform(generator, count, 8)[..., None, None].unbind(1)
    angle = torch.pi * draw[0]
    size = 0.025 * (0.02 + 0.98 * draw[1]) ** -1.1  # most are small
    aspect = 0.25 + 0.75 * draw[2]
    dx, dy = x - 1.4 * draw[3] + 0.2, y - 1.2 * draw[4] + 0.1
    u = (angle.cos() * dx + angle.sin() * dy) / size
    v = (angle.cos() * dy - angle.sin() * dx) / (size * aspect)
    box = torch.maximum(u.abs(), v.abs())
    ellipse = (u.square() + v.square()).sqrt()
    return torch.where(draw[5] < 0.5, box, ellipse) < 1, u + v * (draw[6] - 0.5)


def dead_leaves(
    count: int, size: tuple[int, int], generator: torch.Generator, leaves: int = LEAVES
) -> Tensor:
    """Pictures [count, 3, H, W] in [0, 1] of `leaves` objects that cover each other."""
    height, width = size
    rows = torch.arange(height, device=generator.device) / height
    columns = torch.arange(width, device=generator.device) / width
    grid = torch.meshgrid(rows, columns, indexing="ij")
    base = _uniform(generator, count, 3, 1, 1)
    picture = base.expand(count, 3, height, width).clone()
    for _ in range(leaves):
        inside, along = _leaf(grid, generator, count)
        colour = _colours(count, generator)[..., None, None]  # [count, 3, 1, 1]
        shade = 1 + 0.5 * (_uniform(generator, count, 1, 1) - 0.5) * along
        stripes = _uniform(generator, count, 1, 1)
        wave = (along * (2 + 30 * stripes)).sin().sign()
        shade = shade + 0.25 * wave * (stripes < 0.25)
        picture = torch.where(inside[:, None], colour * shade[:, None], picture)
    return picture.clamp(0, 1)


def _colours(count: int, generator: torch.Generator) -> Tensor:
    """Colours [count, 3] as things have them: often greyish, seldom bright."""
    grey = _uniform(generator, count, 1)
    tint = _uniform(generator, count, 3) - 0.5
    strength = _uniform(generator, count, 1) ** 2
    return (grey + strength * tint).clamp(0, 1)


def textures(
    count: int, size: tuple[int, int], generator: torch.Generator, leaves: int = LEAVES
) -> Tensor:
    """Random pictures [count, 3, H, W] in [0, 1] without a person: leaves and noise."""
    objects = dead_leaves(count, size, generator, leaves)
    noise = smooth_noise(count, size, generator)
    part = _uniform(generator, count, 1, 1, 1)
    amount = 0.02 + 0.2 * part**2
    mixed = objects + amount * noise
    only = 0.5 + 0.2 * noise + 0.3 * (_uniform(generator, count, 3, 1, 1) - 0.5)
    pure = _uniform(generator, count, 1, 1, 1) < 0.15
    return torch.where(pure, only, mixed).clamp(0, 1)
