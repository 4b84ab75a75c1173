"""Networks in a folder: weights in `NAME.safetensors`, what they are in `NAME.json`."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poselab.errors import ArgumentError, CheckpointError
from poselab.models import save_weights
from poselab.recipes import Followed
from poselab.system.disk import replace_file

FOLDER = Path(__file__).parent  # of the bundled networks
NEEDED = {"model", "arguments", "codec", "normalise"}  # to load a network


def names(folder: Path = FOLDER) -> list[str]:
    """The networks whose weights are in the folder: by default the bundled ones."""
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """How a network was made: recipe, command, seconds, device, seed, scores, ...

    `recipe` holds what `Recipe.content` gives. Raises `ArgumentError` for an unknown
    name, `CheckpointError` for a broken card.
    """
    if name not in names(folder):
        raise ArgumentError(
            "no network of this name in the folder",
            where="name",
            value=name,
            fix=f"Known: {', '.join(names(folder))}.",
        )
    path = folder / f"{name}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        missing = NEEDED - content["recipe"].keys()
        if missing:
            raise KeyError(*missing)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"the card cannot be read: {type(error).__name__}: {error}"
        raise CheckpointError(problem, where=path) from error
    return content


def write_card(name: str, content: dict[str, Any], folder: Path = FOLDER) -> None:
    """Write the card of a network, whole or not at all."""
    with replace_file(folder / f"{name}.json") as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def describe(made: Followed, device: str, command: str, seed: int) -> dict[str, Any]:
    """The card of a network that was just trained; scores come later."""
    return {
        "recipe": made.recipe.content(),
        "command": command,
        "seed": seed,
        "pictures": made.recipe.pictures,
        "seconds": round(made.seconds, 1),
        "seconds_per_stage": [round(h.seconds, 1) for h in made.histories],
        "device": _machine(device),
        "torch": torch.__version__,
        "parameters": sum(p.numel() for p in made.net.parameters()),
        "curve": made.curve,
    }


def save(
    name: str, net: nn.Module, content: dict[str, Any], folder: Path, half: bool
) -> None:
    """Write weights (float16 where `half`) and card into the folder."""
    save_weights(net, folder / f"{name}.safetensors", half=half)
    write_card(name, content, folder)


def _machine(device: str) -> str:
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{platform.machine()} CPU, {threads} thread{'s' if threads > 1 else ''}"
