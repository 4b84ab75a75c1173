"""MPII Human Pose: 24,984 images of everyday activities, 16 joints (12.9 GB).

For research only: the terms are at human-pose.mpi-inf.mpg.de. Do not pass it on.
"""

from __future__ import annotations

import sys
from pathlib import PurePosixPath

from common import Archive, add_source, fetch, megabytes, parser, run

from poselab.datasets import Mpii

EXAMPLES = """examples:
  python data_scripts/download_mpii.py data/mpii
      annotations and all images: 12.9 GB to fetch, as much again while extracting
  python data_scripts/download_mpii.py data/mpii --annotations-only
      the annotations (12.5 MB), for images that you have

read it back:
  from poselab.datasets import Mpii
  sample = Mpii("data/mpii/mpii_human_pose_v1_u12_1.mat", "data/mpii/images")[0]
"""
SERVER = "https://datasets.d2.mpi-inf.mpg.de/andriluka14cvpr"
ANNOTATIONS = Archive("mpii_human_pose_v1_u12_2.zip")
IMAGES = Archive("mpii_human_pose_v1.tar.gz")
MAT = "mpii_human_pose_v1_u12_1.mat"


def only_mat(name: str) -> str | None:
    return MAT if PurePosixPath(name).name == MAT else None


def only_images(name: str) -> str | None:
    path = PurePosixPath(name)
    return f"images/{path.name}" if path.suffix.lower() == ".jpg" else None


def work(options) -> str:
    fetch(ANNOTATIONS, options.folder, options.server, only_mat, options.keep)
    file, images = options.folder / MAT, options.folder / "images"
    report = "annotations"
    if not options.annotations_only:
        found = fetch(IMAGES, options.folder, options.server, only_images, options.keep)
        report = megabytes(found)
    mpii = Mpii(file, images)
    people = sum(len(people) for people in mpii.people.values())
    return (
        f"{report}; {len(mpii):,} training images with {people:,} people\n"
        f'Mpii("{file}", "{images}")'
    )


def main(argv: list[str] | None = None) -> int:
    made = parser(__doc__, EXAMPLES)
    made.add_argument("--annotations-only", action="store_true", help="no images")
    add_source(made, SERVER)
    return run(work, made.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
