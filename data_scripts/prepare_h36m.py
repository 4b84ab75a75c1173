"""Human3.6M: frames with 17 joints in 3D, from the JSON form of its annotations.

The data set needs a registration with its authors and is for academic research only:
vision.imar.ro/human3.6m. Its frames and annotations in a plain form are linked in
github.com/mks0601/3DMPPE_POSENET_RELEASE (use them only if you are registered). Put
them into one folder, so that there are

  images/s_01_act_02_subact_01_ca_01/*.jpg
  annotations/Human36M_subject1_data.json       one of each
  annotations/Human36M_subject1_camera.json     for every
  annotations/Human36M_subject1_joint_3d.json   subject

Nothing of yours is changed; h36m_subject1.npz, ... are written beside them. The .cdf
files of the authors and pickled .npz of others are not read.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from common import folder_of, parser, run
from tqdm.auto import tqdm

from poselab.datasets.json_file import Record, load_json
from poselab.datasets.mocap import box_around, save
from poselab.errors import ArgumentError, ImageError, PoselabError, require
from poselab.skeleton import H36M_17

EXAMPLES = """examples:
  python data_scripts/prepare_h36m.py data/h36m
      every subject that is there, every 5th frame
  python data_scripts/prepare_h36m.py data/h36m --subjects 9 11 --every 64
      the usual test subjects, few frames

read it back:
  from poselab.datasets import H36m
  sample = H36m("data/h36m/h36m_subject9.npz", "data/h36m/images")[0]
"""
SUBJECTS = (1, 5, 6, 7, 8, 9, 11)
JOINTS = len(H36M_17)
HELP = "See --help for the layout and where the data set is."


class Subject:
    """The three files of a subject."""

    def __init__(self, folder: Path, number: int) -> None:
        self.files = {
            part: str(folder / f"Human36M_subject{number}_{part}.json")
            for part in ("data", "camera", "joint_3d")
        }
        self.parts = {
            k: Record(f, "the file", load_json(f)) for k, f in self.files.items()
        }

    def frames(self, every: int):
        """The records of the images to take, those of frames 0, `every`, ..."""
        for place, data in enumerate(self.parts["data"].items("images")):
            record = Record(self.files["data"], f"images[{place}]", data)
            if record.integer("frame_idx", 0) % every == 0:
                yield record

    def camera(self, number: int) -> tuple[np.ndarray, ...]:
        """R [3, 3], t [3] mm, and the intrinsics [3, 3] px of a camera."""
        data = self.parts["camera"].get(str(number))
        record = Record(self.files["camera"], f"camera {number}", data)
        flat = Record(record.file, record.name, {"R": flatten(record.items("R"))})
        turn = flat.numbers("R", 9, "three rows of three").reshape(3, 3)
        move = record.numbers("t", 3, "x, y, z")
        (fx, fy), (cx, cy) = (record.numbers(k, 2, "x, y") for k in "fc")
        return turn, move, np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])

    def joints(self, image: Record) -> np.ndarray:
        """World joints [17, 3] mm of a frame."""
        data = self.parts["joint_3d"].data
        keys = [
            str(image.integer(k)) for k in ("action_idx", "subaction_idx", "frame_idx")
        ]
        for key in keys:
            data = data.get(key) if isinstance(data, dict) else None
        rows = flatten(data) if isinstance(data, list) else []
        record = Record(self.files["joint_3d"], " ".join(keys), {"joints": rows})
        meaning = f"x, y, z of each of the {JOINTS} joints"
        return record.numbers("joints", 3 * JOINTS, meaning).reshape(JOINTS, 3)


def flatten(rows: list) -> list:
    """The entries of the lists in a list, one after another."""
    return [n for row in rows for n in (row if isinstance(row, list) else [row])]


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Camera points [..., 3] mm -> pixels [..., 2]."""
    image = points @ intrinsics.T
    return image[..., :2] / image[..., 2:]


def convert(
    subject: Subject, images: Path, every: int, notes: list[str]
) -> dict[str, np.ndarray]:
    """The arrays of `poselab.datasets.mocap` for the frames whose images are there."""
    rows: dict[str, list] = {
        k: [] for k in ("file_name", "keypoints", "joints_3d", "intrinsics", "boxes")
    }
    missing: list[str] = []
    for record in tqdm(list(subject.frames(every)), unit=" frames"):
        name = record.text("file_name")
        if not (images / name).is_file():
            missing.append(name)
            continue
        turn, move, intrinsics = subject.camera(record.integer("cam_idx"))
        joints = subject.joints(record) @ turn.T + move
        points = project(joints, intrinsics)
        size = record.integer("height", 1), record.integer("width", 1)
        box = box_around(points[None], size)[0]
        for row, value in zip(
            rows.values(), (name, points, joints, intrinsics, box), strict=True
        ):
            row.append(value)
    if not rows["file_name"]:
        raise ImageError(
            "none of the images is there", where=images, value=missing[:1], fix=HELP
        )
    if missing:
        notes.append(
            f"{len(missing):,} images are not there, the first is {missing[0]}"
        )
    names = np.array(rows.pop("file_name"))
    return {"file_name": names, **{k: np.float32(v) for k, v in rows.items()}}


def work(options) -> str:
    require(
        options.every > 0, "must be at least 1", where="--every", value=options.every
    )
    folder = folder_of(options.folder / "annotations", "the .json files", HELP)
    images = folder_of(options.folder / "images", "a folder for each video", HELP)
    there = [
        s for s in SUBJECTS if (folder / f"Human36M_subject{s}_data.json").is_file()
    ]
    subjects = options.subjects or there
    if not subjects:
        raise ArgumentError(
            "has no Human36M_subject1_data.json or of another subject",
            where=folder,
            fix=HELP,
        )
    lines, notes, first = [], [], None
    for number in subjects:
        try:
            arrays = convert(Subject(folder, number), images, options.every, notes)
        except PoselabError as problem:  # the others are converted all the same
            first = first or problem
            notes.append(f"skipped: {problem}")
            continue
        target = options.folder / f"h36m_subject{number}.npz"
        save(target, arrays, H36M_17)
        count = len(arrays["file_name"])
        lines.append(f'{count:,} frames: H36m("{target}", "{images}")')
    if not lines:
        raise first
    lines.append(f"{len(lines)} of {len(subjects)} subjects")
    return "\n".join(lines + [f"note: {note}" for note in notes])


def main(argv: list[str] | None = None) -> int:
    made = parser(__doc__, EXAMPLES)
    made.add_argument(
        "--subjects",
        type=int,
        nargs="+",
        choices=SUBJECTS,
        help="which (default: all that are there)",
    )
    made.add_argument(
        "--every", type=int, default=5, metavar="N", help="take every Nth frame (5)"
    )
    return run(work, made.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
