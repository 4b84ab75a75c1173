"""Write drawn people as a COCO data set: PNG images and one annotation file.

The same options give the same files, with any number of workers; a larger --count
begins with the images of a smaller one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from common import parser, run
from tqdm.auto import tqdm

from poselab.datasets import SyntheticPeople, to_coco
from poselab.datasets.images import to_pil
from poselab.errors import PoselabError, require
from poselab.skeleton import SKELETONS, by_name
from poselab.system.disk import replace_file

EXAMPLES = """examples:
  python data_scripts/make_synthetic.py data/people
      200 images of one person, 128 x 96 pixels, with data/people/annotations.json
  python data_scripts/make_synthetic.py data/crowd --count 50 --people 4 --size 192 256
      50 pictures of four people
  python data_scripts/make_synthetic.py data/test --split test --seed 1
      other people than any in the training split
  python data_scripts/make_synthetic.py data/large --count 100000 --workers 16
      a large set, drawn by 16 processes

read it back:
  from poselab.datasets import Coco
  sample = Coco("data/people/annotations.json", "data/people/images")[0]
"""
CHUNK = 32  # images that are drawn together


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    made = parser(__doc__, EXAMPLES)
    made.add_argument("--count", type=int, default=200, help="images (200)")
    made.add_argument("--people", type=int, default=1, help="people an image (1)")
    made.add_argument(
        "--size",
        type=int,
        nargs=2,
        default=(128, 96),
        metavar=("H", "W"),
        help="pixels (128 96)",
    )
    made.add_argument("--seed", type=int, default=0, help="which people (0)")
    made.add_argument("--split", choices=("train", "test"), default="train")
    made.add_argument("--skeleton", choices=sorted(SKELETONS), default="coco-17")
    made.add_argument("--workers", type=int, default=1, help="processes (1)")
    return made.parse_args(argv)


def recipe(options: argparse.Namespace) -> dict:
    """What decides the images, apart from how many."""
    names = ("people", "size", "seed", "split", "skeleton")
    return {name: getattr(options, name) for name in names} | {
        "size": list(options.size)
    }


def draw_chunk(options: argparse.Namespace, chunk: int) -> None:
    """Write the images of a chunk, then what is known of them; skip what is there.

    Every chunk has a stream of its own and is drawn whole, so that neither the number
    of workers nor that of images changes it.
    """
    note = part(options, chunk)
    if note.is_file():
        return
    people = SyntheticPeople(
        size=tuple(options.size),
        people=options.people,
        seed=options.seed,
        split=options.split,
        skeleton=by_name(options.skeleton),
    )
    own = zlib.crc32(f"{options.seed} {chunk}".encode()) >> 1
    with torch.no_grad():
        batch = people.batch(CHUNK, people.generator(own)).to("cpu")
    samples = [s.replace(image_id=chunk * CHUNK + i + 1) for i, s in enumerate(batch)]
    samples = samples[: options.count - chunk * CHUNK]
    data = to_coco(samples)
    for sample, record in zip(samples, data["images"], strict=True):
        with replace_file(options.folder / "images" / record["file_name"]) as draft:
            to_pil(sample.image).save(draft, format="PNG")
    write(note, data)


def write(path: Path, data: dict) -> None:
    with replace_file(path) as draft:
        draft.write_text(json.dumps(data), encoding="utf-8")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def part(options: argparse.Namespace, chunk: int) -> Path:
    """Where a finished chunk is noted, until all are."""
    return options.folder / ".parts" / f"{chunk:06d}-{options.count}.json"


def begin(options: argparse.Namespace) -> None:
    """Make the folders; forget chunks of an interrupted run with other options."""
    parts = options.folder / ".parts"
    note = parts / "recipe.json"
    if parts.is_dir() and not (note.is_file() and read(note) == recipe(options)):
        shutil.rmtree(parts)
    parts.mkdir(parents=True, exist_ok=True)
    (options.folder / "images").mkdir(exist_ok=True)
    write(note, recipe(options))
    height, width = options.size
    needed, free = 3 * height * width * options.count, shutil.disk_usage(parts).free
    if needed > free:
        raise PoselabError(
            f"needs up to {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free",
            where=options.folder,
            fix="Make room or choose another folder.",
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Workers have one thread; with more, sums may be rounded otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def draw(options: argparse.Namespace, chunks: range) -> None:
    bar = {"total": len(chunks), "unit": f"x{CHUNK} images", "desc": "drawing"}
    if options.workers == 1:
        with one_thread():
            for chunk in tqdm(chunks, **bar):
                draw_chunk(options, chunk)
        return
    context = multiprocessing.get_context("spawn")
    workers = min(options.workers, len(chunks))
    with context.Pool(workers, torch.set_num_threads, (1,)) as pool:
        jobs = [pool.apply_async(draw_chunk, (options, chunk)) for chunk in chunks]
        for job in tqdm(jobs, **bar):
            job.get()


def merge(options: argparse.Namespace, chunks: range) -> dict:
    """The annotation file of all chunks."""
    whole: dict = {}
    for chunk in chunks:
        data = read(part(options, chunk))
        if not whole:
            whole = {**data, "images": [], "annotations": []}
        whole["images"] += data["images"]
        whole["annotations"] += data["annotations"]
    for number, annotation in enumerate(whole["annotations"]):
        annotation["id"] = number + 1
    return whole | {"info": {**whole["info"], "recipe": recipe(options)}}


def finished(options: argparse.Namespace) -> dict | None:
    """The annotation file, if it is of these options and its images are there."""
    try:
        data = read(options.folder / "annotations.json")
        same = data["info"]["recipe"] == recipe(options)
        names = [record["file_name"] for record in data["images"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    there = all((options.folder / "images" / name).is_file() for name in names)
    return data if same and there and len(names) == options.count else None


def work(options: argparse.Namespace) -> str:
    for name in ("count", "workers"):
        require(
            getattr(options, name) > 0,
            "must be at least 1",
            where=f"--{name}",
            value=getattr(options, name),
        )
    data = finished(options)
    if data is None:
        chunks = range(-(-options.count // CHUNK))
        begin(options)
        draw(options, chunks)
        data = merge(options, chunks)
        write(options.folder / "annotations.json", data)
    shutil.rmtree(options.folder / ".parts", ignore_errors=True)
    people = len(data["annotations"])
    return f"{len(data['images'])} images of {people} people in {options.folder}"


def main(argv: list[str] | None = None) -> int:
    return run(work, arguments(argv))


if __name__ == "__main__":
    sys.exit(main())
