"""The state of a training in a file, so that it can go on after a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from poselab.errors import CheckpointError
from poselab.system import distributed
from poselab.system.disk import replace_file

FIX = "Delete the file, or name another folder, to start again (fit: resume=False)."
PARTS = {"recipe", "model", "optimiser", "history"}


def write_checkpoint(path: str | Path, state: dict[str, Any]) -> None:
    """Write the state in one go, so that a crash leaves the old one.

    Raises `CheckpointError` if the file cannot be written.
    """
    try:
        with replace_file(Path(path)) as part:
            torch.save(state, part)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"cannot be written: {error}",
            where=path,
            fix="Choose a folder that exists and has room.",
        ) from error


def read_checkpoint(
    path: str | Path,
    words: dict[str, Any],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    device: torch.device,
) -> dict[str, Any]:
    """Load model and optimiser from the file, and return all that stands in it.

    `words` are the settings that have to be those of the file. In a team the leader
    reads for all. Raises `CheckpointError` if the file is broken or of another training
    or network, in every process.
    """
    team = distributed.team()
    place = torch.device("cpu") if team.size > 1 else device
    state = distributed.from_leader(_content(path, place) if team.leads else None)
    if isinstance(state, str):  # in every process, so that nobody waits for ever
        problem = f"this is no checkpoint of fit: {state}"
        raise CheckpointError(problem, where=path, fix=FIX)
    for key, value in words.items():
        found = state["recipe"].get(key)
        if found != value:
            raise CheckpointError(
                f"this training has {value!r}",
                where=path,
                field=key,
                value=found,
                fix=FIX,
            )
    try:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            "the checkpoint is of another network", where=path, fix=FIX
        ) from error
    return state


def _content(path: str | Path, place: torch.device) -> dict[str, Any] | str:
    """What the file holds, tensors and numbers; or what is wrong with it."""
    try:
        state = torch.load(path, map_location=place, weights_only=True)
        history = dict(state["history"])
        whole = state.keys() >= PARTS and history.keys() >= {"loss", "lr", "seconds"}
        return state if whole and dict(state["recipe"]) else "parts are missing"
    except Exception as error:  # a damaged file can fail anywhere in the reader
        return type(error).__name__
