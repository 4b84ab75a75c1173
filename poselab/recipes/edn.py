"""Everybody Dance Now (Chan et al. 2019, 1808.07371): paint one dancer from poses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poselab.datasets.dancer import Dancer
from poselab.errors import ArgumentError
from poselab.recipes.base import Ablation, Recipe
from poselab.records import Sample
from poselab.train import Schedule
from poselab.train.adversarial import train_adversarial

CHAPTER = "17"
SIZE = (64, 48)  # (H, W) px; 512x256 in the paper
WHO = 12  # an adult in plain colours that the room does not have
DANCE = 1  # the seed of what is danced: another one than that of the evaluation


@dataclass(frozen=True)
class Dancing:
    """The film of the drawn dancer `who` (see `Dancer`), the same for every seed."""

    who: int
    moves: int = 16
    length: int = 40

    def open(
        self, size: tuple[int, int], seed: int = 0, folder: str | None = None
    ) -> tuple[Dancer, Sample]:
        """The film, and its first frames in place of held-out ones.

        Raises `ArgumentError` for a `folder`: nobody else is painted here.
        """
        if folder is not None:
            raise ArgumentError(
                "this recipe paints a drawn dancer only", where="--data", value=folder
            )
        film = Dancer(size, self.who, DANCE, self.moves, self.length)
        return film, film.film[:2]


def _painter(steps: int, previous: bool = True) -> Recipe:
    return Recipe(
        about="paints a drawn dancer from a drawn pose and the frame before",
        model="edn_generator",
        # A fifth of the paper's channels, two of its four halvings (the picture is an
        # eighth of its height) and two of its nine blocks.
        arguments={"inputs": 6, "width": 12, "downs": 2, "blocks": 2},
        codec={"name": "painted", "size": SIZE, "previous": previous, "who": WHO},
        data=Dancing(WHO),
        # Batches of 8 are 4 pairs of frames. 2e-4 for a hundred thousand steps in
        # pix2pixHD; few steps want a higher rate.
        stages=(Schedule(steps, 8, 1e-3, weight_decay=0.0),),
        trainer=train_adversarial,
        task="painting",
    )


TINY = {"edn_tiny": _painter(600)}

ABLATIONS: dict[str, Any] = {
    "previous frame": Ablation(
        "Does a painted film flicker less with the frame before as an input?",
        {
            "with the frame before": _painter(250),
            "without": _painter(250, previous=False),
        },
    )
}
