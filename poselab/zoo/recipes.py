"""How the bundled weights were trained, as a table, and the code that follows it."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poselab import codecs
from poselab.datasets import CocoPeople, PersonCrops, SyntheticPeople
from poselab.datasets.coco.layout import open_coco
from poselab.datasets.sources import Mixed, Varied
from poselab.errors import ArgumentError
from poselab.models import build, save_weights
from poselab.records import Sample
from poselab.system import distributed
from poselab.train import (
    History,
    Source,
    fit,
    of_stage,
    train_cascade,
    train_coarse_to_fine,
    train_feedback,
)

HELD_OUT = 1_000_000  # added to the seed: other people than those trained on


@dataclass(frozen=True)
class Stage:
    """One call of `fit`."""

    steps: int
    batch_size: int
    lr: float
    schedule: str = "cosine"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, except seed and machine.

    `arguments` build the `model`; `pool` images are drawn once and varied by
    `augment` with the options of `variation` (none: used as they are). `codec` holds
    the name and the options for `codecs.build`, and then there is one stage; without it
    the model is a cascade, whose stages bring their own, and `held_out` more images
    measure the errors that the next stage learns to mend. `crops` people cut out of
    crowds join the pool, for networks that are to work behind a detector. `people` is
    how many an image of the pool has.
    """

    about: str
    arguments: dict[str, Any]
    stages: tuple[Stage, ...]
    pool: int
    held_out: int = 512
    variation: dict[str, float] = field(default_factory=dict)
    model: str = "deeppose_cascade"
    codec: dict[str, Any] = field(default_factory=dict)
    crops: int = 0
    people: int | tuple[int, int] = 1

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the images, which the codec says, or else the cascade."""
        height, width = (self.codec or self.arguments)["size"]
        return height, width


# Maps of stride 4 that learn which cell it is, read by DARK.
MAPS = {
    "name": "heatmap",
    "size": (128, 96),
    "stride": 4,
    "sigma": 1.5,
    "loss": "cross_entropy",
    "decoder": "dark",
}

RECIPES = {
    "deeppose_tiny": Recipe(
        about="DeepPose with one refining stage, on single drawn people",
        arguments={"size": (128, 96), "stages": 2, "sigma": 1.0, "crop": 24},
        stages=(Stage(7000, 32, 2e-3), Stage(2000, 16, 2e-3)),
        pool=8000,
        variation={"degrees": 0.0, "zoom": 0.0, "shift": 0.05},
    ),
    "deeppose_live": Recipe(
        about="the same network in half a minute: what notebook 01 trains",
        arguments={"size": (128, 96), "stages": 2, "sigma": 1.0, "crop": 24},
        stages=(Stage(400, 32, 2e-3), Stage(300, 16, 2e-3)),
        pool=3000,
    ),
    "tompson_tiny": Recipe(
        about="three resolutions and a second look, on single drawn people",
        arguments={
            "size": (128, 96),
            "levels": 3,
            "width": 32,
            "dropout": 0.1,
            "crop": 24,
        },
        stages=(Stage(1200, 16, 2e-3), Stage(1200, 8, 4e-3)),
        pool=3000,
        variation={"degrees": 0.0, "zoom": 0.0, "shift": 0.05},
        model="tompson_coarse_to_fine",
    ),
    "cpm_tiny": Recipe(
        about="a pose machine of three stages, on single drawn people",
        arguments={"stages": 3, "width": 24},
        stages=(Stage(1300, 16, 4e-3),),
        pool=3000,
        variation={"degrees": 0.0, "zoom": 0.0, "shift": 0.05},
        model="cpm_tiny",
        codec=MAPS,
    ),
    "ief_tiny": Recipe(
        about="iterative error feedback, four steps, on single drawn people",
        arguments={"size": (128, 96), "stages": 4, "bound": 7.0, "sigma": 8.0},
        stages=(
            Stage(400, 16, 2e-3),
            Stage(400, 16, 2e-3),
            Stage(600, 16, 2e-3),
            Stage(1100, 16, 2e-3),
        ),
        pool=8000,
        model="ief",
    ),
    "simple_baseline_tiny": Recipe(
        about="a short ResNet and three transposed convolutions, on crops of people",
        arguments={"depth": 10, "width": 16, "filters": 48},
        stages=(Stage(2400, 32, 3e-3),),
        pool=4000,
        crops=4000,
        variation={"degrees": 15.0, "zoom": 0.1, "shift": 0.05},
        model="simple_baseline",
        codec=MAPS,
    ),
    "rcnn_tiny": Recipe(
        about="a detector of people in two steps, on drawn crowds",
        arguments={},
        stages=(Stage(2400, 8, 2e-3),),
        pool=4000,
        held_out=8,
        people=(2, 8),
        variation={"degrees": 0.0, "zoom": 0.2, "shift": 0.05},
        model="rcnn_tiny",
        codec={"name": "detection", "size": (192, 256)},
    ),
    "cpn_tiny": Recipe(
        about="a feature pyramid, refined on the 8 hardest joints of each person",
        arguments={"depth": 10, "width": 16, "filters": 48},
        stages=(Stage(800, 32, 4e-3),),
        pool=4000,
        crops=4000,
        variation={"degrees": 15.0, "zoom": 0.1, "shift": 0.05},
        model="cpn",
        codec={**MAPS, "name": "hard_heatmap", "hard": 8},
    ),
    "hrnet_tiny": Recipe(
        about="four resolutions side by side that exchange what they know",
        arguments={"width": 16, "modules": (1, 1, 1), "blocks": 1, "stem": 24},
        stages=(Stage(800, 32, 4e-3),),
        pool=4000,
        crops=4000,
        variation={"degrees": 15.0, "zoom": 0.1, "shift": 0.05},
        model="hrnet",
        codec=MAPS,
    ),
    "heatmap_tiny": Recipe(
        about="heat maps on the backbone of DeepPose, on single drawn people",
        arguments={},
        stages=(Stage(2400, 32, 2e-3),),
        pool=8000,
        variation={"degrees": 0.0, "zoom": 0.0, "shift": 0.05},
        model="heatmap_net",
        codec={
            "name": "heatmap",
            "size": (128, 96),
            "stride": 4,
            "sigma": 1.5,
            "loss": "cross_entropy",
            "decoder": "dark",
        },
    ),
}


def _hourglass(about: str, **arguments: Any) -> Recipe:
    """Notebook 06's networks, which differ only in what they spend weights on."""
    shape = {"joints": 17, "depth": 3, "stem": (16, 32)}
    return Recipe(
        about=about,
        arguments=shape | arguments,
        stages=(Stage(3000, 16, 4e-3),),
        pool=3000,
        variation={"degrees": 0.0, "zoom": 0.0, "shift": 0.05},
        model="hourglass",
        codec=RECIPES["heatmap_tiny"].codec,
    )


