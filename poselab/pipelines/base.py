"""What all pipelines are: something that takes pictures and gives poses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import torch
from torch import Tensor

from poselab.errors import ShapeError
from poselab.records import Poses


class Estimator(Protocol):
    """Pictures to poses; what trackers and evaluations take.

    An image [3, H, W] in [0, 1] gives `Poses`, a clip [T, 3, H, W] stacked `Poses`, one
    of each frame, in px of the pictures. Raises `ShapeError` for anything else.
    """

    def __call__(self, pictures: Tensor) -> Poses: ...


class ImageEstimator(ABC):
    """The base of estimators that take each image by itself, in `image`."""

    @abstractmethod
    def image(self, image: Tensor, *arguments: Any, **options: Any) -> Poses:
        """An image [3, H, W] in [0, 1] -> `Poses` of the people in it."""

    @torch.no_grad()
    def __call__(self, pictures: Tensor, **options: Any) -> Poses:
        """An image or a clip -> poses (see `Estimator`); `options` as for `image`."""
        if pictures.dim() == 4 and pictures.shape[1] == 3 and len(pictures):
            return Poses.stack([self.image(frame, **options) for frame in pictures])
        if pictures.dim() != 3 or len(pictures) != 3:
            raise ShapeError(
                "expected an image [3, H, W] or a clip [T, 3, H, W]",
                where=type(self).__name__,
                field="image",
                value=list(pictures.shape),
            )
        return self.image(pictures, **options)
