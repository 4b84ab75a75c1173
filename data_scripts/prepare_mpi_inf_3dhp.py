"""MPI-INF-3DHP: frames of its training sequences with 17 joints in 3D.

The data set is for research only; its page has the form and a script that fetches it:
vcai.mpi-inf.mpg.de/3dhp-dataset. The videos have to be turned into images, for example

  ffmpeg -i video_0.avi -q:v 2 video_0/%06d.jpg

so that there are, below one folder,

  S1/Seq1/annot.mat
  S1/Seq1/imageSequence/video_0/*.jpg     as many as frames, in order

Nothing of yours is changed; mpi_inf_3dhp_S1_Seq1.npz, ... are written beside S1. The
test set's annot_data.mat is in a newer MATLAB format, which is not read.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
from common import folder_of, parser, run

from poselab.datasets.images import image_size
from poselab.datasets.matlab import read_mat
from poselab.datasets.mocap import box_around, save
from poselab.errors import AnnotationError, ArgumentError, PoselabError, require
from poselab.skeleton import MPI_INF_3DHP_17

EXAMPLES = """examples:
  python data_scripts/prepare_mpi_inf_3dhp.py data/3dhp
      every sequence and camera that is there, every 5th frame
  python data_scripts/prepare_mpi_inf_3dhp.py data/3dhp --cameras 0 2 --every 25

read it back:
  from poselab.datasets import MpiInf3dhp
  sample = MpiInf3dhp("data/3dhp/mpi_inf_3dhp_S1_Seq1.npz", "data/3dhp")[0]
"""
ALL_JOINTS, CAMERAS = 28, 14
# Of the 28 joints in the file those 17 that the test set has, in its order.
USED = [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]
WORST = 5.0  # px between annot2 and annot3 seen by the camera that fits best
HELP = "See --help for the layout and where the data set is."


def load_annotations(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [cameras, N, 17, 2] and camera points [cameras, N, 17, 3] mm."""
    content = read_mat(file, HELP)
    try:
        parts = [
            np.stack([np.asarray(a, np.float64) for a in content[key].ravel()]).reshape(
                CAMERAS, -1, ALL_JOINTS, axes
            )[:, :, USED]
            for key, axes in (("annot2", 2), ("annot3", 3))
        ]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        raise AnnotationError(
            f"cannot be read as annotations of MPI-INF-3DHP ({type(problem).__name__}: "
            f"{problem})",
            where=file,
            fix=HELP,
        ) from problem
    pixels, points = parts
    if len(pixels[0]) != len(points[0]) or not all(np.isfinite(p).all() for p in parts):
        raise AnnotationError(
            "annot2 and annot3 do not hold the same frames",
            where=file,
            value=[p.shape for p in parts],
        )
    return pixels, points


def fit_camera(pixels: np.ndarray, points: np.ndarray, where: Path) -> np.ndarray:
    """The intrinsics [3, 3] that project `points` onto `pixels`, by least squares.

    Each axis is a line: u = f X / Z + c. Raises `AnnotationError` where even the best
    ones miss, because the two do not belong together.
    """
    intrinsics, worst = np.eye(3), 0.0
    for axis in (0, 1):
        slope = (points[..., axis] / points[..., 2]).ravel()
        lines = np.stack([slope, np.ones_like(slope)], 1)
        target = pixels[..., axis].ravel()
        (focal, centre), *_ = np.linalg.lstsq(lines, target, rcond=None)
        intrinsics[axis, axis], intrinsics[axis, 2] = focal, centre
        worst = max(worst, float(np.abs(lines @ [focal, centre] - target).max()))
    if not worst < WORST:
        raise AnnotationError(
            f"annot2 and annot3 do not fit one camera (off by {worst:.1f} px)",
            where=where,
            fix="Fetch it again; the file is damaged.",
        )
    return intrinsics


