"""The people of a COCO data set, one by one, as top-down methods learn from them.

`CocoPeople` varies each person as the field's training recipes do (Xiao et al. 2018,
1804.06208, section 3; Sun et al. 2019, 1902.09212, section 4.1): flip, scale, rotation,
and now and then only the upper or the lower half of the body.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from poselab import geometry
from poselab.datasets.coco.reader import Coco
from poselab.datasets.images import read_image
from poselab.datasets.pool import shuffled
from poselab.datasets.sources import Source
from poselab.datasets.transforms import flip, transform
from poselab.errors import require
from poselab.records import Sample
from poselab.system.distributed import Team

LOWER = ("hip", "knee", "ankle")  # the joints of the lower body, by their names
HALF_MARGIN = 1.5  # how much air the box around half a body has, instead of `margin`
FEWEST = 3  # labelled joints of a half that is worth a look
AHEAD = 2  # batches that are read while the network learns from one


@dataclass(frozen=True)
class Variation:
    """How much each person varies; the defaults are HRNet's for COCO.

    `zoom` is the spread of the scale's normal distribution around 1, cut off at 1 +-
    `zoom`; `degrees` that of the rotation, cut off at twice of it, drawn with the
    chance `turn_chance`; `half_chance` that of half a body, for people with more than
    `half_joints` labelled joints.
    """

    flip_chance: float = 0.5
    zoom: float = 0.35
    degrees: float = 45.0
    turn_chance: float = 0.6
    half_chance: float = 0.3
    half_joints: int = 8


class CocoPeople(Source):
    """Crops of `size` = (H, W) of all people of `coco` with labelled joints.

    `crops[i]` is person i as a stacked sample of one, as it is; `batches` and `stream`
    vary it. Every draw belongs to a place in the order of the training, so a batch is
    the same however many processes and `threads` divide the work. Raises
    `ArgumentError` if nobody has a labelled joint and, when its turn comes, the
    `ImageError` of an image that cannot be read, or the `AnnotationError` of one that
    is not of the size in the file.
    """

    def __init__(
        self,
        coco: Coco,
        size: tuple[int, int] = (256, 192),
        margin: float = 1.25,
        variation: Variation | None = None,
        threads: int = 2,
    ) -> None:
        self.coco, self.size, self.margin = coco, (int(size[0]), int(size[1])), margin
        self.variation = variation or Variation()
        self.threads, self.skeleton = threads, coco.skeleton
        self.people = [
            (image, person)
            for image in coco.annotations.images
            for person in coco.annotations.people[image.id]
            if not person.crowd and person.visibility.any() and min(person.box[2:]) > 0
        ]
        require(
            bool(self.people),
            "nobody in it has a box and a labelled joint",
            where=str(coco.annotation_file),
        )
        self._lower = torch.tensor(
            [any(word in name for word in LOWER) for name in self.skeleton.joints]
        )

    def __len__(self) -> int:
        return len(self.people)

    @property
    def left_out(self) -> dict[str, int]:
        """How many records are no crops: crowds, and people without labelled joints."""
        everybody = [
            p for group in self.coco.annotations.people.values() for p in group
        ]
        crowds = sum(person.crowd for person in everybody)
        return {
            "crowds": crowds,
            "people without joints": len(everybody) - crowds - len(self),
        }

    def __getitem__(self, index: int) -> Sample:
        whole = self._whole(index)
        box = geometry.expand_box(whole.boxes[:, 0], self.size, self.margin)
        return transform(whole, geometry.crop_matrix(box, self.size), self.size)

    def varied(self, index: int, generator: torch.Generator) -> Sample:
        """Person `index` as a training step sees it; a stacked sample of one."""
        whole = self._whole(index)
        return self._finish(whole, self._matrix(whole, generator), generator)

    def batches(self, batch_size: int, seed: int = 0) -> Iterator[Sample]:
        """Stacked varied people without end, in a new order each round."""
        return self.stream(batch_size, seed)

    def stream(
        self, batch_size: int, seed: int = 0, team: Team | None = None, start: int = 0
    ) -> Iterator[Sample]:
        """From batch `start` on, the part of each batch that is this process's.

        Batches that are skipped are not read. `threads` read ahead.
        """
        generator = torch.Generator().manual_seed(seed)
        part = (team or Team()).part(batch_size)
        plans = self._plans(batch_size, generator, part, start)
        with ThreadPoolExecutor(self.threads) as pool:
            coming: deque = deque()
            for plan in plans:
                coming.append([pool.submit(self._seeded, *one) for one in plan])
                if len(coming) > AHEAD:
                    yield Sample.cat([part.result() for part in coming.popleft()])

    def _plans(self, batch_size, generator, part, start):
        """For each batch the (person, seed) of its samples."""
        order = shuffled(len(self), batch_size, generator)
        for number, index in enumerate(order):
            seeds = torch.randint(2**62, (batch_size,), generator=generator)
            if number >= start:
                yield list(zip(index[part].tolist(), seeds[part].tolist(), strict=True))

    def _seeded(self, index: int, seed: int) -> Sample:
        return self.varied(index, torch.Generator().manual_seed(seed))

    def _whole(self, index: int) -> Sample:
        """The full picture with one person in it."""
        record, person = self.people[index]
        picture = read_image(self.coco.image_dir / record.file_name)
        self.coco.check_size(record, tuple(picture.shape[1:]))
        return Sample(
            image=picture[None],
            keypoints=_tensor(person.keypoints)[None, None],
            visibility=torch.from_numpy(np.array(person.visibility)).long()[None, None],
            boxes=_tensor(person.box)[None, None],
            areas=torch.tensor([[float(person.area)]]),
            skeleton=self.skeleton,
            image_id=torch.tensor([record.id]),
        )

    def _matrix(self, whole: Sample, generator: torch.Generator) -> Tensor:
        """The map [1, 2, 3] from the picture to the varied crop."""
        how, half = self.variation, self._half(whole, generator)
        box, margin = (
            (half, HALF_MARGIN)
            if half is not None
            else (whole.boxes[:, 0], self.margin)
        )
        box = geometry.expand_box(box, self.size, margin)
        scale, turn = torch.randn(2, generator=generator).clamp(-2, 2).tolist()
        factor = 1 + how.zoom * max(-1.0, min(1.0, scale))
        box = geometry.expand_box(box, None, factor)
        matrix = geometry.crop_matrix(box, self.size)
        if float(torch.rand((), generator=generator)) >= how.turn_chance:
            return matrix
        centre = geometry.box_centre(box)
        turned = geometry.rotation_matrix(how.degrees * turn, centre)
        return geometry.compose(matrix, turned)

    def _half(self, whole: Sample, generator: torch.Generator) -> Tensor | None:
        """The box [1, 4] of half of the body, about its joints' mean; None for all.

        It is as large as the box around the half's joints. Where the half drawn has too
        few joints it is the other.
        """
        wanted, side = torch.rand(2, generator=generator).tolist()
        seen = whole.visibility[0, 0] > 0
        halves = [seen & self._lower, seen & ~self._lower]
        halves = [
            half
            for half in (halves if side < 0.5 else halves[::-1])
            if int(half.sum()) >= FEWEST
        ]
        many = int(seen.sum()) > self.variation.half_joints
        if wanted >= self.variation.half_chance or not many or not halves:
            return None
        points = whole.keypoints[0, 0][halves[0]]
        sides = (points.amax(0) - points.amin(0)).clamp(min=1)
        corner = points.mean(0) + 0.5 - sides / 2  # pixel centres to edges
        return torch.cat([corner, sides])[None]

    def _finish(self, whole: Sample, matrix: Tensor, generator) -> Sample:
        crop = transform(whole, matrix, self.size)
        mirrored = torch.rand((1,), generator=generator) < self.variation.flip_chance
        return flip(crop, mirrored)


def _tensor(values) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
