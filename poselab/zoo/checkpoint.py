"""Weights that others saved: read without running anything, named as ours, checked.

A checkpoint is a state dict under one of many wrappers. Nothing but tensors (and the
lists, dictionaries, numbers and texts around them) is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poselab.errors import ArgumentError, CheckpointError, StateDictError
from poselab.zoo.weight_file import read

__all__ = ["check", "fault", "load_into", "read", "unwrap"]

# The weights first, then their running mean (EMA), as timm and others keep both.
WRAPPERS = (
    *("state_dict", "model_state_dict", "network", "model", "net", "params", "weights"),
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "params_ema"),
    *("ema", "module"),
)
PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.", "ema_model.", "ema.")
OURS = {"recipe", "model", "optimiser", "history"}  # what `fit` keeps
COUNTER = "num_batches_tracked"  # older checkpoints lack it, and nothing depends on it
# What trainers and counters of operations leave among the weights.
BOOKKEEPING = ("n_averaged", "*total_ops", "*total_params")
_DEEPEST = 4
_MANY = 1 / 3  # of the network's names: so many keys make a common prefix

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
    Where no known wrapper and prefix helps, any other is tried; a file that has the
    network twice (a student and a teacher, say) is a `CheckpointError`.
    """
    if not isinstance(content, Mapping):
        raise ArgumentError(
            "must be a state dict: a dictionary of tensors by name",
            where=where,
            value=content,
            fix="A file goes into path=.",
        )
    wanted = set(names)

    def fits(state: Mapping[str, Any]) -> int:
        return len(wanted & state.keys())

    readings = [_renamed(s, rename, where) for s in _readings(_innermost(content))]
    best = max(readings, key=fits)
    if fits(best) == len(wanted):
        return best
    others = {
        place: _renamed(state, rename, where, strict=False)
        for place, state in _anywhere(content, len(wanted))
    }
    most = max(map(fits, others.values()), default=0)
    if most <= fits(best):
        return best
    places = [place for place, state in others.items() if fits(state) == most]
    longest = [p for p in places if not any(q != p and q.startswith(p) for q in places)]
    if len(longest) > 1:
        raise _several(longest, where)
    return others[longest[0]]


def _several(places: list[str], where: str | Path) -> CheckpointError:
    return CheckpointError(
        f"has the network {len(places)} times: {', '.join(places[:4])}",
        where=where,
        fix="Say which: give that part as a state dict, or save it alone with "
        "torch.save.",
    )


def _anywhere(content: Mapping[Any, Any], names: int) -> Iterator[tuple[str, dict]]:
    """(place, values) of every dictionary inside, with each common prefix taken off."""
    for place, part in _parts(content, "", _DEEPEST):
        state = _tensors({str(key): value for key, value in part.items()})
        counts: dict[str, int] = {}
        for key in state:
            words = key.split(".")
            for depth in range(1, min(len(words), _DEEPEST + 1)):
                prefix = ".".join(words[:depth]) + "."
                counts[prefix] = counts.get(prefix, 0) + 1
        found = [p for p, count in counts.items() if count > names * _MANY]
        for prefix in ["", *found]:
            shorter = {key.removeprefix(prefix): state[key] for key in state}
            if len(shorter) == len(state):
                yield place + prefix, shorter


def _parts(content: Mapping[Any, Any], place: str, depth: int) -> Iterator[tuple]:
    yield place, content
    for key, inner in content.items() if depth else ():
        if isinstance(inner, Mapping):
            yield from _parts(inner, f"{place}{key}: ", depth - 1)


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
    state = _tensors({str(key): value for key, value in state.items()})
    while True:
        yield state
        there = (p for p in PREFIXES if any(k.startswith(p) for k in state))
        prefix = next(there, None)
        shorter = {k.removeprefix(prefix or ""): v for k, v in state.items()}
        if prefix is None or len(shorter) < len(state):
            return
        state = shorter


def _tensors(state: dict[str, Any]) -> dict[str, Any]:
    """The same with NumPy's arrays of numbers as tensors."""
    return {
        key: torch.from_numpy(value.copy())
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
        else value
        for key, value in state.items()
    }


def _renamed(
    state: dict[str, Any], rename: Rename | None, where, strict: bool = True
) -> dict[str, Any]:
    if rename is None:
        return state
    result: dict[str, Any] = {}
    for key, value in state.items():
        name = rename(key)
        if name in result and strict:
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
    ignored = (*ignored, *BOOKKEEPING)
    extra = [
        k for k in state if k not in own and not any(fnmatch(k, p) for p in ignored)
    ]
    shared = [key for key in own if key in state]
    unfit = {k: why for k in shared if (why := fault(own[k], state[k]))}
    if missing or extra or unfit:
        raise StateDictError(missing, extra, unfit, where=where)


def fault(own: Tensor, given: Any) -> str | None:
    """Why `given` cannot take the place of `own`; None if it can."""
    if not isinstance(given, Tensor):
        return f"{type(given).__name__}, not a tensor"
    if given.shape != own.shape:
        return f"{list(given.shape)}, not {list(own.shape)}"
    plain = given.layout == torch.strided and not given.is_meta
    if not plain or given.is_quantized or _kind(given) != _kind(own):
        return f"{str(given.dtype).removeprefix('torch.')}, not a plain {_kind(own)}"
    if given.is_floating_point() and not bool(torch.isfinite(given).all()):
        return "numbers that are not finite"
    return None


def _kind(tensor: Tensor) -> str:
    if tensor.is_floating_point():
        return "float"
    return "complex" if tensor.is_complex() else "integer"
