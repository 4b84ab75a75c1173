"""Write drawn people as a COCO data set: PNG images and one annotation file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from poselab.datasets import SyntheticPeople, save_coco
from poselab.errors import PoselabError
from poselab.skeleton import SKELETONS, by_name

EXAMPLES = """examples:
  python data_scripts/make_synthetic.py data/people
      200 images of one person, 128 x 96 pixels, with data/people/annotations.json
  python data_scripts/make_synthetic.py data/crowd --count 50 --people 4 --size 192 256
      50 pictures of four people
  python data_scripts/make_synthetic.py data/test --split test --seed 1
      other people than any in the training split

read it back:
  from poselab.datasets import Coco
  sample = Coco("data/people/annotations.json", "data/people/images")[0]
"""
CHUNK = 32


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("folder", type=Path, help="where to write (made if missing)")
    parser.add_argument("--count", type=int, default=200, help="images (200)")
    parser.add_argument("--people", type=int, default=1, help="people an image (1)")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 96),
                        metavar=("H", "W"), help="pixels (128 96)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="which people (0)")
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--skeleton", choices=sorted(SKELETONS), default="coco-17")
    return parser.parse_args(argv)


def draw_people(options: argparse.Namespace):
    """Single samples, numbered from 1."""
    people = SyntheticPeople(
        size=tuple(options.size), people=options.people, seed=options.seed,
        split=options.split, skeleton=by_name(options.skeleton),
    )  # fmt: skip
    number = 0
    while number < options.count:
        batch = people.batch(min(CHUNK, options.count - number)).to("cpu")
        for sample in batch:
            number += 1
            yield sample.replace(image_id=number)


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    try:
        with torch.no_grad():
            data = save_coco(
                draw_people(options),
                options.folder / "annotations.json",
                options.folder / "images",
            )
    except PoselabError as problem:
        print(problem, file=sys.stderr)
        return 1
    people = len(data["annotations"])
    print(f"{len(data['images'])} images of {people} people in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
