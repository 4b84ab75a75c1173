"""Weight files of others: read without running anything, or named for what they are."""

from __future__ import annotations

import contextlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from poselab.errors import CheckpointError
from poselab.system import filekind
from poselab.system.disk import user_path

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_GLOBAL = re.compile(r"Unsupported (?:global|class|operand)[^.]*?GLOBAL (\S+)")
_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # of older PyTorch's files
_AGAIN = (
    "Read it with NumPy or pickle where you trust it, and save the arrays: "
    "torch.save({name: torch.as_tensor(value), ...}, 'weights.pth')."
)
_HEADER = 8  # bytes of the length in front of the JSON of a .safetensors file


def read(path: str | Path) -> Any:
    """What a .safetensors file, or one of `torch.save`, holds; on the CPU.

    The content decides which it is, not the name. Besides tensors there may be lists,
    dictionaries, texts, numbers, and those of NumPy. Raises `CheckpointError` for a
    file that is missing, broken, something else (a web page, say), or holds other
    objects: those are refused before any code of theirs could run.
    """
    path = user_path(path)
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "there is no such file"
        raise CheckpointError(problem, where=path, fix="Name the file of the weights.")
    kind = _other_kind(path)
    if kind is not None:
        raise CheckpointError(f"is {kind[0]}, no weights", where=path, fix=kind[1])
    try:
        return load_file(path) if _is_safetensors(path) else _unpickle(path)
    except pickle.UnpicklingError as problem:
        raise _refused(path, problem) from problem
    except Exception as problem:  # a damaged file can fail anywhere in the readers
        raise CheckpointError(
            f"cannot be read: {type(problem).__name__}: {_plain(problem)[:300]}",
            where=path,
            fix="The file is damaged or not a checkpoint: fetch it again.",
        ) from problem


def _other_kind(path: Path) -> tuple[str, str] | None:
    """(what it is, what to do) of a file that is neither safetensors nor PyTorch's."""
    kind, head = filekind.describe(path), filekind.first_bytes(path)
    if kind is not None and kind[0] == "a zip archive":  # as those of torch.save are
        return _other_archive(path)
    if kind is None and re.match(rb"\x80[\x02-\x05]", head) and _MAGIC not in head:
        return "a pickle that PyTorch has not written", _AGAIN
    return kind


def _other_archive(path: Path) -> tuple[str, str] | None:
    """As `_other_kind`, of a zip archive; None also where it is cut short."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    if any("/code/" in name or name.endswith("/constants.pkl") for name in names):
        fix = "Where it was made: torch.save(torch.jit.load(FILE).state_dict(), OTHER)."
        return "a TorchScript program, of which no code is run", fix
    if any(name.endswith("/data.pkl") for name in names):
        return None
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of NumPy's arrays", _AGAIN
    return f"a zip archive of {', '.join(names[:3])}", "Extract it first: `unzip FILE`."


def _is_safetensors(path: Path) -> bool:
    head = filekind.first_bytes(path)
    return head[_HEADER : _HEADER + 1] == b"{" and not head.startswith(b"PK")


def _unpickle(path: Path) -> Any:
    with warnings.catch_warnings(), _numbers_of_numpy(), open(path, "rb") as file:
        warnings.simplefilter("ignore")  # about protocols of pickle
        return torch.load(file, map_location="cpu", weights_only=True)


@contextlib.contextmanager
def _numbers_of_numpy() -> Iterator[None]:
    """Let NumPy's numbers and arrays of numbers be unpickled as well.

    Making one runs nothing but NumPy's own constructors.
    """
    allow = getattr(torch.serialization, "safe_globals", None)
    if allow is None:  # before PyTorch 2.5
        yield
        return
    with allow(_numpy_constructors()):
        yield


def _numpy_constructors() -> list[Any]:
    """What a pickled number or array of either generation of NumPy names."""
    core = getattr(np, "_core", None) or np.core
    scalar = core.multiarray.scalar
    rebuild = np.zeros(1).__reduce__()[0]
    encode = (__import__("_codecs")).encode
    kinds = {type(np.dtype(code)) for code in "?bhilqBHILQefdUS"}
    named = [
        (function, f"numpy.{module}.multiarray.{name}")
        for module in ("core", "_core")
        for function, name in ((scalar, "scalar"), (rebuild, "_reconstruct"))
    ]
    return [*named, np.ndarray, np.dtype, encode, *kinds]


def _refused(path: Path, problem: Exception) -> CheckpointError:
    """The error about a file with objects that are not unpickled."""
    said = _plain(problem)
    found = _GLOBAL.search(said)
    what = "something else than tensors" + (f" ({found[1]})" if found else "")
    return CheckpointError(
        f"holds {what}, or is damaged, and was not loaded, since loading it could run "
        "any code",
        where=path,
        fix="Ask who made it for the state dict alone, or, if you trust them, save it "
        "so where they work: torch.save(torch.load(FILE, weights_only=False)"
        "['state_dict'], 'weights.pth').",
    )


def _plain(problem: Exception) -> str:
    """What an error says in one line, without the colours of a terminal."""
    return " ".join(_COLOUR.sub("", str(problem)).split())
