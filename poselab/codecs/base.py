"""What a codec is: all that is known about what a network is given and what comes out.

    Sample -> encode -> inputs, targets;   output = net(*inputs)
    output, targets -> loss                the training
    output -> decode -> Poses              the use

Nobody else looks into the output of a network. Its form is free, with one rule: a list
has one output for each stage of a staged network; the parts of one output (heatmaps
and tags, say) are a tuple or a dictionary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from poselab.errors import ArgumentError
from poselab.geometry import crop_matrix, expand_box
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton

Inputs = tuple[Tensor, ...]
Targets = dict[str, Any]

NAMED: dict[str, type[Codec]] = {}  # by the name that recipes and cards use


class Codec(ABC):
    """The base of all codecs; `size` is the (H, W) of the network's input in px.

    A new one writes `encode`, `loss` and `decode`, and `mirror` if it is to take part
    in the flip test. What moves or changes its sign in a mirror image is up to it.
    """

    recordable = True  # a GPU's steps ask nothing of the CPU: see `poselab.train.graph`
    size: tuple[int, int]
    skeleton: Skeleton = COCO_17

    def __init_subclass__(cls, name: str | None = None, **options: Any) -> None:
        """`class MyCodec(Codec, name="mine")` is built by `codecs.build("mine")`.

        Raises `ArgumentError` if another class has this name already.
        """
        super().__init_subclass__(**options)
        if name is None:
            return
        known = NAMED.setdefault(name, cls)
        if known.__qualname__ != cls.__qualname__:
            raise ArgumentError(
                "two codecs have this name",
                where="Codec",
                field=name,
                value=[known.__qualname__, cls.__qualname__],
            )
        NAMED[name] = cls  # the same one again, after a notebook's reload

    @abstractmethod
    def encode(
        self, sample: Sample, generator: torch.Generator | None = None
    ) -> tuple[Inputs, Targets]:
        """A stacked sample -> the network's inputs, images first, and the targets.

        All that is random is drawn from `generator`.
        """

    @abstractmethod
    def loss(self, output: Any, targets: Targets) -> Tensor:
        """The whole output, all stages, against the targets: a scalar."""

    @abstractmethod
    def decode(self, output: Any) -> Poses:
        """One stage of the output -> stacked `Poses`, in pixels of the input."""

    def stages(self, output: Any) -> list[Any]:
        """The output after each stage, the best last; each of them can be decoded."""
        return stages_of(output)

    def crop_matrix(self, boxes: Tensor, margin: float = 1.25) -> Tensor:
        """The maps [N, 2, 3] from an image to the inputs that show the boxes [N, 4].

        Boxes are xywh px; each grows by `margin` and to the aspect ratio of the input.
        """
        return crop_matrix(expand_box(boxes, self.size, margin), self.size)

    def mirror_inputs(self, inputs: Inputs) -> Inputs:
        """The inputs of the mirror images.

        The first input [B, C, H, W] is turned and the others stay. A codec whose other
        inputs have a left and a right side turns those, too.
        """
        image, *others = inputs
        return (image.flip(-1), *others)

    def mirror(self, output: Any) -> Any:
        """One stage's output for mirror images, as an output for the images.

        Same structure: columns are turned, left and right joints change places, x
        coordinates change their sign. Raises `ArgumentError` where a codec has none.
        """
        raise ArgumentError(
            "this codec has no rule for mirror images",
            where=type(self).__name__,
            field="mirror",
            fix="Leave the flip test out, or write the method.",
        )

    def merge(self, output: Any, mirrored: Any) -> Any:
        """One output from two, the second being the answer of `mirror`: their mean.

        A codec whose parts must not be averaged, such as tags, overrides this.
        """
        return mean_of(output, mirrored)


def stages_of(output: Any) -> list[Any]:
    """The output of each stage of a network: the items of a list, or else all of it."""
    return output if isinstance(output, list) else [output]


def mean_of(a: Any, b: Any) -> Any:
    """The mean of two outputs of the same structure, tensor by tensor."""
    if isinstance(a, dict):
        return {key: mean_of(value, b[key]) for key, value in a.items()}
    if isinstance(a, (tuple, list)):
        parts = [mean_of(x, y) for x, y in zip(a, b, strict=True)]
        return type(a)(*parts) if hasattr(a, "_fields") else type(a)(parts)
    return (a + b) / 2


def require_generator(generator: torch.Generator | None, what: str) -> torch.Generator:
    """The generator that draws `what`; an `ArgumentError` if it was not given."""
    if generator is None:
        raise ArgumentError(
            f"{what} are drawn at random",
            where="generator",
            value=generator,
            fix="Give torch.Generator().manual_seed(0).",
        )
    return generator
