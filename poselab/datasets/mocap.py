"""Studio recordings with joints in 3D, from files that our scripts converted.

One .npz holds N frames: "file_name" [N], "keypoints" [N, J, 2] px, "joints_3d"
[N, J, 3] mm in the camera frame, "intrinsics" [N, 3, 3], "boxes" [N, 4] xywh px,
"skeleton" (its name). Nothing in it is pickled, and nothing pickled is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from poselab.datasets.images import read_image
from poselab.errors import AnnotationError
from poselab.records import Sample
from poselab.skeleton import H36M_17, MPI_INF_3DHP_17, Skeleton
from poselab.system.disk import replace_file, user_path

SHAPES = {
    "keypoints": ("J", 2),
    "joints_3d": ("J", 3),
    "intrinsics": (3, 3),
    "boxes": (4,),
}


class Mocap:
    """The frames of a converted file, each a `Sample` with one person.

    `data[i]`, `len(data)`, iteration; every sample has joints_3d and intrinsics. Joints
    inside the image count as visible (2), those outside as not labelled (0): the data
    sets do not say what is hidden. Raises `AnnotationError` or `ImageError`.
    """

    def __init__(
        self, file: str | Path, image_dir: str | Path, skeleton: Skeleton
    ) -> None:
        self.file, self.image_dir = user_path(file), user_path(image_dir)
        self.skeleton = skeleton
        self.arrays = load(self.file, skeleton)

    def __len__(self) -> int:
        return len(self.arrays["file_name"])

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        image = read_image(self.image_dir / str(self.arrays["file_name"][index]))
        row = {k: torch.from_numpy(self.arrays[k][index]).float() for k in SHAPES}
        inside = _inside(row["keypoints"], tuple(image.shape[1:]))
        return Sample(
            image=image,
            keypoints=row["keypoints"][None],
            visibility=2 * inside.long()[None],
            boxes=row["boxes"][None],
            areas=row["boxes"][None, 2:].prod(-1),
            skeleton=self.skeleton,
            joints_3d=row["joints_3d"][None],
            intrinsics=row["intrinsics"],
            image_id=index,
        )


class H36m(Mocap):
    """Human3.6M (Ionescu et al. 2014): see data_scripts/prepare_h36m.py."""

    def __init__(self, file: str | Path, image_dir: str | Path) -> None:
        super().__init__(file, image_dir, H36M_17)


class MpiInf3dhp(Mocap):
    """MPI-INF-3DHP (Mehta et al. 2017): see data_scripts/prepare_mpi_inf_3dhp.py."""

    def __init__(self, file: str | Path, image_dir: str | Path) -> None:
        super().__init__(file, image_dir, MPI_INF_3DHP_17)


def _inside(points: Tensor, size: tuple[int, int]) -> Tensor:
    limit = torch.tensor([size[1], size[0]]) - 0.5
    return ((points >= -0.5) & (points <= limit)).all(-1)


def save(
    file: str | Path, arrays: Mapping[str, np.ndarray], skeleton: Skeleton
) -> None:
    """Write a converted file: whole or not at all."""
    with replace_file(Path(file)) as draft, open(draft, "wb") as target:
        np.savez_compressed(target, skeleton=np.array(skeleton.name), **arrays)


def load(file: str | Path, skeleton: Skeleton) -> dict[str, np.ndarray]:
    """The arrays of a converted file, checked; raises `AnnotationError`."""
    try:
        with np.load(file, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except MemoryError:
        raise
    except Exception as problem:  # a damaged file can fail anywhere in the reader
        raise AnnotationError(
            f"cannot be read ({type(problem).__name__}: {problem})",
            where=file,
            fix="Make it with the script of this data set in data_scripts/.",
        ) from problem
    _check(file, arrays, skeleton)
    return arrays


def _check(file, arrays: dict[str, np.ndarray], skeleton: Skeleton) -> None:
    found = str(arrays.get("skeleton", "none"))
    if found != skeleton.name:
        raise AnnotationError(
            f"is not of the skeleton {skeleton.name}",
            where=file,
            field="skeleton",
            value=found,
        )
    names = arrays.get("file_name", np.zeros(()))
    if names.ndim != 1 or names.dtype.kind != "U":
        raise AnnotationError(
            "must be a list of texts", where=file, field="file_name", value=names
        )
    for name, shape in SHAPES.items():
        wanted = (len(names), *(len(skeleton) if n == "J" else n for n in shape))
        array = arrays.get(name, np.zeros(()))
        if array.shape != wanted or array.dtype.kind != "f":
            raise AnnotationError(
                f"must be numbers of the shape {list(wanted)}",
                where=file,
                field=name,
                value=list(array.shape),
            )
        if not np.isfinite(array).all():
            raise AnnotationError("must be finite", where=file, field=name)


def box_around(points: np.ndarray, size: tuple[int, int], margin: float = 0.1):
    """Boxes [N, 4] xywh around joints [N, J, 2] with a margin, inside the image."""
    low, high = points.min(1) + 0.5, points.max(1) + 0.5
    extra = margin * (high - low)
    low = np.clip(low - extra, 0, size[::-1])
    high = np.clip(high + extra, 0, size[::-1])
    return np.concatenate([low, high - low], 1)
