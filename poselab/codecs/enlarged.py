"""Maps as large as the image, by cubic splines; worked out only where they are needed.

Everything here is linear and separable: enlarging, cutting and blurring a map [h, w]
are two matrices, `down @ map @ across.T`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@lru_cache(maxsize=64)
def cubic_matrix(outputs: int, inputs: int) -> Tensor:
    """[outputs, inputs]: enlarges a line by cubic splines (a = -0.75), edges repeated.

    Cells are areas: their outer borders stay where they are.
    """
    eye = torch.eye(inputs, dtype=torch.float64)[None, None]
    if inputs == outputs:
        return eye[0, 0]
    size = (outputs, inputs)
    return F.interpolate(eye, size, mode="bicubic", align_corners=False)[0, 0]


@lru_cache(maxsize=64)
def gaussian_matrix(length: int, sigma: float) -> Tensor:
    """[length, length]: blurs a line, mirrored beyond its ends, as far as 4 sigma."""
    if not sigma:
        return torch.eye(length, dtype=torch.float64)
    reach = int(4 * sigma + 0.5)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-steps.square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    places = torch.arange(length)[:, None] + torch.arange(-reach, reach + 1)
    places = places % (2 * length)  # ... c b a | a b c | c b a ...
    places = torch.where(places < length, places, 2 * length - 1 - places)
    matrix = torch.zeros(length, length, dtype=torch.float64)
    return matrix.scatter_add_(1, places, kernel.expand(length, -1))


def enlarging(
    cells: tuple[int, int], stride: int, scaled: tuple[int, int], size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Matrices (down, across) so that `down @ map @ across.T` has the image's size.

    Maps of `cells` (h, w) are enlarged `stride` times, what lies beyond the `scaled`
    (H', W') image is cut off, and the rest is brought to the image's `size` (H, W).
    """
    both = []
    for n, cut, full in zip(cells, scaled, size, strict=True):
        grown = cubic_matrix(n * stride, n)[:cut]
        both.append(cubic_matrix(full, len(grown)) @ grown)
    return both[0], both[1]


class Enlarged:
    """Maps [C, h, w] as large as the image, worked out only where they are asked for.

    `down` [H, h] and `across` [W, w] as from `enlarging`; `shape` is (C, H, W).
    """

    def __init__(self, maps: Tensor, down: Tensor, across: Tensor) -> None:
        self.rows = down.to(maps) @ maps  # [C, H, w]
        self.across = across.to(maps)
        self.shape = (*self.rows.shape[:2], len(across))

    def whole(self) -> Tensor:
        """All of it: [C, H, W]."""
        return self.rows @ self.across.T

    def channels(self, index) -> Enlarged:
        """Only some of the maps."""
        part = object.__new__(Enlarged)
        part.rows, part.across = self.rows[index], self.across
        part.shape = (len(part.rows), *self.shape[1:])
        return part

    def at(self, places: np.ndarray) -> np.ndarray:
        """The maps at pixels [..., 2] (x, y): [C, ...]."""
        x, y = places[..., 0], places[..., 1]
        if x.size > self.shape[1] * self.shape[2] // 16:  # then all is less work
            return self.whole().numpy()[:, y, x]
        return (self.rows[:, y] * self.across[x]).sum(-1).numpy()
