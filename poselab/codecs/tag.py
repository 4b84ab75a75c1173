"""Joints as heatmaps, people as tags: what associative embedding learns.

Newell et al. 2017 (1611.05424), section 3.2: a tag is a number at each joint. The loss
pulls the tags of one person together and pushes the means of different people apart;
which numbers they become is left to the network, only differences matter. HigherHRNet
(1908.10357, sections 3.3 and 3.4) adds heatmaps of twice the resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from poselab.codecs import tag_group
from poselab.codecs.base import Inputs, Targets
from poselab.codecs.bottom_up import (
    CRITERIA,
    SceneCodec,
    counted,
    one_of,
    poses_of,
    resized,
    stacked,
    sub_cell,
)
from poselab.codecs.heatmap import draw_targets
from poselab.codecs.heatmap_decode import cells_to_pixels, pixels_to_cells
from poselab.errors import require, require_shape
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17


def tag_loss(tags: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """What pulls and what pushes, each averaged over the images.

    tags [B, P, J] at the joints of the people, there [B, P, J] bool. The pull is the
    mean squared distance of a person's tags from their mean, averaged over the people;
    the push is exp(-d^2 / 2) of two people's means at distance d, averaged over pairs
    of different people (the paper also counts everybody with themselves, which changes
    nothing but the number).
    """
    pull, push = tag_losses(tags, there)
    return pull.mean(), push.mean()


def tag_losses(tags: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """`tag_loss` of each image: [B] and [B]."""
    require_shape("there", there, *tags.shape)
    number = there.sum(-1)  # [B, P]
    somebody = number > 0
    tags = torch.where(there, tags, 0.0)
    mean = tags.sum(-1) / number.clamp(min=1)  # [B, P]
    spread = torch.where(there, tags - mean[..., None], 0.0).square()
    spread = spread.sum(-1) / number.clamp(min=1)
    people = somebody.sum(-1)  # [B]
    pull = (spread * somebody).sum(-1) / people.clamp(min=1)
    apart = mean[:, :, None] - mean[:, None]  # [B, P, P]
    pair = somebody[:, :, None] & somebody[:, None]
    pair = pair & ~torch.eye(tags.shape[1], dtype=torch.bool, device=tags.device)
    push = (torch.exp(-apart.square() / 2) * pair).sum((1, 2))
    return pull, push / pair.sum((1, 2)).clamp(min=1)


class TagCodec(SceneCodec, name="tag"):
    """People as heatmaps and tags: [B, 2 J, h, w] of `stride`, tags in the second half.

    More channels than 2 J are not looked at. `sigma` is in cells; `foreground` is how
    much more a cell counts where the target is not 0; `criterion` is what the loss of
    heatmaps is, "mse" or, for a network whose heatmaps are probabilities, "logistic";
    `pull` and `push` are the weights
    of `tag_loss`. Maps are read at `enlarge` times their resolution, with the grouping
    of `rules`; `fill` looks for joints that were missed. `precise` puts joints at the
    tops of the Gaussians instead of a quarter of a cell beside the highest cell.
    """

    def __init__(
        self,
        size: tuple[int, int] = (192, 256),
        stride: int = 4,
        sigma: float = 1.0,
        foreground: float = 0.0,
        criterion: str = "mse",
        pull: float = 1e-3,
        push: float = 1e-3,
        enlarge: int = 1,
        fill: bool = True,
        precise: bool = True,
        rules: tag_group.TagGrouping | dict = tag_group.AE,
    ) -> None:
        super().__init__(size, stride, COCO_17)
        self.precise = precise
        require(
            enlarge in (1, 2, 4), "must be 1, 2 or 4", where="enlarge", value=enlarge
        )
        self.sigma, self.foreground, self.fill = sigma, foreground, fill
        self.criterion = one_of(CRITERIA, criterion)
        self.pull, self.push, self.enlarge = pull, push, enlarge
        if isinstance(rules, dict):
            rules = replace(tag_group.AE, **rules)
        self.rules = rules

    @property
    def joints(self) -> int:
        """J."""
        return len(self.skeleton)

    # --- targets ---------------------------------------------------------------------

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); "heatmaps" [B, J, h, w], "weight", "cells", "there".

        cells [B, P, J] is where in the flat maps a joint's tag is read, there [B, P, J]
        bool whether it is labelled and inside.
        """
        sample = stacked(sample, self.size)
        flags = sample.visibility * sample.present[..., None]
        heatmaps = draw_targets(
            sample.keypoints, flags, self.heatmap_size, self.stride, self.sigma
        )
        h, w = self.heatmap_size
        cells = pixels_to_cells(sample.keypoints, self.stride)
        cells = torch.where((flags > 0)[..., None], cells, -1.0).round().long()
        x, y = cells.unbind(-1)
        inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
        targets = {
            "heatmaps": heatmaps,
            "weight": counted(sample, self.stride),
            "cells": torch.where(inside, y * w + x, 0),
            "there": inside & (flags > 0),
        }
        return (sample.image,), targets

    def loss(self, output: Any, targets: Targets) -> Tensor:
        """Squared differences of heatmaps and the losses of tags, of every stage."""
        return torch.stack([self._loss(x, targets) for x in self.stages(output)]).sum()

    def _loss(self, output: Tensor, targets: Targets) -> Tensor:
        heatmaps, tags = self._halves(output)
        loss = self._heat(heatmaps, targets["heatmaps"], targets["weight"])
        index = targets["cells"].transpose(1, 2)  # [B, J, P]
        tags = tags.float().flatten(2).gather(2, index).transpose(1, 2)  # [B, P, J]
        pull, push = tag_loss(tags, targets["there"])
        return loss + self.pull * pull + self.push * push

    def _heat(self, heatmaps: Tensor, goal: Tensor, weight: Tensor) -> Tensor:
        weight = weight * (1 + self.foreground * goal)
        return CRITERIA[self.criterion](heatmaps, goal, weight)

    def _halves(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Heatmaps and tags [B, J, h, w]."""
        return output[:, : self.joints], output[:, self.joints : 2 * self.joints]

    # --- use -------------------------------------------------------------------------

    def mirror(self, output: Any) -> Any:
        """Of mirror images: columns turned, left and right joints swapped.

        Tags, too, change their place and not their value: the mirror image may have
        given other numbers to the same people.
        """
        return {k: self._flip(v) for k, v in self.read(output).items()}

    def _flip(self, maps: Tensor) -> Tensor:
        index = list(self.skeleton.flip_index)
        return maps[:, index].flip(3)  # columns, also where tags have a last dimension

    def read(self, output: Any) -> dict[str, Tensor]:
        """An output as "heatmaps" [B, J, H', W'] and "tags" [B, J, H', W', T].

        T is 1, or, after `combine`, how many outputs there were.
        """
        if isinstance(output, dict):
            return output
        heatmaps, tags = self._halves(output)
        return self._aligned([heatmaps], tags, self.enlarge)

    def _aligned(self, heatmaps: list[Tensor], tags: Tensor, factor: int):
        """The mean of heatmaps of any resolution, and tags, `factor` times enlarged."""
        size = factor * tags.shape[-2], factor * tags.shape[-1]
        mean = torch.stack([resized(maps, size) for maps in heatmaps]).mean(0)
        return {"heatmaps": mean, "tags": resized(tags, size)[..., None]}

    def combine(self, outputs: Sequence[Any]) -> dict[str, Tensor]:
        """One output from several: heatmaps averaged, tags side by side.

        A mean of tags would mix numbers that have nothing to do with each other.
        """
        outputs = [self.read(output) for output in outputs]
        size = outputs[0]["heatmaps"].shape[-2:]
        heatmaps = [resized(output["heatmaps"], size) for output in outputs]
        tags = [
            resized(one, size)
            for output in outputs
            for one in output["tags"].unbind(-1)
        ]
        return {
            "heatmaps": torch.stack(heatmaps).mean(0),
            "tags": torch.stack(tags, -1),
        }

    def rescale(
        self, output: Any, scale: float, sides: tuple[int, int]
    ) -> dict[str, Tensor]:
        """As `SceneCodec.rescale`."""
        output = self.read(output)
        tags = [self.rescaled(one, scale, sides) for one in output["tags"].unbind(-1)]
        heatmaps = self.rescaled(output["heatmaps"], scale, sides)
        return {"heatmaps": heatmaps, "tags": torch.stack(tags, -1)}

    def decode(self, output: Any, min_score: float = 0.0) -> Poses:
        """As `SceneCodec.decode`; also of what `combine` and `mirror` give."""
        return super().decode(self.read(output), min_score)

    def group(self, output: dict[str, Tensor]) -> Poses:
        """ "heatmaps" [J, H', W'], "tags" [J, H', W', T] of one image -> its people."""
        heatmaps = output["heatmaps"]
        people, scores = tag_group.group(
            heatmaps, output["tags"], self.rules, filled=self.fill
        )
        if not len(people):
            return Poses.empty(self.joints)
        stride = self.size[0] / heatmaps.shape[1]
        points = people[..., :2] * stride - 0.5  # from corners to centres of pixels
        if self.precise:
            who, joint = people[..., 2].nonzero()
            x, y = people[who, joint, :2].astype(int).T
            tops = sub_cell(heatmaps.numpy(), joint, x, y)
            points[who, joint] = cells_to_pixels(tops, stride)
        return poses_of(points, people[..., 2], scores)


class FineTagCodec(TagCodec, name="fine_tag"):
    """HigherHRNet: a tuple of [B, 2 J, h, w] and heatmaps [B, J, 2 h, 2 w].

    Both have their own target of `sigma` cells, and their losses are added; heatmaps
    are the mean of both, at the finer resolution, and so are the tags enlarged
    (multi-resolution supervision and aggregation). A tuple with one entry, of a network
    without the fine map, is read at the same resolution. `rules`: 5 x 5 cells around a
    peak, and L2 distances of tags, as its authors have it.
    """

    def __init__(
        self,
        size: tuple[int, int] = (192, 256),
        stride: int = 4,
        rules: tag_group.TagGrouping | dict = tag_group.HIGHER,
        **options: Any,
    ) -> None:
        if isinstance(rules, dict):
            rules = replace(tag_group.HIGHER, **rules)
        super().__init__(size, stride, enlarge=2, rules=rules, **options)

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """As `TagCodec.encode`, and "fine" [B, J, 2 h, 2 w], "fine_weight"."""
        inputs, targets = super().encode(sample)
        sample, half = sample.batched(), self.stride // 2
        size = 2 * self.heatmap_size[0], 2 * self.heatmap_size[1]
        flags = sample.visibility * sample.present[..., None]
        fine = draw_targets(sample.keypoints, flags, size, half, self.sigma)
        more = {"fine": fine, "fine_weight": counted(sample, half)}
        return inputs, {**targets, **more}

    def _loss(self, output: tuple[Tensor, ...], targets: Targets) -> Tensor:
        loss = super()._loss(output[0], targets)
        for heatmaps in output[1:]:
            loss = loss + self._heat(heatmaps, targets["fine"], targets["fine_weight"])
        return loss

    def read(self, output: Any) -> dict[str, Tensor]:
        """As `TagCodec.read`, of the mean of both resolutions."""
        if isinstance(output, dict):
            return output
        heatmaps, tags = self._halves(output[0])
        return self._aligned([heatmaps, *output[1:]], tags, self.enlarge)
