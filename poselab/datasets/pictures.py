"""Whatever a picture is given as, as one tensor."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from poselab.datasets.images import image_size, read_image, upright_pixels
from poselab.errors import ArgumentError, require

MOST = 1 << 24  # pixels, 16 million: people are found in pictures far smaller
KINDS = (
    "Give a path, a Pillow image, a NumPy array [H, W, 3] of uint8, or a tensor "
    "[3, H, W] in [0, 1]."
)


def as_image(picture: Any) -> Tensor:
    """A picture as RGB [3, H, W] float32 in [0, 1].

    It may be the path of a file or a Pillow image (both turned upright as EXIF says), a
    NumPy array [H, W, 3] or [H, W] of bytes, or a tensor [3, H, W] in [0, 1] or of
    bytes. Raises `ArgumentError` for anything else, `ImageError` for a file that cannot
    be read.
    """
    if isinstance(picture, (str, PathLike)):
        return read_image(picture)
    if isinstance(picture, Image.Image):
        return _of_pixels(upright_pixels(picture))
    if isinstance(picture, np.ndarray):
        return _of_array(picture)
    if isinstance(picture, Tensor):
        return _of_tensor(picture)
    raise ArgumentError(
        "is no picture",
        where="as_image",
        field="picture",
        value=type(picture).__name__,
        fix=KINDS,
    )


def as_small_image(picture: Any, most: int = MOST) -> tuple[Tensor, Tensor]:
    """As `as_image`, but a file or a Pillow image of more than `most` pixels is shrunk.

    -> the picture [3, h, w] and how many of the full picture's pixels one of it has, in
    x and y: [2].
    """
    if isinstance(picture, (str, PathLike)):
        height, width = image_size(picture)
        image = read_image(picture, most)
    elif isinstance(picture, Image.Image):
        turned = ImageOps.exif_transpose(picture)
        width, height = turned.size
        image = _of_pixels(upright_pixels(picture.copy(), most))
    else:
        image = as_image(picture)
        height, width = image.shape[1:]
    scale = [width / image.shape[2], height / image.shape[1]]
    return image, torch.tensor(scale)


def _of_array(array: np.ndarray) -> Tensor:
    grey = array.ndim == 2
    good = array.dtype == np.uint8 and (grey or array.shape[2:] == (3,))
    _check(good and array.size > 0, array.shape, array.dtype)
    return _of_pixels(np.stack([array] * 3, -1) if grey else array)


def _of_tensor(tensor: Tensor) -> Tensor:
    good = tensor.dim() == 3 and len(tensor) == 3 and tensor.numel() > 0
    byte = tensor.dtype == torch.uint8
    _check(good and (byte or tensor.is_floating_point()), tensor.shape, tensor.dtype)
    image = tensor.float() / 255 if byte else tensor.float()
    inside = bool(((image >= 0) & (image <= 1)).all())
    require(
        inside,
        "has values outside [0, 1]",
        where="as_image",
        field="picture",
        value=[float(image.min()), float(image.max())],
        fix="Divide by 255, and take off no mean.",
    )
    return image


def _of_pixels(pixels: np.ndarray) -> Tensor:
    """[H, W, 3] of bytes -> [3, H, W] in [0, 1]."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


def _check(good: bool, shape: Any, dtype: Any) -> None:
    require(
        good,
        "is no picture",
        where="as_image",
        field="picture",
        value=f"{list(shape)} of {str(dtype).removeprefix('torch.')}",
        fix=KINDS,
    )
