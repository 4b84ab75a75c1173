"""Tubes to learn from: crops that follow a person's box through a few frames.

Something passes over them at random, so that a joint may be hidden in one frame and
plain to see in the next.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor

from poselab import geometry
from poselab.datasets.person_crops import FEWEST, SMALLEST
from poselab.datasets.sources import Source, other_seed
from poselab.datasets.synthetic import SyntheticPeople
from poselab.datasets.transforms import flip, move_truth
from poselab.errors import require
from poselab.records import Sample

SCENE = (288, 384)  # (H, W) px: people are then about as large as their crops
PEOPLE = (2, 4)
LENGTH = 6  # frames of a clip, 25 a second
MARGIN = 1.25
JITTER = 0.1  # a tube's boxes are moved and scaled by up to so much, all of them alike
SQUARES, SIDES = 3, (14, 27)  # in a tube, and how wide they are in px
LEAN = dict.fromkeys(
    ("masks", "depth", "person_id", "ignore", "joints_3d", "intrinsics", "hidden_by")
)


class Tubes(Source):
    """Whole tubes of `frames` crops of `size` (H, W), one person each.

    From `clips` drawn clips, of which each person gives one track; a batch takes a
    random piece of random tracks, mirrors half of them, and lets squares pass over
    them. The squares stand anywhere around the person and not at joints: if they did,
    a square would tell where the joint is. `seed` decides the people. Raises
    `ArgumentError` for a batch size that is no multiple of `frames`.
    """

    def __init__(
        self, size: tuple[int, int], clips: int, frames: int = 3, seed: int = 0
    ) -> None:
        self.size, self.frames = tuple(size), frames
        self.tracks = tracks(self.size, clips, seed)

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked samples without end, tube after tube."""
        require(
            batch_size % self.frames == 0,
            f"must be a multiple of the {self.frames} frames of a tube",
            where="batch_size",
            value=batch_size,
        )
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield Sample.cat(
                [self._tube(generator) for _ in range(batch_size // self.frames)]
            )

    def _tube(self, generator: torch.Generator) -> Sample:
        def draw(*limits: int) -> int:
            return int(torch.randint(*limits, (1,), generator=generator))

        track = self.tracks[draw(len(self.tracks))]
        start = draw(len(track) - self.frames + 1)
        tube = track[start : start + self.frames]
        tube = tube.replace(image=tube.image.float() / 255)
        if draw(2):
            tube = flip(tube)
        images = tube.image.clone()
        for _ in range(SQUARES):
            self._paint(images, tube.boxes[:, 0], generator)
        return tube.replace(image=images)

    def _paint(self, images: Tensor, boxes: Tensor, generator: torch.Generator) -> None:
        """A square somewhere over the person in boxes [T, 4], for a while."""
        ends = torch.randint(self.frames, (2,), generator=generator).sort().values
        first, last = ends.tolist()
        share = torch.rand(2, generator=generator)
        at = boxes[first, :2] + share * boxes[first, 2:]
        side = int(torch.randint(*SIDES, (1,), generator=generator))
        colour = torch.rand(3, generator=generator)
        cover(images[first : last + 1], at, side, colour)


def cover(images: Tensor, at: Tensor, side: int, colour: Tensor) -> None:
    """Paint a square of `side` px around the point `at` [2] into images [T, 3, H, W].

    In place; `colour` [3].
    """
    x, y = at.round().int().tolist()
    low = [middle - side // 2 for middle in (y, x)]
    rows, columns = (slice(max(0, n), max(0, n + side)) for n in low)
    images[:, :, rows, columns] = colour[:, None, None]


@functools.lru_cache(maxsize=2)  # the arms of an ablation learn from the same people
def tracks(size: tuple[int, int], clips: int, seed: int) -> list[Sample]:
    """One stacked sample of crops for each person who is in all of a clip's frames.

    Images are bytes. Left out are people who are small, or hardly labelled.
    """
    maker = SyntheticPeople(SCENE, PEOPLE, seed=seed)
    draws = torch.Generator().manual_seed(other_seed(seed, 1))
    found: list[Sample] = []
    for number in range(clips):
        clip = maker.clip(LENGTH, seed=other_seed(seed, number))
        for person in range(clip.present.shape[1]):
            if _worth(clip, person):
                found.append(_track(clip, person, size, draws))
    return found


def _worth(clip: Sample, person: int) -> bool:
    tall = clip.boxes[:, person, 3] >= SMALLEST * clip.size[0]
    labelled = (clip.visibility[:, person] > 0).sum(-1) >= FEWEST
    return bool((clip.present[:, person] & tall & labelled).all())


def _track(clip: Sample, person: int, size: tuple[int, int], draws) -> Sample:
    one = follow(clip, person, size, JITTER * (2 * torch.rand(3, generator=draws) - 1))
    return one.replace(image=(one.image * 255).round().byte())


def follow(
    clip: Sample,
    person: int,
    size: tuple[int, int] = (128, 96),
    offset: Tensor | None = None,
    margin: float = MARGIN,
) -> Sample:
    """Crops [T, 3, h, w] of `size` that follow a person's boxes in a clip, P = 1.

    `offset` [3] moves all boxes by shares of their sides (x, y), and scales them by 1
    plus its last number.
    """
    boxes = clip.boxes[:, person]  # [T, 4]
    if offset is not None:
        side = boxes[:, 2:] * (1 + offset[2])
        centre = boxes[:, :2] + boxes[:, 2:] * (0.5 + offset[:2])
        boxes = torch.cat([centre - side / 2, side], 1)
    grown = geometry.expand_box(boxes, size, margin)
    matrix = geometry.crop_matrix(grown, size)  # [T, 2, 3]
    image = geometry.warp_crops(clip.image, matrix[:, None], size)[:, 0]
    rows = {
        name: value[:, person : person + 1]
        for name, value in clip.tensors().items()
        if name in Sample.per_person()
    }
    return move_truth(clip.replace(**{**rows, **LEAN, "image": image}), matrix, size)
