"""What the trainings ask of those who call them, and how one network is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from poselab.codecs import Codec
from poselab.datasets.sources import Source
from poselab.records import Sample
from poselab.train.history import History
from poselab.train.loop import checkpoint_of, fit
from poselab.train.schedules import Schedule


class Plan(Protocol):
    """What a trainer reads of a recipe; `poselab.recipes.Recipe` is one."""

    @property
    def stages(self) -> tuple[Schedule, ...]:
        """The schedules, one for each call of `fit`."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the network's input in px."""

    def network(self, seed: int) -> nn.Module:
        """The network with its first weights."""

    def reader(self) -> Codec:
        """The codec of the network."""

    def prepared(self, net: nn.Module) -> nn.Module:
        """`net` for images in [0, 1]: behind its normalisation, if it has one."""


class Trainer(Protocol):
    """What a recipe names as its `trainer`.

    `data` gives the training batches; `held_out` (stacked) are other samples, for
    trainings that look at what a stage does with new people. `options` go to `fit`;
    its `checkpoint` is the folder of all stages' files. Returns the trained network in
    eval mode and the history of each stage.
    """

    def __call__(
        self,
        plan: Plan,
        data: Source,
        held_out: Sample | None,
        seed: int = 0,
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> tuple[nn.Module, list[History]]: ...


def train_single(
    plan: Plan,
    data: Source,
    held_out: Sample | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    prepare: Callable[[nn.Module], Any] | None = None,
    **options: Any,
) -> tuple[nn.Module, list[History]]:
    """Train one network with its codec, in one stage: most recipes are of this kind.

    A `Trainer`; `held_out` is not looked at. `prepare` may change the first weights.
    """
    (schedule,) = plan.stages
    net = plan.network(seed)
    if prepare is not None:
        prepare(net)
    whole = plan.prepared(net).to(device)
    options = of_stage(options, 0)
    history = fit(whole, plan.reader(), data, schedule, seed=seed, **options)
    return net.eval(), [history]


def of_stage(options: dict[str, Any], stage: int) -> dict[str, Any]:
    """The options of `fit` for one stage of several: a checkpoint file of its own.

    `deadlines`, if there are some, are those of the stages.
    """
    own = dict(options)
    folder: str | Path | None = own.get("checkpoint")
    own["checkpoint"] = checkpoint_of(folder, stage)
    deadlines = own.pop("deadlines", None)
    return own if deadlines is None else {**own, "deadline": deadlines[stage]}


def scored_as(options: dict[str, Any], net: nn.Module, codec: Codec) -> dict[str, Any]:
    """The options of `fit` for a part of `net`: what is scored on the way is `net`.

    A part alone answers nothing that could be scored.
    """
    score = options.get("score")
    if score is None:
        return options

    def whole(part: nn.Module, own: Codec) -> dict[str, float]:
        return score(net.eval(), codec)

    return {**options, "score": whole}