def frames_of(folder: Path, count: int, notes: list[str]) -> list[Path]:
    """The images of a video in order, not more than there are annotated frames.

    Fewer are noted: S6/Seq2/video_2 is published shorter than its annotations. With a
    gap in their numbers nobody knows which frame is which: then there are none.
    """
    files = sorted(folder.glob("*.jpg"), key=_number)
    if len(files) >= count:
        return files[:count]
    said = f"{folder} has {len(files)} images for {count} annotated frames"
    numbers = [_number(file)[0] for file in files]
    if numbers and numbers[-1] - numbers[0] != len(numbers) - 1:
        notes.append(f"skipped: {said}, with a gap in their numbers")
        return []
    notes.append(said)
    return files


def _number(file: Path) -> tuple[int, str]:
    """9.jpg comes before 10.jpg."""
    digits = re.findall(r"\d+", file.stem)
    return int(digits[-1]) if digits else -1, file.name


def convert(
    root: Path, sequence: Path, cameras: list[int] | None, every: int, notes: list[str]
):
    """The arrays of `poselab.datasets.mocap` for a sequence; None without images."""
    file = sequence / "annot.mat"
    pixels, points = load_annotations(file)
    parts = []
    for camera in range(CAMERAS) if cameras is None else cameras:
        folder = sequence / "imageSequence" / f"video_{camera}"
        if cameras is None and not folder.is_dir():
            continue
        images = frames_of(folder, pixels.shape[1], notes)[::every]
        if not images:
            continue
        own = pixels[camera, ::every][: len(images)]
        joints = points[camera, ::every][: len(images)]
        intrinsics = fit_camera(pixels[camera], points[camera], file)
        parts.append(
            {
                "file_name": np.array([i.relative_to(root).as_posix() for i in images]),
                "keypoints": np.float32(own),
                "joints_3d": np.float32(joints),
                "intrinsics": np.float32(np.broadcast_to(intrinsics, (len(own), 3, 3))),
                "boxes": np.float32(box_around(own, image_size(images[0]))),
            }
        )
    if not parts:
        return None
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def work(options) -> str:
    require(
        options.every > 0, "must be at least 1", where="--every", value=options.every
    )
    root = folder_of(options.folder, "S1, S2, ...", HELP)
    found = [p.parent for p in root.glob("S*/Seq*/annot.mat")]
    found = sorted(p for p in found if re.fullmatch(r"S\d+", p.parent.name))
    lines, notes, total = [], [], 0
    for arrays, sequence in convert_each(found, root, options, notes):
        name = f"mpi_inf_3dhp_{sequence.parent.name}_{sequence.name}.npz"
        save(root / name, arrays, MPI_INF_3DHP_17)
        count = len(arrays["file_name"])
        total += count
        lines.append(f'{count:,} frames: MpiInf3dhp("{root / name}", "{root}")')
    if not lines:
        problem = notes[0] if notes else "has no sequence with annot.mat and images"
        raise ArgumentError(problem, where=root, fix=HELP)
    lines.append(f"{total:,} frames of {len(lines)} of {len(found)} sequences")
    return "\n".join(lines + [f"note: {note}" for note in notes])


def convert_each(found: list[Path], root: Path, options, notes: list[str]):
    """(arrays, sequence) of all that can be converted; the others are noted."""
    for sequence in found:
        try:
            arrays = convert(root, sequence, options.cameras, options.every, notes)
        except PoselabError as problem:
            notes.append(f"skipped: {problem}")
            continue
        if arrays is None:
            notes.append(f"skipped: {sequence} has no images")
        else:
            yield arrays, sequence


def main(argv: list[str] | None = None) -> int:
    made = parser(__doc__, EXAMPLES)
    made.add_argument(
        "--cameras",
        type=int,
        nargs="+",
        choices=range(CAMERAS),
        metavar="C",
        help="which (default: all whose images are there)",
    )
    made.add_argument(
        "--every", type=int, default=5, metavar="N", help="take every Nth frame (5)"
    )
    return run(work, made.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
