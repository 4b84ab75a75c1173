"""What a long training needs at its end, tried before its first step."""

from __future__ import annotations

import json
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any

from torch import nn

from poselab.datasets import Coco
from poselab.datasets.coco.layout import open_coco
from poselab.errors import ArgumentError, CheckpointError
from poselab.metrics import coco_ap
from poselab.metrics.similarity import sigmas
from poselab.recipes import Recipe
from poselab.system.disk import require_folder
from poselab.zoo import cards

# Bytes of the disk per number of the network: float32, and a checkpoint has the
# optimiser's two numbers more.
WEIGHTS, CHECKPOINT = 4, 12
CARD = 1_000_000  # bytes, more than any


def require_room(recipe: Recipe, options: Namespace) -> None:
    """The folders of `--out` and `--checkpoint`, made, with room for what they get.

    Raises `ArgumentError`.
    """
    numbers = sum(t.numel() for t in recipe.network(0).state_dict().values())
    options.out = require_folder(options.out, "--out", WEIGHTS * numbers + CARD)
    if options.checkpoint is not None:
        room = CHECKPOINT * numbers + CARD
        options.checkpoint = require_folder(options.checkpoint, "--checkpoint", room)


def open_held_out(source: str) -> Coco:
    """The data set of `--val`, with every image looked at and a score tried.

    Raises `AnnotationError`, `ImageError`, or `ArgumentError` for what would stop the
    score after the training.
    """
    coco = open_coco(source, "val2017", check_images=True, skeleton=None)
    sigmas(coco.skeleton)
    coco_ap(coco, [])
    return coco


def read_note(note: Path) -> Any:
    """What a checkpoint's folder is for; an `ArgumentError` where that is damaged."""
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ArgumentError(
            f"{note.name} in it is damaged ({problem}), so nobody knows what was "
            "trained there",
            where="--checkpoint",
            value=str(note.parent),
            fix="Choose another folder, or delete this one.",
        ) from problem


def save_somewhere(
    name: str, net: nn.Module, card: dict[str, Any], folder: Path, half: bool
) -> None:
    """Write weights and card; where the folder fails, into a temporary one.

    Raises `CheckpointError`, which says where the weights are then.
    """
    try:
        cards.save(name, net, card, folder, half)
    except (CheckpointError, OSError) as problem:
        other = Path(tempfile.mkdtemp(prefix="poselab-saved-"))
        cards.save(name, net, card, other, half)
        raise CheckpointError(
            f"cannot be written ({problem}); the weights and their card are in {other}",
            where=folder,
            fix="Move them where there is room.",
        ) from problem
