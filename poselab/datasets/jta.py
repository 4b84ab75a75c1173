"""JTA, "Joint Track Auto" (Fabbri et al., ECCV 2018, 1803.08319), and its extension.

512 sequences of 30 s, drawn by a game: each joint is known in the picture and in space,
and whether it is hidden. A sequence is a list of rows, one for each joint: frame (from
1), person, kind of joint, x, y px, x, y, z m, hidden by something, hidden by the own
body. JTA has them as JSON. JTA-Ext (Golda et al. 2019, 1907.06922) has them as
`coords.csv`, with seven more columns about the camera, which are left out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from poselab.datasets.images import read_image
from poselab.datasets.json_file import load_json
from poselab.errors import AnnotationError
from poselab.records import Sample
from poselab.skeleton import Skeleton
from poselab.system.disk import user_path

COLUMNS = 10  # what a row holds; more are left out
CAMERA = ((1158.0, 0.0, 960.0), (0.0, 1158.0, 540.0), (0.0, 0.0, 1.0))  # of all of JTA
METRE = 1000.0  # mm
# In the order of the files.
_NAMES = """head_top head neck right_clavicle right_shoulder right_elbow right_wrist
left_clavicle left_shoulder left_elbow left_wrist spine0 spine1 spine2 spine3 spine4
right_hip right_knee right_ankle left_hip left_knee left_ankle"""
_LIMBS = """head_top-head head-neck neck-right_clavicle right_clavicle-right_shoulder
right_shoulder-right_elbow right_elbow-right_wrist neck-left_clavicle
left_clavicle-left_shoulder left_shoulder-left_elbow left_elbow-left_wrist neck-spine0
spine0-spine1 spine1-spine2 spine2-spine3 spine3-spine4 spine4-right_hip
right_hip-right_knee right_knee-right_ankle spine4-left_hip left_hip-left_knee
left_knee-left_ankle"""
_PLACE = {name: place for place, name in enumerate(_NAMES.split())}
JTA_22 = Skeleton(
    "jta-22",
    tuple(_PLACE),
    tuple(
        (_PLACE[first], _PLACE[second])
        for first, second in (limb.split("-") for limb in _LIMBS.split())
    ),
)


class Jta:
    """The frames of one sequence as `Sample`s with `track_ids` and `joints_3d`.

    `annotation_file` is `seq_N.json` of JTA or `coords.csv` of JTA-Ext, `image_dir`
    holds the frames as 1.jpg, 2.jpg, ... (JTA's `to_imgs.py` makes them); frames
    without people are left out. The skeleton is `JTA_22`. A joint that is hidden, by
    whatever, has visibility 1, one outside the picture 0; who has none in it is left
    out. Boxes are those around the labelled joints (the files have none), areas theirs.
    Frames of JTA have `intrinsics`; those of JTA-Ext have cameras of their own. Raises
    `AnnotationError`, and `ImageError` for a frame that is missing.
    """

    skeleton = JTA_22

    def __init__(self, annotation_file: str | Path, image_dir: str | Path) -> None:
        self.file, self.image_dir = user_path(annotation_file), user_path(image_dir)
        rows, self._own_camera = _rows(self.file)  # [N, 10]
        rows = rows[np.lexsort(rows[:, 2::-1].T)]  # by frame, person, kind of joint
        people = _people(self.file, rows)  # [P, 22, 10]
        at = people[:, 0, 0].astype(int)
        self.frames = np.unique(at).tolist()
        self._people = {frame: people[at == frame] for frame in self.frames}

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        frame = self.frames[index]
        image = read_image(self.image_dir / f"{frame}.jpg")
        rows = torch.from_numpy(self._people[frame]).float()  # [P, 22, 10]
        points, size = rows[..., 3:5], tuple(image.shape[1:])
        limit = points.new_tensor([size[1], size[0]]) - 0.5
        inside = ((points >= -0.5) & (points <= limit)).all(-1)  # [P, 22]
        flags = torch.where((rows[..., 8:10] > 0).any(-1), 1, 2) * inside
        boxes = _around(points, inside)
        camera = None if self._own_camera else torch.tensor(CAMERA)
        sample = Sample(
            image=image,
            keypoints=points,
            visibility=flags,
            boxes=boxes,
            areas=boxes[:, 2:].prod(-1),
            skeleton=JTA_22,
            joints_3d=rows[..., 5:8] * METRE,
            intrinsics=camera,
            track_ids=rows[:, 0, 1].long(),
            image_id=frame,
        )
        return sample.people(inside.any(1))


def _around(points: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Boxes [P, 4] xywh around the joints [P, J, 2] that are `inside` [P, J]."""
    there = inside[..., None]
    low = torch.where(there, points, torch.inf).amin(1) - 0.5
    high = torch.where(there, points, -torch.inf).amax(1) + 0.5
    nobody = ~inside.any(1, keepdim=True)
    return torch.cat([low, high - low], 1).masked_fill(nobody, 0.0)


def _rows(file: Path) -> tuple[np.ndarray, bool]:
    """The rows [N, 10], and whether there are columns about a camera."""
    rows = _csv(file) if file.suffix == ".csv" else _json(file)
    if rows.ndim != 2 or rows.shape[1] < COLUMNS or not len(rows):
        raise AnnotationError(
            f"must be rows of {COLUMNS} numbers, one for each joint",
            where=file,
            value=list(rows.shape),
            fix="Take a seq_N.json of JTA, or a coords.csv of JTA-Ext.",
        )
    bad = np.flatnonzero(~np.isfinite(rows[:, :COLUMNS]).all(1))
    if len(bad):
        raise AnnotationError(
            "holds what is no finite number",
            where=file,
            field=f"row {bad[0]}",
            value=rows[bad[0], :COLUMNS].tolist(),
        )
    return rows[:, :COLUMNS], rows.shape[1] > COLUMNS


def _json(file: Path) -> np.ndarray:
    content = load_json(file)
    if not isinstance(content, list):
        raise _no_table(file, f"it is a {type(content).__name__}")
    try:
        return np.array(content, np.float64)
    except (TypeError, ValueError) as problem:
        raise _no_table(file, problem) from problem


def _csv(file: Path) -> np.ndarray:
    try:
        with open(file, encoding="utf-8") as lines:
            first = next(lines, "")
        head = any(letter.isalpha() and letter not in "eE" for letter in first)
        return np.loadtxt(file, delimiter=",", skiprows=int(head), ndmin=2)
    except (OSError, ValueError) as problem:
        raise _no_table(file, problem) from problem


def _no_table(file: Path, problem: object) -> AnnotationError:
    return AnnotationError(f"is no table of numbers ({problem})", where=file)


def _people(file: Path, rows: np.ndarray) -> np.ndarray:
    """Sorted rows [N, 10] -> [P, 22, 10]: everybody in a frame has each joint once."""
    joints = len(JTA_22)
    whose, counts = np.unique(rows[:, :2], axis=0, return_counts=True)
    kinds = np.resize(np.arange(joints), len(rows))
    wrong = np.repeat(counts, counts) != joints  # of each row
    wrong = wrong if wrong.any() else rows[:, 2] != kinds
    if wrong.any():
        frame, person = rows[wrong.argmax(), :2]
        raise AnnotationError(
            f"must have each of the {joints} joints once",
            where=file,
            field=f"frame {frame:g}, person {person:g}",
            value=rows[(rows[:, :2] == (frame, person)).all(1), 2].tolist(),
        )
    return rows.reshape(len(whose), joints, COLUMNS)
