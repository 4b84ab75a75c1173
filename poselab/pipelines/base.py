"""What all pipelines are: something that takes pictures and gives poses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import torch
from torch import Tensor

from poselab.errors import ShapeError, require
from poselab.records import Poses

BRIGHTEST = 10.0  # a picture in [0, 1] may be too bright, but not by as much


class Estimator(Protocol):
    """Pictures to poses; what trackers and evaluations take.

    An image [3, H, W] in [0, 1] gives `Poses`, a clip [T, 3, H, W] stacked `Poses`, one
    of each frame, in px of the pictures. Raises `ShapeError` for another shape, and
    `ArgumentError` for numbers that are no picture's (whole, from 0 to 255, nan).
    """

    def __call__(self, pictures: Tensor) -> Poses: ...


class ImageEstimator(ABC):
    """The base of estimators that take each image by itself, in `image`."""

    @abstractmethod
    def image(self, image: Tensor, *arguments: Any, **options: Any) -> Poses:
        """An image [3, H, W] in [0, 1] -> `Poses` of the people in it."""

    def reset(self) -> None:  # noqa: B027, nothing to do is right for most
        """Forget the frames before; most estimators remember none."""

    @torch.no_grad()
    def __call__(self, pictures: Tensor, **options: Any) -> Poses:
        """An image or a clip -> poses (see `Estimator`); `options` as for `image`."""
        require_pictures(type(self).__name__, pictures)
        if pictures.dim() == 3:
            return self.image(pictures, **options)
        self.reset()
        found = [self.image(frame, **options) for frame in pictures]
        self.reset()
        return Poses.stack(found)


def require_pictures(where: str, pictures: Tensor) -> None:
    """An image [3, H, W] or a clip [T, 3, H, W] of at least a pixel, in [0, 1]; or an
    error that names `where` and says what to do."""
    if (
        not isinstance(pictures, Tensor)
        or pictures.dim() not in (3, 4)
        or pictures.shape[-3] != 3
        or not all(pictures.shape)
    ):
        raise ShapeError(
            "expected an image [3, H, W] or a clip [T, 3, H, W]",
            where=where,
            field="image",
            value=list(getattr(pictures, "shape", [])) or type(pictures).__name__,
        )
    floats = pictures.is_floating_point()
    highest = float(pictures.amax()) if floats else float("nan")
    require(
        highest <= BRIGHTEST,  # false for nan
        "must be numbers from 0 to 1",
        where=where,
        field="image",
        value=highest if floats else pictures.dtype,
        fix="Of pixels from 0 to 255: image.float() / 255.",
    )
