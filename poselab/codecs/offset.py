"""Joints as discs and vectors: what PersonLab learns.

Papandreou et al. 2018 (1803.08225), sections 3.1 to 3.3. A disc of `radius` pixels
around each joint; in the disc, how far it is to the joint (short offsets) and to its
neighbours in the tree (mid-range offsets, in both directions); on the whole person, how
far it is to each of the person's joints (long-range offsets), and where people are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from poselab.codecs.base import Inputs, Targets
from poselab.codecs.bottom_up import SceneCodec, counted, poses_of, stacked
from poselab.codecs.offset_decode import (
    PAPER,
    Answer,
    Decoding,
    decode_people,
    person_masks,
)
from poselab.errors import ArgumentError, require
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17

# Losses of heatmaps, masks, short, mid-range and long-range offsets (section 4).
WEIGHTS = {
    "heatmaps": 4.0,
    "people": 2.0,
    "short": 1.0,
    "forward": 0.25,
    "backward": 0.25,
    "far": 0.125,
}


class OffsetCodec(SceneCodec, name="offset"):
    """People as a dictionary of maps, as `models.personlab` describes it.

    The network's vectors are in units of `unit` px, so that its numbers are near 1.
    `radius` is that of the discs in px. With `masks` there are long-range offsets and a
    map of people, and answers have masks. `rules` are the constants of the decoder;
    stride, radius and the pixel of the first cell are the codec's own.
    """

    def __init__(
        self,
        size: tuple[int, int] = (192, 256),
        stride: int = 4,
        radius: float = 8.0,
        unit: float = 8.0,
        masks: bool = True,
        rules: Decoding | dict = PAPER,
    ) -> None:
        super().__init__(size, stride, COCO_17)
        for name, value in (("radius", radius), ("unit", unit)):
            require(value > 0, "must be positive", where=name, value=value)
        self.radius, self.unit, self.masks = float(radius), float(unit), masks
        rules = rules if isinstance(rules, Decoding) else replace(PAPER, **rules)
        self.rules = replace(
            rules, stride=stride, origin=(stride - 1) / 2, radius=float(radius)
        )

    # --- targets ---------------------------------------------------------------------

    def encode(self, sample: Sample, generator=None) -> tuple[Inputs, Targets]:
        """(images,); the maps that the network is to give, and where they count.

        Vectors are in units, heatmaps and people 0 or 1. Under the same names with
        "_at", [B, J or E, h, w] bool: where they are defined. In a disc of two people
        the nearer one is meant. A sample without masks or person_id teaches no masks.
        """
        sample = stacked(sample, self.size)
        there = (sample.visibility > 0) & sample.present[..., None]  # [B, P, J]
        points = torch.where(there[..., None], sample.keypoints, 0.0)
        if not points.shape[1]:  # somebody absent, to whom the cells can point
            points = points.new_zeros(len(points), 1, *points.shape[2:])
            there = there.new_zeros(points.shape[:3])
        centres = self._centres(points)  # [h, w, 2]
        owner, disc = self._owners(points, there, centres)  # [B, J, h, w]
        targets: Targets = {
            "weight": counted(sample, self.stride),
            "heatmaps": disc.float(),
        }
        joints = list(range(len(self.skeleton)))
        edges = {"short": (joints, joints)}
        parents, children = zip(*self.rules.tree, strict=True)
        edges["forward"] = list(parents), list(children)
        edges["backward"] = list(children), list(parents)
        for name, (start, end) in edges.items():
            found = self._vectors(points, there, centres, owner[:, start], end)
            targets[name] = found[0]
            targets[f"{name}_at"] = found[1] & disc[:, start]
        if self.masks:
            targets |= self._far(sample, points, there, centres)
        return (sample.image,), targets

    def _centres(self, like: Tensor) -> Tensor:
        """The centres of the cells, [h, w, 2] px (x, y)."""
        y, x = (
            torch.arange(n, device=like.device).to(like) * self.stride
            + self.rules.origin
            for n in self.heatmap_size
        )
        return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)

    def _owners(self, points: Tensor, there: Tensor, centres: Tensor):
        """Whose joint is nearest, and whether it is within `radius`; [B, J, h, w]."""
        nearest = points.new_full(
            (len(points), points.shape[2], *self.heatmap_size), 1e12
        )
        owner = torch.zeros_like(nearest, dtype=torch.int64)
        for p in range(points.shape[1]):
            square = (points[:, p, :, None, None] - centres).square().sum(-1)
            square = torch.where(there[:, p, :, None, None], square, 1e12)
            closer = square < nearest
            owner = torch.where(closer, p, owner)
            nearest = torch.where(closer, square, nearest)
        return owner, nearest <= self.radius**2

    def _vectors(self, points, there, centres, owner: Tensor, joints: list[int]):
        """From every cell to a joint of its owner: in units, and whether it is there.

        owner [B, N, h, w], one joint for each of N -> [B, 2 N, h, w] (all y first),
        [B, N, h, w] bool.
        """
        index = owner.flatten(2)  # [B, N, h w]
        goal = points[:, :, joints].transpose(1, 2)  # [B, N, P, 2]
        goal = goal.gather(2, index[..., None].expand(-1, -1, -1, 2))
        goal = goal.unflatten(2, owner.shape[-2:])  # [B, N, h, w, 2]
        known = there[:, :, joints].transpose(1, 2).gather(2, index)
        steps = (goal - centres) / self.unit
        vectors = torch.cat([steps[..., 1], steps[..., 0]], 1)
        return vectors, known.unflatten(2, owner.shape[-2:])

    def _far(self, sample: Sample, points, there, centres) -> Targets:
        """The targets of masks: "far", "far_at", "people", "people_at"."""
        who = person_of_cell(sample, self.stride)  # [B, h, w]
        known = who is not None
        if who is None:
            who = torch.full(
                (len(points), *self.heatmap_size), -1, device=points.device
            )
        joints = list(range(len(self.skeleton)))
        owner = who.clamp(min=0)[:, None].expand(-1, len(joints), -1, -1)
        vectors, at = self._vectors(points, there, centres, owner, joints)
        people = (who >= 0)[:, None]
        return {
            "far": vectors,
            "far_at": at & people,
            "people": people.float(),
            "people_at": torch.full_like(people, known),
        }

    # --- loss ------------------------------------------------------------------------

    def loss(self, output: Any, targets: Targets) -> Tensor:
        """Cross-entropy of discs and people, L1 of vectors, with the paper's weights.

        L1 is averaged over where the vectors are defined, in radii of a disc.
        """
        return torch.stack([self._loss(x, targets) for x in self.stages(output)]).sum()

    def _loss(self, output: dict[str, Tensor], targets: Targets) -> Tensor:
        total = []
        for name, share in WEIGHTS.items():
            if name not in targets or name not in output:
                continue
            found, goal = output[name].float(), targets[name]
            weight = targets["weight"]
            if name in ("heatmaps", "people"):
                weight = weight * targets.get(f"{name}_at", 1.0)
                each = F.binary_cross_entropy_with_logits(found, goal, reduction="none")
            else:
                at = torch.cat([targets[f"{name}_at"]] * 2, 1)  # y and x
                weight = weight * at
                each = (found - goal).abs() * (self.unit / self.radius)
            weight = weight.expand_as(each)
            total.append(share * (weight * each).sum() / weight.sum().clamp(min=1))
        return torch.stack(total).sum()

    # --- use -------------------------------------------------------------------------

    def mirror(self, output: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of mirror images: columns turned, sides swapped, x of vectors negated."""
        joints = list(self.skeleton.flip_index)
        edges = mirrored_edges(self.rules.tree, joints)
        index = {"short": joints, "far": joints, "forward": edges, "backward": edges}
        found = {}
        for name, maps in output.items():
            if name in index:
                y, x = maps.unflatten(1, (2, -1))[:, :, index[name]].flip(-1).unbind(1)
                found[name] = torch.cat([y, -x], 1)
            else:
                found[name] = (
                    self.flipped(maps) if name == "heatmaps" else maps.flip(-1)
                )
        return found

    def rescale(
        self, output: dict[str, Tensor], scale: float, sides: tuple[int, int]
    ) -> dict[str, Tensor]:
        """As `SceneCodec.rescale`; vectors in enlarged images are longer."""
        maps = super().rescale(output, scale, sides)
        same = ("heatmaps", "people")
        return {k: v if k in same else v / scale for k, v in maps.items()}

    def group(self, output: dict[str, Tensor]) -> Poses:
        """The maps of one image -> its people, without masks."""
        self.require_cells(output["heatmaps"])
        fields = [output[k] * self.unit for k in ("short", "forward", "backward")]
        answer = Answer.of(output["heatmaps"].sigmoid(), *fields)
        places, scores, totals = decode_people(answer, self.rules)
        if not len(places):
            return Poses.empty(len(self.skeleton))
        return poses_of(places[..., ::-1], scores, totals)

    def complete(self, output: dict[str, Tensor], people: Poses) -> Poses:
        """With masks, if the network has them: pixels go to these people only."""
        if "far" not in output:
            return people
        masks = person_masks(
            output["far"] * self.unit,
            output["people"][0].sigmoid(),
            people.keypoints.flip(-1).double().numpy(),
            people.scores.double().numpy(),
            self.stride,
            self.size,
        )
        return people.replace(masks=masks)


def mirrored_edges(tree: tuple[tuple[int, int], ...], flip: list[int]) -> list[int]:
    """For each edge the one that it is in a mirror; `ArgumentError` without one."""
    pairs = [(flip[a], flip[b]) for a, b in tree]
    for pair in pairs:
        if pair not in tree:
            raise ArgumentError(
                "has an edge without a partner in the mirror",
                where="rules",
                field="tree",
                value=pair,
            )
    return [tree.index(pair) for pair in pairs]


def person_of_cell(sample: Sample, stride: int) -> Tensor | None:
    """Which person is at the middle of each cell, [B, h, w], -1: nobody, None: unknown.

    From person_id where the sample has it, or else from masks (the last one wins).
    """
    if sample.person_id is not None:
        who = sample.person_id.long()
    elif sample.masks is not None:
        order = torch.arange(sample.masks.shape[1], device=sample.image.device)
        masks = sample.masks & sample.present[..., None, None]
        who = torch.where(masks, order[:, None, None], -1).amax(1)
    else:
        return None
    middle = stride // 2
    return who[:, middle::stride, middle::stride]
