"""COCO person keypoints as `Sample`s (Lin et al., "Microsoft COCO", 1405.0312).

`Coco` reads a published annotation file or one that `save_coco` wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from poselab.datasets.coco import format as coco_format
from poselab.datasets.coco import masks
from poselab.datasets.coco.mend import Fill
from poselab.datasets.coco.results import person_ids, read_results
from poselab.datasets.images import image_size, read_image
from poselab.datasets.missing import missing_image
from poselab.datasets.transforms import crop_people
from poselab.errors import AnnotationError, ImageError
from poselab.records import Poses, Sample
from poselab.skeleton import COCO_17, Skeleton
from poselab.system.disk import user_path

__all__ = ["Coco", "Crops"]


class Crops(NamedTuple):
    """The people of one image: a stacked sample of N with P = 1, the maps [N, 2, 3]
    from image points to crop points, the scores [N] of the boxes, the image's id."""

    sample: Sample
    matrix: Tensor
    scores: Tensor
    image_id: int


class Coco:
    """The images of a COCO keypoint file, each a `Sample` with all its people.

    `coco[i]`, `len(coco)`, iteration. People whose joints nobody labelled are kept with
    visibility 0; crowd regions are not people but the mask `ignore`; an image without
    people has P = 0. `masks` is None in an image where some person has none.

    People are the category whose joints are those of `skeleton` (None: of the file), or
    that is called so; `person` is its name or id where the file leaves it open. What is
    left out, or mended because a record contradicts itself, is counted in one
    `AnnotationWarning`; what concerns everybody is an error. With area="box" an area
    that is missing or 0 is the box's, with boxes="joints" such a box is the joints'.

    The whole file and the size of every image are checked first (the size not, where
    `check_images` is False, which saves time on 100,000 images): raises
    `AnnotationError` or `ImageError`, which name the file, the record and the field.
    """

    def __init__(
        self,
        annotation_file: str | Path,
        image_dir: str | Path,
        skeleton: Skeleton | None = COCO_17,
        check_images: bool = True,
        person: str | int | None = None,
        area: str | None = None,
        boxes: str | None = None,
    ) -> None:
        self.annotation_file = user_path(annotation_file)
        self.image_dir = user_path(image_dir)
        check = self._check_file if check_images else None
        self.annotations = coco_format.read(
            annotation_file, skeleton, check, self.adapt, person, Fill(area, boxes)
        )
        self.skeleton = self.annotations.skeleton

    def adapt(self, content: Any) -> Any:
        """The file's content in COCO's form; other data sets differ a little."""
        return content

    @property
    def dataset(self) -> dict:
        """The file's content as it is, which is what pycocotools works on."""
        return self.annotations.raw

    @property
    def truth(self) -> dict:
        """The people of `dataset` alone: what their poses are measured against."""
        return self.annotations.people_only()

    @property
    def image_ids(self) -> list[int]:
        """The id of each image, in the order of the file."""
        return [record.id for record in self.annotations.images]

    def __len__(self) -> int:
        return len(self.annotations.images)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        record = self.annotations.images[index]
        image = read_image(self.image_dir / record.file_name)
        self.check_size(record, tuple(image.shape[1:]))
        everybody = self.annotations.people[record.id]
        people = [p for p in everybody if not p.crowd]
        crowds = [p for p in everybody if p.crowd]
        return self._sample(image, people, crowds, record)

    def _sample(self, image, people, crowds, record) -> Sample:
        joints, size = len(self.skeleton), record.size
        return Sample(
            image=image,
            keypoints=_rows([p.keypoints for p in people], joints, 2),
            visibility=_rows([p.visibility for p in people], joints).long(),
            boxes=_rows([p.box for p in people], 4),
            areas=_rows([p.area for p in people]),
            skeleton=self.skeleton,
            masks=_masks(people, size),
            track_ids=self._track_ids(people),
            ignore=_ignore(crowds, size),
            image_id=record.id,
        )

    def _track_ids(self, people) -> Tensor | None:
        """The people's ids; nobody's are none only if the file has no tracks at all."""
        if any(p.track_id is None for p in people) or not self._has_tracks:
            return None
        return torch.tensor([p.track_id for p in people], dtype=torch.long)

    @cached_property
    def _has_tracks(self) -> bool:
        groups = self.annotations.people.values()
        return any(p.track_id is not None for group in groups for p in group)

    def crops(
        self,
        size: tuple[int, int] = (128, 96),
        margin: float = 1.25,
        boxes: dict[int, Poses] | None = None,
        which: Iterable[int] | None = None,
    ) -> Iterator[Crops]:
        """The people of each image cut out at `size` = (H, W), image by image.

        With `boxes` (see `detections`) those are cut out and the joints in them are
        unknown; images without any box are left out. `which` are the places of the
        images to go through (all).
        """
        which = range(len(self)) if which is None else which
        for sample in map(self.__getitem__, which):
            found = None if boxes is None else boxes.get(sample.image_id)
            if boxes is not None and found is None:
                continue
            wanted = None if found is None else found.boxes
            people, matrix = crop_people(sample, size, margin, wanted)
            if len(matrix):
                known = torch.ones(len(matrix))
                scores = known if found is None else found.person_scores
                yield Crops(people, matrix, scores, sample.image_id)

    def detections(self, file: str | Path, min_score: float = 0.0) -> dict[int, Poses]:
        """A results file (boxes, joints or both, with scores) as `Poses` per image id.

        Those below `min_score` are left out; so are detections of other categories than
        the person's, of images that are not here, and boxes without an area, which one
        warning counts. Joints that are not in the file have score 0. Raises
        `AnnotationError`, also where nothing is left.
        """
        categories = {c["id"] for c in self.dataset["categories"]}
        people = person_ids(self.annotations.category_id, categories)
        ids = set(self.image_ids)
        sizes = {record.id: record.size for record in self.annotations.images}
        return read_results(file, self.skeleton, ids, min_score, people, sizes)

    def require_images(self) -> None:
        """Raise an `ImageError` for the first image whose file is not there."""
        for record in self.annotations.images:
            path = self.image_dir / record.file_name
            if not path.is_file():
                raise missing_image(path)

    def _check_file(self, record: coco_format.ImageRecord) -> None:
        if not self.image_dir.is_dir():
            raise ImageError(
                "the image directory does not exist",
                where="image_dir",
                value=str(self.image_dir),
            )
        self.check_size(record, image_size(self.image_dir / record.file_name))

    def check_size(
        self, record: coco_format.ImageRecord, found: tuple[int, int]
    ) -> None:
        """Raise an `AnnotationError` unless an image is as large as its record says."""
        if found == record.size:
            return
        raise AnnotationError(
            f"says {record.width} x {record.height} but {record.file_name} has "
            f"{found[1]} x {found[0]} pixels (upright, as EXIF says)",
            where=self.annotation_file,
            field=f"image (id {record.id}), width, height",
            value=[record.width, record.height],
            fix="Use the images that the file was made for, at their original size.",
        )


def _rows(values: list, *shape: int) -> Tensor:
    """A list of P arrays as float32 [P, *shape], also when P is 0."""
    array = np.array(values, dtype=np.float64).reshape(len(values), *shape)
    return torch.from_numpy(array).float()


def _masks(people, size) -> Tensor | None:
    if any(p.segmentation is None for p in people):
        return None
    layers = [masks.decode(p.segmentation, size) for p in people]
    if not all(bool(layer.any()) for layer in layers):  # thinner than a pixel
        return None
    return torch.stack(layers) if layers else torch.zeros(0, *size, dtype=torch.bool)


def _ignore(crowds, size) -> Tensor | None:
    """The union of the crowds' masks (or boxes), None without crowds."""
    if not crowds:
        return None
    area = torch.zeros(size, dtype=torch.bool)
    for crowd in crowds:
        if crowd.segmentation is not None:
            area |= masks.decode(crowd.segmentation, size)
        else:
            x, y, w, h = crowd.box
            rows = slice(max(0, int(y)), int(np.ceil(y + h)))
            area[rows, max(0, int(x)) : int(np.ceil(x + w))] = True
    return area
