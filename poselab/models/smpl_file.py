"""The licensed SMPL file, where the learner has it: arrays, and never code.

The authors publish a pickle of Python 2 with arrays of the packages NumPy, SciPy and
chumpy (https://smpl.is.tue.mpg.de). A pickle may name any function and call it while it
is read. Here only NumPy's arrays are made, and what the other two packages keep in
their objects is taken as data: neither of them is imported.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poselab.errors import CheckpointError
from poselab.models.smpl import BodyModel
from poselab.system import filekind
from poselab.system.disk import user_path, wanted_dir

FOLDER = "smpl"  # in the cache directory
PATTERNS = ("*.npz", "*.pkl")
NEEDED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights")
TREE, FACES = "kintree_table", "f"
GET = "Get it from https://smpl.is.tue.mpg.de (its licence is for research)."


def find_file(folder: str | Path | None = None) -> Path | None:
    """The first .npz or .pkl of the folder; None if there is none.

    By default the folder is "smpl" in poselab's cache directory.
    """
    place = wanted_dir(None) / FOLDER if folder is None else user_path(folder)
    found = (path for kind in PATTERNS for path in sorted(place.glob(kind)))
    return next(found, None)


def load_body(path: str | Path, shapes: int = 10) -> tuple[BodyModel, Tensor]:
    """A file of SMPL -> (`BodyModel` in metres and float64, faces [F, 3]).

    `shapes` coefficients are kept (newer files have 300). Raises `CheckpointError` for
    a file that is missing, is none of SMPL's, or names anything but arrays.
    """
    path = user_path(path)
    arrays = _npz(path) if path.suffix == ".npz" else _pickle(path)
    for name in (*NEEDED, TREE, FACES):
        if name not in arrays:
            raise CheckpointError("this array is missing", where=path, field=name)
    parts = [_number(arrays[name], path, name) for name in NEEDED]
    parts[1] = parts[1][..., :shapes]
    parents = _number(arrays[TREE], path, TREE)[0].long().tolist()
    faces = _number(arrays[FACES], path, FACES).long()
    try:
        return BodyModel(*parts, (-1, *parents[1:])), faces
    except ValueError as error:  # a ShapeError or ArgumentError of `BodyModel`
        raise CheckpointError(f"is no body model: {error}", where=path) from error


def _npz(path: Path) -> dict[str, Any]:
    """The arrays of a zip archive of NumPy's; pickled objects in it are refused."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def _pickle(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            content = _Arrays(file, path).load()
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle can fail anywhere
        raise _unreadable(path, error) from error
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise CheckpointError("is no dictionary of arrays", where=path, value=kind)
    return content


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    known = filekind.describe(path) if path.is_file() else None
    if path.suffix == ".npz" and zipfile.is_zipfile(path):
        known = None  # as it should be
    what = f"is {known[0]}" if known else f"cannot be read: {type(error).__name__}"
    return CheckpointError(what, where=path, fix=GET)


class Kept:
    """In place of an object of SciPy or chumpy: what it keeps, by name."""

    state: dict[str, Any]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state


def _rebuilt(cls: type, base: type, value: Any) -> Any:
    """In place of `copy_reg._reconstructor`: an empty object of an allowed class."""
    return cls()


# What a file may name, by module and name; numpy.core became numpy._core.
_MADE_BY_NUMPY = {
    (f"numpy.{core}.multiarray", name): getattr(np._core.multiarray, name)
    if hasattr(np, "_core")
    else getattr(np.core.multiarray, name)
    for core in ("core", "_core")
    for name in ("_reconstruct", "scalar")
}
ALLOWED: dict[tuple[str, str], Any] = {
    **_MADE_BY_NUMPY,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): lambda text, name: text.encode("latin1"),  # bytes of 3.x
    ("copy_reg", "_reconstructor"): _rebuilt,
    ("copyreg", "_reconstructor"): _rebuilt,
    ("__builtin__", "object"): object,
    ("builtins", "object"): object,
    ("chumpy.ch", "Ch"): Kept,
    ("scipy.sparse.csc", "csc_matrix"): Kept,
    ("scipy.sparse._csc", "csc_matrix"): Kept,
}


class _Arrays(pickle.Unpickler):
    """Reads arrays, and refuses whatever is not on the list before it is called."""

    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file, encoding="latin1")
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may name; a `CheckpointError` for all else."""
        if (module, name) not in ALLOWED:
            raise CheckpointError(
                "the file wants to run code and was not read",
                where=self.path,
                value=f"{module}.{name}",
                fix="Do not trust it. " + GET,
            )
        return ALLOWED[module, name]


def _number(value: Any, path: Path, name: str) -> Tensor:
    """An array, dense, as float64."""
    array = _dense(value.state) if isinstance(value, Kept) else value
    try:
        return torch.from_numpy(np.asarray(array).astype("float64"))
    except (TypeError, ValueError) as error:
        kind = type(value).__name__
        raise CheckpointError(
            "is no array of numbers", where=path, field=name, value=kind
        ) from error


def _dense(state: dict[str, Any]) -> Any:
    """The array that chumpy (x) or a sparse matrix (columns) keeps."""
    if "x" in state:
        return state["x"]
    shape = state.get("_shape", state.get("shape"))
    found = np.zeros(shape)
    for column in range(shape[1]):
        part = slice(state["indptr"][column], state["indptr"][column + 1])
        found[state["indices"][part], column] = state["data"][part]
    return found
