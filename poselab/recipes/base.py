"""What a recipe, a released network and an ablation are."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from poselab import codecs, models
from poselab.codecs import Codec
from poselab.models import PLAIN, Normalise, Normalised
from poselab.recipes.data import Annotated, Drawn
from poselab.skeleton import Skeleton, description
from poselab.train import Schedule, Trainer, train_single

NEAR_ZERO = 1e-3  # the spread of first weights that are to be small


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a network's weights, except the seed and the machine.

    `arguments` build the `model` (`poselab.models.build`), `codec` is the name and the
    options of the codec that reads it (`poselab.codecs.build`), `data` says which
    people it learns from, and `stages` how long: one schedule for each call of `fit`.
    The `trainer` makes these calls; most networks need `train_single`. `normalise` is
    applied to the images first. Convolutions whose names begin with one of `near_zero`
    start from N(0, 0.001^2). `task` names what the network is scored by (see
    `poselab.evaluate.tasks`).
    """

    about: str
    model: str
    arguments: dict[str, Any]
    codec: dict[str, Any]
    data: Drawn | Annotated
    stages: tuple[Schedule, ...]
    trainer: Trainer = train_single
    normalise: Normalise = PLAIN
    near_zero: tuple[str, ...] = ()
    task: str = "single"

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the network's input in px."""
        height, width = self.codec["size"]
        return height, width

    @property
    def pictures(self) -> int:
        """How many training samples all stages see together."""
        return sum(stage.pictures for stage in self.stages)

    def network(self, seed: int) -> nn.Module:
        """The network with first weights drawn from `seed`."""
        net = models.build(self.model, seed, **self.arguments)
        start_near_zero(net, self.near_zero, seed)
        return net

    def reader(self) -> Codec:
        """A codec as `codec` describes it."""
        return codecs.build(**self.codec)

    def prepared(self, net: nn.Module) -> nn.Module:
        """`net` for images in [0, 1]: behind `normalise`, if that does anything."""
        return net if self.normalise == PLAIN else Normalised(net, self.normalise)

    def for_samples(self, samples: int) -> Recipe:
        """The recipe for a data set of so many samples (see `Schedule.for_samples`)."""
        stages = tuple(stage.for_samples(samples) for stage in self.stages)
        return replace(self, stages=stages)

    def for_skeleton(self, skeleton: Skeleton) -> Recipe:
        """The recipe for people with another skeleton than COCO's."""
        joints = {"joints": len(skeleton)}
        names = {"skeleton": description(skeleton)}
        return replace(
            self, arguments={**self.arguments, **joints}, codec={**self.codec, **names}
        )

    def content(self) -> dict[str, Any]:
        """All fields as JSON can hold them, the same after reading them back."""
        return plain(self)


@dataclass(frozen=True)
class Released:
    """A network of paper size whose weights the authors, or the field, released.

    `arguments` build the `model`, which has so many `parameters`; `codec` reads its
    output, as the released code does; `normalise` is what its images want. The weights
    are at `url` with the `sha256` (the first digits, where only they are published), or
    `supply` says where a learner finds a file that has no address of its own. `rename`
    turns a name of theirs into ours (None: not wanted), `ignored` are patterns of names
    that may be left over (see `poselab.zoo.checkpoint.load_into`).
    """

    paper: str
    arxiv: str
    model: str
    arguments: dict[str, Any]
    parameters: int
    licence: str
    codec: dict[str, Any]
    normalise: Normalise = PLAIN
    url: str | None = None
    sha256: str | None = None
    supply: str = ""
    rename: Any = field(default=None, repr=False)
    ignored: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The address of the weights, or how to come by them."""
        return self.url or f"supply the file: {self.supply}"

    def content(self) -> dict[str, Any]:
        """All fields as JSON can hold them."""
        return plain(self)


@dataclass(frozen=True)
class Ablation:
    """A question that needs more training than a notebook's cell can do.

    The `arms` are recipes that differ in what is asked about; `python -m
    poselab.evaluate claims NN` trains each with every one of `seeds` and scores it.
    """

    question: str
    arms: dict[str, Recipe]
    seeds: tuple[int, ...] = (0, 1, 2)


def start_near_zero(net: nn.Module, names: tuple[str, ...], seed: int) -> None:
    """Convolutions whose names begin with one of `names` from N(0, 0.001^2), biases 0.

    The first heatmaps are then near 0, where almost all of every target is.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, layer in net.named_modules():
        convolution = isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
        if names and convolution and name.startswith(names):
            layer.weight.data.normal_(0, NEAR_ZERO, generator=generator)
            if layer.bias is not None:
                layer.bias.data.zero_()


def plain(value: Any) -> Any:
    """A dataclass, and all in it, as dictionaries, lists, numbers and texts."""
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value)]
        return {"kind": type(value).__name__} | {
            name: plain(getattr(value, name)) for name in names
        }
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if callable(value):
        return value.__name__
    return json.loads(json.dumps(value))
