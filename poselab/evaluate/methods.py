"""Every bundled method, asked in one way: an image and its true boxes -> joints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poselab import recipes, zoo
from poselab.evaluate.cost import count_macs
from poselab.pipelines import BottomUp, SinglePerson, TopDown

Answer = Callable[[Tensor, Tensor], Tensor]  # image, true boxes -> joints [Q, J, 2] px


@dataclass
class Method:
    """A method as it is asked here; `price` is (of a picture, of each person) MACs."""

    name: str
    kind: str  # "boxes given", "top-down" or "bottom-up"
    answer: Answer
    price: tuple[int, int]
    asked: Any = field(repr=False, default=None)  # the network or the system

    @property
    def given(self) -> bool:
        """Whether it needs the boxes of people."""
        return self.kind == "boxes given"


def methods(folder: Path = zoo.FOLDER) -> Iterable[Method]:
    """Every bundled network for one person, every system, every bottom-up network."""
    tasks = {
        name: zoo.card(name, folder)["recipe"]["task"] for name in zoo.names(folder)
    }
    for name, task in tasks.items():
        if task == "single":
            yield _single(zoo.load(name, folder=folder))
    for name, pair in recipes.systems().items():
        yield _top_down(name, zoo.top_down(*pair, folder=folder))
    for name, task in tasks.items():
        if task == "people":
            yield _bottom_up(zoo.load(name, folder=folder))


def _single(net: Any) -> Method:
    system = SinglePerson(net, net.codec, normalise=net.normalise)
    each = count_macs(net, torch.zeros(1, 3, *net.codec.size))
    return Method(
        net.name,
        "boxes given",
        lambda image, boxes: system.poses(image, boxes).keypoints,
        (0, each),
        net,
    )


def _top_down(name: str, system: TopDown) -> Method:
    seen, _ = system.detector.prepare(torch.zeros(3, 384, 512))
    single = system.single
    each = count_macs(single.net, torch.zeros(1, 3, *single.codec.size))
    return Method(
        name,
        "top-down",
        lambda image, boxes: system(image).keypoints,
        (count_macs(system.detector, seen), (1 + single.flip) * each),
        system,
    )


def _bottom_up(net: Any) -> Method:
    system = BottomUp(net, net.codec)
    return Method(
        net.name,
        "bottom-up",
        lambda image, boxes: system(image).keypoints,
        (count_macs(net, torch.zeros(1, 3, *net.codec.size)), 0),
        system,
    )
