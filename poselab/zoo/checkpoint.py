"""Weights that others saved: read without running anything, named as ours, checked.

A checkpoint is a state dict under one of many wrappers. Nothing but tensors (and the
lists, dictionaries, numbers and texts around them) is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselab.errors import ArgumentError, CheckpointError, StateDictError
from poselab.zoo.weight_file import read

__all__ = ["check", "load_into", "read", "unwrap"]

# The weights first, then their running mean (EMA), as timm and others keep both.
WRAPPERS = (
    *("state_dict", "model_state_dict", "network", "model", "net", "params", "weights"),
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "params_ema"),
    *("ema", "module"),
)
PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.", "ema_model.", "ema.")
OURS = {"recipe", "model", "optimiser", "history"}  # what `fit` keeps
COUNTER = "num_batches_tracked"  # older checkpoints lack it, and nothing depends on it
_DEEPEST = 4

Rename = Callable[[str], str | None]


def load_into(
    net: nn.Module,
    content: Mapping[str, Any],
    where: str | Path = "state_dict",
    rename: Rename | None = None,
    ignored: Sequence[str] = (),
) -> nn.Module:
    """Put the tensors of `content` into `net`, every name accounted for; in eval mode.

    `content` is a state dict or a wrapper around one. `rename` turns a name of theirs
    into ours (None: not wanted); `ignored` are patterns of names that may be there
    without being used, such as `fc.*`. Values are copied and cast to the network's own
    types, so float16 does. The counters of batch normalisation may be missing.

    Raises `StateDictError`, which lists what is missing, too many, of another shape or
    no tensor at all; the network is then as it was before.
    """
    own = net.state_dict()
    state = unwrap(content, own.keys(), rename, where)
    check(own, state, where, ignored)
    net.load_state_dict({key: state.get(key, own[key]) for key in own})
    return net.eval()


def unwrap(
    content: Mapping[str, Any],
    names: Iterable[str],
    rename: Rename | None = None,
    where: str | Path = "state_dict",
) -> dict[str, Any]:
    """The state dict inside the wrappers, under our names as far as that goes.

    Of the readings with 0, 1, 2, ... common prefixes taken off, the one with the most
    of our `names` counts: a network whose own names begin with `model.` keeps them.
    """
    if not isinstance(content, Mapping):
        raise ArgumentError(
            "must be a state dict: a dictionary of tensors by name",
            where=where,
            value=content,
            fix="A file goes into path=.",
        )
    wanted = set(names)
    readings = [_renamed(s, rename, where) for s in _readings(_innermost(content))]
    return max(readings, key=lambda state: len(wanted & state.keys()))


def _innermost(content: Mapping[str, Any]) -> Mapping[str, Any]:
    if content.keys() >= OURS and isinstance(content["model"], Mapping):
        return _behind_normalisation(content["model"])
    for _ in range(_DEEPEST):  # a dictionary may hold itself
        inner = (content.get(name) for name in WRAPPERS)
        found = next((part for part in inner if isinstance(part, Mapping)), None)
        if found is None:
            break
        content = found
    return content


def _behind_normalisation(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of our own checkpoints: `1.` is the network, `0.` what normalises its images."""
    if {str(key).split(".")[0] for key in state} <= {"0", "1"}:
        return {k.removeprefix("1."): v for k, v in state.items() if k[0] == "1"}
    return state


def _readings(state: Mapping[Any, Any]) -> Iterator[dict[str, Any]]:
    """The same values with more and more prefixes taken off, wherever they are."""
    state = {str(key): value for key, value in state.items()}
    while True:
        yield state
        there = (p for p in PREFIXES if any(k.startswith(p) for k in state))
        prefix = next(there, None)
        shorter = {k.removeprefix(prefix or ""): v for k, v in state.items()}
        if prefix is None or len(shorter) < len(state):
            return
        state = shorter


def _renamed(state: dict[str, Any], rename: Rename | None, where) -> dict[str, Any]:
    if rename is None:
        return state
    result: dict[str, Any] = {}
    for key, value in state.items():
        name = rename(key)
        if name in result:
            raise CheckpointError(
                "two of its tensors are the same one of ours",
                where=where,
                field=key,
                value=name,
            )
        if name is not None:
            result[name] = value
    return result


def check(
    own: Mapping[str, Tensor],
    state: Mapping[str, Any],
    where: str | Path = "state_dict",
    ignored: Sequence[str] = (),
) -> None:
    """Raise a `StateDictError` unless `state` fits `own`."""
    missing = [k for k in own if k not in state and not k.endswith(COUNTER)]
    extra = [
        k for k in state if k not in own and not any(fnmatch(k, p) for p in ignored)
    ]
    shared = [key for key in own if key in state]
    unfit = {k: fault for k in shared if (fault := _fault(own[k], state[k]))}
    if missing or extra or unfit:
        raise StateDictError(missing, extra, unfit, where=where)


def _fault(own: Tensor, given: Any) -> str | None:
    """Why `given` cannot take the place of `own`; None if it can."""
    if not isinstance(given, Tensor):
        return f"{type(given).__name__}, not a tensor"
    if given.shape != own.shape:
        return f"{list(given.shape)}, not {list(own.shape)}"
    plain = given.layout == torch.strided and not given.is_meta
    if not plain or given.is_quantized or _kind(given) != _kind(own):
        return f"{str(given.dtype).removeprefix('torch.')}, not a plain {_kind(own)}"
    return None


def _kind(tensor: Tensor) -> str:
    if tensor.is_floating_point():
        return "float"
    return "complex" if tensor.is_complex() else "integer"
