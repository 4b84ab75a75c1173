"""What every metric asks of its arguments before it counts anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poselab.errors import ArgumentError, ShapeError, require


def as_tensor(value: Any, name: str, where: str) -> Tensor:
    """A tensor of what may be a NumPy array or nested lists; whole numbers too."""
    if isinstance(value, Tensor):
        return value
    try:
        return torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            "is not an array of numbers",
            where=where,
            field=name,
            value=type(value).__name__,
        ) from error


def as_points(value: Any, name: str, where: str) -> Tensor:
    """`as_tensor` with a floating type: distances of whole numbers are not whole."""
    tensor = as_tensor(value, name, where)
    return tensor if tensor.is_floating_point() else tensor.double()


def check_shape(tensor: Tensor, name: str, shape: Sequence[int], where: str) -> Tensor:
    """`tensor` itself, or a `ShapeError` that names it."""
    if tensor.shape != torch.Size(shape):
        raise ShapeError(
            f"expected shape {list(shape)}",
            where=where,
            field=name,
            value=list(tensor.shape),
        )
    return tensor


def poses(
    pred: Any, truth: Any, visibility: Any, where: str, dims: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """pred, truth [..., J, D] and visibility [..., J] as tensors that fit together.

    Raises a `ShapeError` where they do not, and an `ArgumentError` where the truth of a
    labelled joint is not a finite number.
    """
    pred, truth = as_points(pred, "pred", where), as_points(truth, "truth", where)
    visibility = as_tensor(visibility, "visibility", where)
    check_shape(truth, "truth", (*visibility.shape, dims), where)
    check_shape(pred, "pred", truth.shape, where)
    lost = ~torch.isfinite(truth).all(-1) & (visibility > 0)
    if lost.any():
        place = lost.nonzero()[0].tolist()
        raise ArgumentError(
            "a labelled joint has no finite position",
            where=where,
            field=f"truth{place}",
            value=truth[lost][0].tolist(),
            fix="Give it visibility 0 if nobody knows where it is.",
        )
    return pred, truth, visibility


def check_limits(limits: Any, name: str, where: str) -> Tensor:
    """Thresholds as a tensor; an `ArgumentError` unless all are finite and >= 0."""
    tensor = as_points(limits, name, where)
    good = torch.isfinite(tensor) & (tensor >= 0)
    require(
        bool(good.all()),
        "must be finite and not negative",
        where=where,
        field=name,
        value=tensor.tolist(),
    )
    return tensor


def pooled(right: Tensor, counted: Tensor, keep: int = 0) -> Tensor:
    """The fraction right / counted over all but the last `keep` dimensions.

    NaN where nothing counts: 0 would say that all was wrong.
    """
    dims = tuple(range(counted.dim() - keep))
    if not dims:
        return torch.where(counted, right.double(), torch.nan)
    return right.sum(dims).double() / counted.sum(dims)
