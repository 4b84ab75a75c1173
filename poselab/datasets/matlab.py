"""MATLAB files (up to version 7.2), read without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poselab.errors import AnnotationError


def read_mat(file: str | Path, fix: str, **options: Any) -> dict[str, Any]:
    """The variables of a .mat file; `options` are those of `scipy.io.loadmat`.

    Raises `AnnotationError`, with `fix`, for one that is missing, damaged or in the
    newer format 7.3 (which is HDF5).
    """
    from scipy.io import loadmat

    try:
        return loadmat(file, **options)
    except MemoryError:
        raise
    except Exception as problem:  # a damaged file can fail anywhere in the reader
        raise AnnotationError(
            f"cannot be read as a MATLAB file ({type(problem).__name__}: {problem})",
            where=file,
            fix=fix,
        ) from problem
