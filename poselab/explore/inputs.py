"""What explorers are given: checked once, in one way, and what they remember of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from poselab.datasets import SyntheticPeople
from poselab.errors import require
from poselab.records import Sample

_KEPT = 512  # answers of one method that are remembered
Thing = TypeVar("Thing")


class remembered:  # noqa: N801, it is used as a decorator
    """A method whose answers are kept, for each object its own.

    For forward passes and drawn scenes: a slider that comes back finds the answer
    again. Arguments must be hashable, and no gradients are kept. Make a new explorer
    after more training. `explorer.method.cache_info()` counts.
    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        functools.update_wrapper(self, method)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, thing: Any, owner: type | None = None) -> Any:
        if thing is None:
            return self
        answer = torch.no_grad()(self._method.__get__(thing))
        kept = functools.lru_cache(_KEPT)(answer)
        thing.__dict__[self._name] = kept  # found there from now on
        return kept


def expect(thing: Thing, kind: type[Thing], where: str, fix: str | None = None) -> Any:
    """The thing, if it is of this kind; else an `ArgumentError` that names both."""
    require(
        isinstance(thing, kind),
        f"the explorer needs {_article(kind.__name__)} {kind.__name__}",
        where=where,
        value=type(thing).__name__,
        fix=fix,
    )
    return thing


def fitting(network: nn.Module, codec: Any, fix: str) -> nn.Module:
    """The network in `eval`, if it answers what the codec reads, as far as one can see.

    Networks of the zoo have a `codec`, which must be of the same kind; else, and for
    what is no network, an `ArgumentError`.
    """
    own = getattr(expect(network, nn.Module, "network", fix), "codec", codec)
    require(
        type(own) is type(codec),
        f"the explorer reads with {_article(name := type(codec).__name__)} {name}, and "
        "a network with the codec it was trained for",
        where="network",
        field="codec",
        value=type(own).__name__,
        fix=fix,
    )
    return network.eval()


def _article(name: str) -> str:
    # Letters that are read with a vowel: an HRNet, an RCNN.
    spelt = name[:2].isupper() and name[0] in "AEFHILMNORSX"
    return "an" if spelt or name[0] in "AEIO" else "a"


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights are."""
    return next(network.parameters()).device


def single_people(samples: Sample) -> Sample:
    """The samples on the CPU; an `ArgumentError` unless one person is in each image."""
    expect(samples, Sample, "samples")
    require(
        samples.is_stacked and samples.keypoints.shape[1] == 1,
        "one person per image is needed, in a stacked Sample",
        where="samples",
        field="keypoints",
        value=list(samples.keypoints.shape),
    )
    return samples.to("cpu")


def crowds(samples: Sample) -> Sample:
    """The samples on the CPU; an `ArgumentError` unless they are stacked."""
    expect(samples, Sample, "samples")
    require(
        samples.is_stacked and len(samples) > 0,
        "a stacked Sample is needed",
        where="samples",
        value=samples,
    )
    return samples.to("cpu")


def neighbours(
    maker: SyntheticPeople,
    distance: float,
    depth: float,
    seed: int,
    *,
    away: float,
    focal: float,
) -> Sample:
    """Two people side by side, one standing and one walking.

    `distance` between them and how far one stands behind the other, `depth`, in mm, as
    is `away`, their distance from the camera; its focal length in px.
    """
    return maker.scene(
        x=[-distance / 2, distance / 2],
        z=[0.0, -float(depth)],
        yaw=[0.0, 0.0],
        activity=["standing", "walking"],
        distance=away,
        focal_length=focal,
        seed=seed,
        background="room",
    )
