"""Image files as tensors, whatever they hold: greyscale, CMYK, turned by EXIF."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from poselab.datasets.missing import missing_image
from poselab.errors import ImageError
from poselab.system.disk import user_path

_EXIF_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)


def read_image(path: str | Path) -> Tensor:
    """An image file as RGB [3, H, W] float32 in [0, 1], upright as EXIF says.

    Raises `ImageError` if it is missing or cannot be decoded.
    """

    def decode(image: Image.Image) -> np.ndarray:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):  # 16-bit greyscale, which convert() clips
            image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
        return np.array(image.convert("RGB"))

    pixels = torch.from_numpy(_with_image(path, decode))  # [H, W, 3]
    return pixels.permute(2, 0, 1).float() / 255


def image_size(path: str | Path) -> tuple[int, int]:
    """(H, W) of an image file, upright, from its header alone; raises `ImageError`."""

    def upright(image: Image.Image) -> tuple[int, int]:
        turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
        return image.size if turned else image.size[::-1]

    return _with_image(path, upright)


def _with_image(path: str | Path, use):
    try:
        with warnings.catch_warnings(), Image.open(user_path(path)) as image:
            warnings.simplefilter("ignore")  # Pillow's about damaged EXIF
            return use(image)
    except FileNotFoundError as problem:
        raise missing_image(path) from problem
    except MemoryError:
        raise
    except Exception as problem:  # Pillow's decoders raise many kinds on damaged files
        raise ImageError(
            f"cannot be read as an image ({type(problem).__name__}: {problem})",
            where=path,
            fix="The file is damaged or not an image: fetch it again.",
        ) from problem


def to_pil(image, scale: float = 1) -> Image.Image:
    """An image as RGB ``PIL.Image``, enlarged ``scale`` times.

    Takes a [3, H, W] float tensor in [0, 1], an [H, W, 3] uint8 array or a PIL image.
    Whole-number scales repeat pixels: a lesson about pixels should show them.
    """
    if not isinstance(image, Image.Image):
        image = Image.fromarray(_pixels(image))
    image = image.convert("RGB")
    if scale == 1:
        return image
    size = (round(image.width * scale), round(image.height * scale))
    whole = float(scale).is_integer()
    method = Image.Resampling.NEAREST if whole else Image.Resampling.BILINEAR
    return image.resize(size, method)


def _pixels(image) -> np.ndarray:
    """[H, W, 3] uint8 from a [3, H, W] float tensor or an [H, W, 3] uint8 array."""
    a = image.detach().cpu().numpy() if hasattr(image, "detach") else np.asarray(image)
    if a.ndim == 3 and a.shape[-1] == 3 and a.dtype == np.uint8:
        return a
    if a.ndim != 3 or a.shape[0] != 3 or not np.issubdtype(a.dtype, np.floating):
        raise ImageError(
            "this is no picture that can be drawn",
            where="image",
            field="shape and type",
            value=(*a.shape, str(a.dtype)),
            fix="Give one image (not a batch): a float [3, H, W] tensor in [0, 1], an "
            "[H, W, 3] uint8 array or a PIL image.",
        )
    a = np.nan_to_num(a.transpose(1, 2, 0)).clip(0, 1)  # [H, W, 3]
    return np.ascontiguousarray((a * 255 + 0.5).astype(np.uint8))
