"""Trainings that begin with the weights of a bundled network, and wrong boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from poselab.datasets.box_errors import BoxErrors, Recut, UniformErrors, wide_crops
from poselab.datasets.sources import Source
from poselab.errors import ArgumentError
from poselab.recipes.base import Recipe
from poselab.recipes.data import HELD_OUT, Drawn
from poselab.records import Sample

WEIGHTS = Path(__file__).parents[1] / "zoo"  # the bundled networks


@dataclass(frozen=True)
class Continued(Recipe):
    """A recipe whose network begins with the weights of the bundled one `start`.

    `renamed` are pairs (beginning of a name there, beginning of a name here); a layer
    may go to several places, and layers without a pair are left out. What nothing comes
    to begins as it is.
    """

    start: str = ""
    renamed: Sequence[tuple[str, str]] = (("", ""),)

    def network(self, seed: int) -> nn.Module:
        """The network with the weights it begins with; the others from `seed`."""
        net = super().network(seed)
        borrowed = self._borrowed()
        own = net.state_dict()
        unknown = borrowed.keys() - own.keys()
        if unknown or not borrowed:
            raise ArgumentError(
                "no layer of the network has this name",
                where="Continued",
                field="renamed",
                value=min(unknown, default="(nothing is renamed)"),
            )
        net.load_state_dict({**own, **borrowed})
        return net

    def _borrowed(self) -> dict[str, Tensor]:
        state = load_file(WEIGHTS / f"{self.start}.safetensors")
        return {
            new + name.removeprefix(old): value
            for name, value in state.items()
            for old, new in self.renamed
            if name.startswith(old)
        }


@dataclass(frozen=True)
class Boxed(Drawn):
    """`pool` people of crowds, each time in another box with `errors`.

    None: in the true box. No other variation but the mirror. Drawn on a CPU.
    """

    errors: BoxErrors | UniformErrors | None = None

    def open(
        self, size: tuple[int, int], seed: int = 0, folder: str | None = None
    ) -> tuple[Source, Sample]:
        """As for `Drawn`; the held-out samples are cut in the same way."""
        if folder is not None:
            return super().open(size, seed, folder)
        people = wide_crops(size, seed).pool(self.pool)
        data = Recut(people, size, self.errors)
        others = wide_crops(size, seed + HELD_OUT).batch(self.held_out)
        draws = torch.Generator().manual_seed(seed)
        return data, data.cut(others, draws)

    def resident(self, size: Any, seed: int, device: Any) -> tuple[Source, Sample]:
        """Raises `ArgumentError`: wrong boxes are cut on the CPU."""
        raise ArgumentError(
            "these people are not drawn on a GPU", where="Boxed", value=str(device)
        )
