"""COCO 2017 with person keypoints: a split, or only some people of it.

The annotations are CC BY 4.0 (cocodataset.org/#termsofuse); the photographs belong to
the people who took them; each record names the licence of its image.
"""

from __future__ import annotations

import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import Archive, add_source, fetch, megabytes, parser, run
from tqdm.auto import tqdm

from poselab.datasets.images import image_size
from poselab.errors import DownloadError, ImageError, require
from poselab.system.disk import replace_file
from poselab.system.download import download

EXAMPLES = """examples:
  python data_scripts/download_coco.py data/coco --people 200
      the annotations (253 MB) and the images of at least 200 people of val2017,
      as a split val2017_200
  python data_scripts/download_coco.py data/coco
      all of val2017: 5,000 images, 1.1 GB
  python data_scripts/download_coco.py data/coco --split train2017
      all of train2017: 118,287 images, 19.3 GB

read it back:
  from poselab.datasets import Coco
  sample = Coco("data/coco/annotations/person_keypoints_val2017.json",
                "data/coco/val2017")[0]
"""
SERVER = "http://images.cocodataset.org"
ANNOTATIONS = Archive(
    "annotations/annotations_trainval2017.zip",
    252_907_541,
    "f4bbac642086de4f52a3fdda2de5fa2c",
)
IMAGES = {
    "val2017": Archive(
        "zips/val2017.zip", 815_585_330, "442b8da7639aecaf257c1dceb8ba8c80"
    ),
    "train2017": Archive(
        "zips/train2017.zip", 19_336_861_798, "cced6f7f71b7629ddf16f17bbcfab6b2"
    ),
}
WORKERS = 8


def keypoint_file(split: str) -> str:
    """Where the annotations of a split are; its images are in a folder `split`."""
    return f"annotations/person_keypoints_{split}.json"


def annotations(options) -> dict:
    """The content of the split's keypoint file, fetched first."""

    def keypoints_only(name: str) -> str | None:
        wanted = {keypoint_file(split) for split in IMAGES}
        return name if name in wanted else None

    fetch(ANNOTATIONS, options.folder, options.server, keypoints_only, options.keep)
    text = (options.folder / keypoint_file(options.split)).read_text(encoding="utf-8")
    return json.loads(text)


def choose(content: dict, people: int, seed: int) -> dict:
    """The part of the file with images, drawn at random, of at least `people` people.

    Only people with labelled joints are counted. The same seed gives the same images.
    """
    count: dict[int, int] = {}
    for person in content["annotations"]:
        if person["num_keypoints"] > 0:
            count[person["image_id"]] = count.get(person["image_id"], 0) + 1
    order = sorted(count)
    random.Random(seed).shuffle(order)
    chosen, total = set(), 0
    for image in order:
        if total >= people:
            break
        chosen.add(image)
        total += count[image]
    return {
        **content,
        "images": [r for r in content["images"] if r["id"] in chosen],
        "annotations": [r for r in content["annotations"] if r["image_id"] in chosen],
    }


def fetch_image(record: dict, folder: Path, address: str) -> int:
    """One image in the folder, of the size in its record; its bytes."""
    name = record["file_name"]
    require(
        Path(name).name == name,
        "is not the name of a file",
        where=address,
        field="file_name",
        value=name,
    )
    path = download(f"{address}/{name}", folder / name, progress=False)
    try:
        found = image_size(path)
    except ImageError:
        found = None
    if found != (record["height"], record["width"]):
        path.unlink()
        raise DownloadError(
            f"is not the image of {record['width']} x {record['height']} pixels that "
            "the annotations describe",
            where=f"{address}/{name}",
            fix="Run the same command again. Nothing of it is left on the disk.",
        )
    return path.stat().st_size


def fetch_images(content: dict, folder: Path, address: str) -> dict[str, int]:
    """All images of the annotations, several at a time; names and bytes."""
    records = content["images"]
    pool = ThreadPoolExecutor(WORKERS)
    try:
        sizes = pool.map(lambda r: fetch_image(r, folder, address), records)
        bar = tqdm(sizes, total=len(records), desc=folder.name, unit=" images")
        names = [record["file_name"] for record in records]
        return dict(zip(names, bar, strict=True))
    finally:
        pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C: no new ones


def some_people(options) -> str:
    require(
        options.people > 0, "must be at least 1", where="--people", value=options.people
    )
    content = choose(annotations(options), options.people, options.seed)
    address = f"{options.server.rstrip('/')}/{options.split}"
    part = f"{options.split}_{options.people}"  # a small split of its own
    files = fetch_images(content, options.folder / part, address)
    with replace_file(options.folder / keypoint_file(part)) as draft:
        draft.write_text(json.dumps(content), encoding="utf-8")
    return summary(options.folder, part, content, files)


def whole_split(options) -> str:
    content = annotations(options)
    files = fetch(
        IMAGES[options.split], options.folder, options.server, keep=options.keep
    )
    return summary(options.folder, options.split, content, files)


def summary(folder: Path, split: str, content: dict, files: dict[str, int]) -> str:
    people = sum(a["num_keypoints"] > 0 for a in content["annotations"])
    return (
        f"{len(content['images']):,} images of {people:,} people with joints "
        f"({megabytes(files)})\n"
        f'Coco("{folder / keypoint_file(split)}", "{folder / split}"), '
        f"or --data coco:{folder}:{split}"
    )


def main(argv: list[str] | None = None) -> int:
    made = parser(__doc__, EXAMPLES)
    made.add_argument("--split", choices=sorted(IMAGES), default="val2017")
    made.add_argument(
        "--people",
        type=int,
        metavar="N",
        help="only images with N people in all (default: all images)",
    )
    made.add_argument(
        "--seed", type=int, default=0, help="which people --people takes (0)"
    )
    add_source(made, SERVER)
    options = made.parse_args(argv)
    return run(whole_split if options.people is None else some_people, options)


if __name__ == "__main__":
    sys.exit(main())
