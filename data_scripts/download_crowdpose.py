"""CrowdPose: 20,000 crowded images, 14 joints, from the archives of its authors.

They are on Google Drive, which gives large files to people only: follow the links in
github.com/Jeff-sjtu/CrowdPose (images.zip and the annotations), or name a server of
yours that has both. For research only.
"""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

from common import Archive, fetch, megabytes, parser, run, unpack

from poselab.datasets import CrowdPose
from poselab.errors import ArgumentError

EXAMPLES = """examples:
  python data_scripts/download_crowdpose.py data/crowdpose \\
      --images ~/Downloads/images.zip --annotations ~/Downloads/annotations.zip
      two archives that you have fetched, extracted and checked
  python data_scripts/download_crowdpose.py data/crowdpose \\
      --server http://classroom.example/crowdpose
      the same archives from a server of yours, as images.zip and annotations.zip

read it back:
  from poselab.datasets import CrowdPose
  sample = CrowdPose("data/crowdpose/annotations/crowdpose_val.json",
                     "data/crowdpose/images")[0]
"""
IMAGES, ANNOTATIONS = Archive("images.zip"), Archive("annotations.zip")


def only_images(name: str) -> str | None:
    path = PurePosixPath(name)
    return f"images/{path.name}" if path.suffix.lower() == ".jpg" else None


def only_json(name: str) -> str | None:
    path = PurePosixPath(name)
    wanted = path.name.startswith("crowdpose_") and path.suffix == ".json"
    return f"annotations/{path.name}" if wanted else None


def part(options, given: Path | None, archive: Archive, place) -> dict[str, int]:
    """The files of one archive: the user's own, or from the server."""
    if given is not None:
        return unpack(given, options.folder, place)
    if options.server is None:
        name = archive.name.removesuffix(".zip")
        raise ArgumentError(
            f"where is {archive.name}?",
            where=f"--{name}",
            fix="Fetch it by the links in github.com/Jeff-sjtu/CrowdPose and give its "
            "path, or name a --server that has it.",
        )
    return fetch(archive, options.folder, options.server, place, options.keep)


def work(options) -> str:
    files = part(options, options.annotations, ANNOTATIONS, only_json)
    images = part(options, options.images, IMAGES, only_images)
    lines = [f"{megabytes(images)} of images"]
    for name in sorted(files):
        crowd = CrowdPose(options.folder / name, options.folder / "images")
        people = sum(map(len, crowd.annotations.people.values()))
        lines.append(
            f"{len(crowd):,} images with {people:,} people: "
            f'CrowdPose("{options.folder / name}", '
            f'"{options.folder / "images"}")'
        )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    made = parser(__doc__, EXAMPLES)
    made.add_argument("--images", type=Path, metavar="ZIP", help="your images.zip")
    made.add_argument(
        "--annotations",
        type=Path,
        metavar="ZIP",
        help="your archive of crowdpose_*.json",
    )
    made.add_argument("--server", metavar="URL", help="a server that has both")
    made.add_argument(
        "--keep",
        action="store_true",
        help="keep fetched archives after they were extracted",
    )
    return run(work, made.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