RECIPES |= {
    "hourglass_tiny": _hourglass(
        "two stacked hourglasses, on single drawn people", stacks=2, width=32
    ),
    "hourglass_1_tiny": _hourglass(
        "one hourglass with the weights of two", stacks=1, width=46
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe `name`; an `ArgumentError` that lists them if there is none."""
    if name not in RECIPES:
        raise ArgumentError(
            "no recipe of this name",
            where="name",
            value=name,
            fix=f"Known: {', '.join(RECIPES)}.",
        )
    return RECIPES[name]


def train(
    recipe: Recipe,
    data: Source,
    held_out: Sample,
    seed: int = 0,
    device: torch.device | str = "cpu",
    **options: Any,
) -> tuple[nn.Module, list[History]]:
    """Train what the recipe describes: a cascade, or one network with its codec.

    The arguments are those of `train_cascade`.
    """
    if recipe.model == "tompson_coarse_to_fine":
        return train_coarse_to_fine(recipe, data, seed, device, **options)
    if recipe.model == "ief":
        return train_feedback(recipe, data, held_out, seed, device, **options)
    if not recipe.codec:
        return train_cascade(recipe, data, held_out, seed, device, **options)
    net = build(recipe.model, seed, **recipe.arguments).to(device)
    codec = codecs.build(**recipe.codec)
    (stage,) = recipe.stages
    history = fit(net, codec, data, **asdict(stage), seed=seed, **of_stage(options, 0))
    return net.eval(), [history]


def people(recipe: Recipe, seed: int = 0) -> tuple[Source, Sample]:
    """The recipe's training data and held-out samples; no image is in both."""
    size = recipe.size
    count = recipe.people
    pool: Source = SyntheticPeople(size, count, seed).pool(recipe.pool)
    if recipe.crops:
        pool = Mixed((pool, PersonCrops(size, seed=seed).pool(recipe.crops)))
    held_out = SyntheticPeople(size, count, seed + HELD_OUT).batch(recipe.held_out)
    return (Varied(pool, recipe.variation) if recipe.variation else pool), held_out


def own_people(recipe: Recipe, folder: str) -> tuple[Source, Sample]:
    """Training data and plain samples from a data set in COCO's format.

    `folder` as for `open_coco`. Every person varies as in HRNet's training.
    """
    crops = CocoPeople(open_coco(folder, "train2017"), recipe.size)
    few = range(min(recipe.held_out, len(crops)))
    return crops, Sample.cat([crops[i] for i in few])


def for_few(recipe: Recipe, samples: int) -> Recipe:
    """The recipe with no batch larger than the data set."""
    stages = [
        replace(s, batch_size=distributed.shared_batch(s.batch_size, samples))
        for s in recipe.stages
    ]
    return replace(recipe, stages=tuple(stages))


def make(
    name: str,
    folder: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: bool = True,
    data: str | None = None,
    **options: Any,
) -> nn.Module:
    """Follow the recipe and write `name`.safetensors and its card into `folder`.

    With `data` (see `open_coco`) on those people, else on drawn ones. `options` go to
    `fit`, such as a `checkpoint` to go on from; of a team of processes the leader
    writes.
    """
    chosen, start = recipe(name), time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)  # found out now, not after the training
    source, held_out = own_people(chosen, data) if data else people(chosen, seed)
    if data:
        chosen = for_few(chosen, len(source))
    net, histories = train(
        chosen, source, held_out, seed, device, progress=progress, **options
    )
    learning = sum(h.seconds for h in histories)  # before a stop as well
    if not distributed.team().leads:
        return net
    card = {
        "about": chosen.about,
        "model": chosen.model,
        "arguments": chosen.arguments,
        "recipe": asdict(chosen),
        "command": f"python -m poselab.train {name} --seed {seed}"
        + (f" --data {data}" if data else ""),
        "seed": seed,
        "seconds": round(max(time.perf_counter() - start, learning), 1),
        "seconds_per_stage": [round(h.seconds, 1) for h in histories],
        "device": _describe(device),
        "torch": torch.__version__,
        "parameters": sum(p.numel() for p in net.parameters()),
    }
    save_weights(net, folder / f"{name}.safetensors")
    text = json.dumps(card, indent=1) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return net


def _describe(device: str) -> str:
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
