"""Maps as large as the image, by cubic splines; worked out only where they are needed.

Everything here is linear and separable: enlarging, cutting and blurring a map [h, w]
are two matrices, `down @ map @ across.T`. They are 0 but for a band, and only the band
is multiplied.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

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


@lru_cache(maxsize=64)
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
        self.maps, self.down, self.across = maps, down, across
        self.shape = (len(maps), len(down), len(across))

    @cached_property
    def rows(self) -> Tensor:
        """Enlarged in one direction: [C, H, w]."""
        down = self.down.to(self.maps)
        rows = self.maps.new_empty(*self.shape[:2], self.maps.shape[2])
        for part, band in _bands(down):
            rows[:, part] = down[part, band] @ self.maps[:, band]
        return rows

    def whole(self) -> Tensor:
        """All of it: [C, H, W]."""
        across, rows = self.across.to(self.maps), self.rows.flatten(0, 1)
        large = rows.new_empty(len(rows), len(across))
        for part, band in _bands(across):
            large[:, part] = rows[:, band] @ across[part, band].T
        return large.view(self.shape)

    def blurred(self, sigma: float) -> Tensor:
        """All of it under a Gaussian of `sigma` px: [C, H, W]."""
        if not sigma:
            return self.whole()
        both = (gaussian_matrix(len(m), sigma) @ m for m in (self.down, self.across))
        return Enlarged(self.maps, *both).whole()

    def channels(self, index) -> Enlarged:
        """Only some of the maps."""
        part = Enlarged(self.maps[index], self.down, self.across)
        if "rows" in self.__dict__:  # they need not be worked out again
            part.rows = self.rows[index]
        return part

    def at(self, places: np.ndarray) -> np.ndarray:
        """The maps at pixels [..., 2] (x, y): [C, ...]."""
        x, y = places[..., 0], places[..., 1]
        if x.size > self.shape[1] * self.shape[2] // 16:  # then all is less work
            return self.whole().numpy()[:, y, x]
        channel = np.arange(self.shape[0]).reshape(-1, *[1] * x.ndim)
        return self.each(channel, x, y)

    def each(self, channel: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """One map at each pixel: `channel`, x and y of any shapes that fit together."""
        _, height, width = self.rows.shape
        flat, (first, weights) = self.rows.numpy().reshape(-1), self._taps
        cell = (channel * height + y) * width + first[x]
        total = flat[cell] * weights[0][x]
        for step in range(1, len(weights)):
            total += flat[cell + step] * weights[step][x]
        return total

    @cached_property
    def _taps(self) -> tuple[np.ndarray, np.ndarray]:
        """For each column the first cell that it is made of [W], and weights [n, W]."""
        across = self.across.to(self.maps).numpy()
        used = across != 0
        first, last = used.argmax(1), across.shape[1] - used[:, ::-1].argmax(1)
        most = int((last - first).max())
        first = np.minimum(first, across.shape[1] - most)
        cells = first[:, None] + np.arange(most)
        return first, np.take_along_axis(across, cells, 1).T.copy()


def _bands(matrix: Tensor, size: int = 32) -> list[tuple[slice, slice]]:
    """`size` rows at a time, and the columns outside of which these are 0."""
    found, used = [], matrix.numpy() != 0
    for start in range(0, len(used), size):
        columns = np.flatnonzero(used[start : start + size].any(0))
        ends = (columns[0], columns[-1] + 1) if len(columns) else (0, 0)
        found.append((slice(start, start + size), slice(*map(int, ends))))
    return found
