"""What is the same for all networks that are trained together."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from poselab.recipes import Drawn, Recipe
from poselab.recipes.shared import MIXTURE


@dataclass(frozen=True)
class Rules:
    """The budget of every network, and where and how it is spent.

    `pictures` for the training that counts; before it each of `rates` is tried on
    `search` pictures, and the best on held-out people is taken. `pool` pictures of each
    kind are drawn. `deadline` is the time (`time.monotonic`) at which all has to be
    written. Batches have `batch` pictures: a GPU takes as long for a few, and more
    would leave too few steps.
    """

    device: str
    deadline: float
    out: str
    pictures: int = 1_000_000
    search: int = 65_536
    rates: tuple[float, ...] = (2e-3, 4e-3, 8e-3)
    batch: int = 128
    pool: int = 49_152
    held_out: int = 1024
    scenes: int = 16_384
    average: float = 0.999
    half: bool = False
    graphed: bool = True
    seed: int = 0

    def write(self, path: Path) -> None:
        """For the learners to read."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Rules:
        """What `write` has written."""
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**content, "rates": tuple(content["rates"])})


def budgeted(recipe: Recipe, rules: Rules, pictures: int, lr: float) -> Recipe:
    """The recipe with as many `pictures`, shared among its stages as they were.

    Networks for one person learn from the mixture that is the same for all.
    """
    whole = sum(stage.pictures for stage in recipe.stages)
    stages = tuple(
        replace(
            stage,
            steps=max(1, round(pictures * stage.pictures / whole / rules.batch)),
            batch_size=rules.batch,
            lr=lr,
            schedule="cosine",
            average=rules.average,
        )
        for stage in recipe.stages
    )
    return replace(recipe, stages=stages, data=_people(recipe, rules))


def _people(recipe: Recipe, rules: Rules) -> Any:
    """The people a recipe learns from: as many as all the others have."""
    data, few = recipe.data, {"held_out": rules.held_out}
    if type(data) is not Drawn:  # people of its own kind
        alone = getattr(data, "people", 0) == 1  # a film has no number of people
        pool = rules.pool if alone else rules.scenes
        known = {"pool": pool, "crops": rules.pool, **few}
        # No crops join a recipe without any: a detector learns from whole scenes.
        return replace(data, **{k: v for k, v in known.items() if getattr(data, k, 0)})
    if recipe.task == "single":
        return replace(MIXTURE, pool=rules.pool, crops=rules.pool, **few)
    return replace(data, pool=rules.scenes, held_out=64)
