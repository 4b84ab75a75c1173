"""Image files as tensors, whatever they hold: greyscale, CMYK, turned by EXIF."""

from __future__ import annotations

import errno
import io
import re
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from poselab.datasets.missing import is_name, missing_image
from poselab.errors import ImageError
from poselab.system import filekind
from poselab.system.disk import user_path

_EXIF_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
_BITS, _MEANING, _WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF


def read_image(path: str | Path, most: int | None = None) -> Tensor:
    """An image file as RGB [3, H, W] float32 in [0, 1], upright as EXIF says.

    16 bits and floats keep their brightness. A picture of more than `most` pixels is
    shrunk to so many. Raises `ImageError`, with the reason, if it is missing, cannot be
    decoded, is too large for the memory, or has a brightness that nobody knows.
    """
    return _as_tensor(_with_image(path, partial(upright_pixels, most=most)))


def decode_image(content: bytes, name: str, most: int | None = None) -> Tensor:
    """As `read_image`, from the `content` of a file; errors call it `name`."""
    return _as_tensor(_with_image(name, partial(upright_pixels, most=most), content))


def _as_tensor(pixels: np.ndarray) -> Tensor:
    """[H, W, 3] of bytes -> [3, H, W] in [0, 1]."""
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def upright_pixels(image: Image.Image, most: int | None = None) -> np.ndarray:
    """A Pillow image as RGB [H, W, 3] uint8, turned as its EXIF says.

    One of more than `most` pixels is shrunk; a JPEG is not even unpacked whole.
    """
    if most is not None:
        image.draft(None, _within(image, most))
        image.load()  # some decoders turn the picture themselves
    image = eight_bits(image)
    if most is not None and image.width * image.height > most:
        image = _shrunk(image, _within(image, most))
    return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def _within(image: Image.Image, most: int) -> tuple[int, int]:
    """(W, H) of the same shape with at most about `most` pixels."""
    scale = min(1.0, (most / (image.width * image.height)) ** 0.5)
    width, height = (max(1, round(n * scale)) for n in image.size)
    return width, height


def _shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Smaller, with the note of the camera which way is up."""
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    small = image.convert("RGB").resize(size, Image.Resampling.BOX)
    small.getexif()[_EXIF_ORIENTATION] = orientation
    return small


def eight_bits(image: Image.Image) -> Image.Image:
    """An opened image of more than 8 bits a channel at its right brightness.

    16-bit greyscale is of mode I;16 or, in older versions of Pillow, of I; floats count
    as shares of white; a TIFF may have fewer bits, or white as 0. Raises `ImageError`
    where nobody knows what white is.
    """
    tags = getattr(image, "tag_v2", {})
    if image.mode.startswith("I;16") or _deep_grey(image):
        white = 2 ** int(tags.get(_BITS, (16,))[0]) - 1
        array = np.asarray(image).astype(np.int64) * 255 // white
    elif image.mode == "F":
        array = np.asarray(image) * 255.0 + 0.5
    elif image.mode in ("I", "LAB") or ";" in image.mode:
        raise _unknown_white(image, f"is of Pillow's mode {image.mode}")
    else:
        return image
    if not (array >= 0).all() or not (array < 256).all():  # NaN is neither
        raise _unknown_white(image, "has numbers outside of black and white")
    array = array.astype(np.uint8)
    inverted = tags.get(_MEANING) == _WHITE_IS_ZERO  # which Pillow leaves to us here
    grey = Image.fromarray(255 - array if inverted else array)
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    grey.getexif()[_EXIF_ORIENTATION] = orientation
    return grey


def _deep_grey(image: Image.Image) -> bool:
    """Whether mode I holds 16 bits: PNG and PGM have no more."""
    return image.mode == "I" and image.format in ("PNG", "PPM")


def _unknown_white(image: Image.Image, problem: str) -> ImageError:
    where = getattr(image, "filename", "") or "image"
    fix = "Save it with 8 or 16 bits, or as floats in [0, 1], where 1 is white."
    return ImageError(f"{problem}: its white is not known", where=where, fix=fix)


def image_size(path: str | Path) -> tuple[int, int]:
    """(H, W) of an image file, upright, from its header alone; raises `ImageError`."""

    def upright(image: Image.Image) -> tuple[int, int]:
        turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
        return image.size if turned else image.size[::-1]

    return _with_image(path, upright)


def _with_image(path: str | Path, use, content: bytes | None = None):
    """What `use` makes of the opened image: of a file, or of its `content`."""
    source = user_path(path) if content is None else io.BytesIO(content)
    try:
        with warnings.catch_warnings(), Image.open(source) as image:
            warnings.simplefilter("ignore")  # Pillow's about damaged EXIF
            return use(image)
    except FileNotFoundError as problem:
        raise missing_image(path) from problem
    except ImageError:
        raise
    except MemoryError as problem:
        raise ImageError(
            "is larger than the memory that is free",
            where=path,
            fix="Shrink it, or close other programs.",
        ) from problem
    except Image.DecompressionBombError as problem:
        raise _too_large(path, problem) from problem
    except (UnicodeEncodeError, ValueError) as problem:
        if content is None and not is_name(path):
            raise missing_image(path) from problem
        raise _unreadable(path, problem, content) from problem
    except Exception as problem:  # Pillow's decoders raise many kinds on damaged files
        raise _unreadable(path, problem, content) from problem


def _too_large(path: str | Path, problem: Exception) -> ImageError:
    pixels = re.findall(r"\d+", str(problem))[:1]
    count = f"{int(pixels[0]) / 1e6:.0f} million pixels" if pixels else "many pixels"
    return ImageError(
        f"has {count}, more than Pillow opens unasked (a small file may unpack to fill "
        "the memory)",
        where=path,
        fix="Shrink it and its annotations, or set PIL.Image.MAX_IMAGE_PIXELS = None "
        "if you trust it.",
    )


def _unreadable(
    path: str | Path, problem: Exception, content: bytes | None
) -> ImageError:
    """The error about a file that Pillow does not read, with what it is instead."""
    if isinstance(problem, OSError) and problem.errno == errno.ENAMETOOLONG:
        return missing_image(path)
    if isinstance(problem, IsADirectoryError | PermissionError):
        fix = "Check file_name and the image directory."
        return ImageError(f"cannot be read ({problem.strerror})", where=path, fix=fix)
    if content is None:
        kind = filekind.describe(user_path(path))
    else:
        kind = filekind.describe_bytes(content)
    if isinstance(problem, UnidentifiedImageError) and kind is not None:
        return ImageError(
            f"cannot be read as an image: it is {kind[0]}", where=path, fix=kind[1]
        )
    return ImageError(
        f"cannot be read as an image ({type(problem).__name__}: {problem})",
        where=path,
        fix="The file is damaged, cut short or not an image: fetch it again.",
    )


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
