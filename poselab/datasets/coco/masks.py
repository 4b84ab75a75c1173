"""Masks as COCO writes them, read: polygons and run lengths.

Run lengths count pixels column by column (Fortran order), first those outside the mask,
then those inside, and so on in turn. A compressed string holds each count as groups of
five bits, lowest first, in characters from "0" on, where the sixth bit says that more
follow; from the fourth count on, the difference to the count two before is held.
(cocodataset/cocoapi, `maskApi`; pycocotools writes them, we read them ourselves, since
its C code trusts its input.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from poselab.datasets.json_file import finite_numbers


def decode(segmentation: list | dict, size: tuple[int, int]) -> Tensor:
    """Polygons or run lengths (both kinds) as a mask of (H, W); [H, W] bool.

    Raises `ValueError` with the reason where they are broken.
    """
    if isinstance(segmentation, dict):
        return _from_runs(run_lengths(segmentation, size), size)
    shapes = polygons(segmentation, size)
    if not shapes:
        return torch.zeros(size, dtype=torch.bool)
    code = coco_mask.merge(coco_mask.frPyObjects(shapes, *size))
    return _from_runs(_uncompress(code["counts"].decode("ascii")), size)


def has_pixels(segmentation: list | dict, size: tuple[int, int]) -> bool:
    """Whether polygons or run lengths cover anything of an image of (H, W).

    Raises `ValueError` with the reason where they are broken. Slivers between pixel
    centres, which only `decode` can tell, count as covering.
    """
    if isinstance(segmentation, dict):
        return sum(run_lengths(segmentation, size)[1::2]) > 0
    return any(_covers(shape, size) for shape in polygons(segmentation, size))


def extent(segmentation: list | dict, size: tuple[int, int]) -> np.ndarray:
    """The box [4] xywh px around a mask that `has_pixels`; columns alone of runs that
    go on in the next column."""
    if isinstance(segmentation, list):
        shapes = polygons(segmentation, size)
        corners = np.concatenate([np.array(s).reshape(-1, 2) for s in shapes])
        return np.concatenate([corners.min(0), np.ptp(corners, axis=0)])
    ends = np.cumsum(run_lengths(segmentation, size))
    first, last = ends[:-1:2], ends[1::2] - 1  # pixels, column by column
    first, last = first[last >= first], last[last >= first]
    whole = (first // size[0] != last // size[0]).any()
    top, bottom = (0, size[0]) if whole else ((first % size[0]).min(), 0)
    bottom = bottom or (last % size[0]).max() + 1
    left, right = first[0] // size[0], last[-1] // size[0] + 1
    return np.array([left, top, right - left, bottom - top], dtype=float)


def _covers(corners: list[float], size: tuple[int, int]) -> bool:
    """Whether a polygon has an area and reaches into the image."""
    x, y = np.array(corners).reshape(-1, 2).T
    twice = abs(float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()))
    meets = x.max() > 0 and y.max() > 0 and x.min() < size[1] and y.min() < size[0]
    return twice > 1e-6 and meets


def _from_runs(counts: list[int], size: tuple[int, int]) -> Tensor:
    inside = np.arange(len(counts)) % 2 == 1
    flat = np.repeat(inside, counts)
    return torch.from_numpy(flat.reshape(size[1], size[0]).T.copy())


def run_lengths(code: dict, size: tuple[int, int]) -> list[int]:
    """The counts of either kind of run lengths; `ValueError` where they are broken."""
    if code.get("size") != list(size):
        raise ValueError(f"'size' must be {list(size)} as the image, [height, width]")
    counts = code.get("counts")
    if isinstance(counts, str):
        counts = _uncompress(counts)
    if not isinstance(counts, list) or not all(type(c) is int for c in counts):
        raise ValueError("'counts' must be a string or a list of whole numbers")
    if any(c < 0 for c in counts):
        raise ValueError("'counts' holds a run of negative length")
    if sum(counts) != size[0] * size[1]:
        raise ValueError(
            f"'counts' covers {min(sum(counts), 10**12)} of {size[0] * size[1]} pixels"
        )
    return counts


def _uncompress(text: str) -> list[int]:
    counts: list[int] = []
    value = bits = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64 or bits > 60:
            raise ValueError("'counts' is not a compressed run-length string")
        value |= (group & 31) << bits
        bits += 5
        if not group & 32:
            if group & 16:  # the sign bit of the last group
                value -= 1 << bits
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = bits = 0
    if bits:
        raise ValueError("'counts' ends in the middle of a number")
    return counts


def polygons(shapes: Any, size: tuple[int, int]) -> list[list[float]]:
    """The polygons that have an area; `ValueError` where one is broken.

    A corner may lie outside the image, but no further than the image is large.
    """
    if not isinstance(shapes, list):
        raise ValueError("must be a list of polygons or a run-length dictionary")
    kept = []
    for shape in shapes:
        corners = finite_numbers(shape)
        if corners is None or len(corners) % 2:
            raise ValueError("a polygon must be a list of x, y, x, y, ... in pixels")
        reach = max(size)
        if len(corners) and (corners.min() < -reach or corners.max() > 2 * reach):
            raise ValueError("a polygon lies far outside the image")
        if len(corners) >= 6:  # fewer than three corners have no area
            kept.append(corners.tolist())
    return kept
