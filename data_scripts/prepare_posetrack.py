"""PoseTrack18: one COCO file from the annotations of all its videos.

The data set needs a free account and is for research only: posetrack.net (images and
annotations; the copies of PoseTrack21 at github.com/anDoer/PoseTrack21 have the same
layout). Put them into one folder, so that there are

  images/val/*/*.jpg      annotations/val/*.json

Nothing of yours is changed; posetrack18_val.json is written beside them.
"""

from __future__ import annotations

import json
import sys

from common import folder_of, parser, run
from tqdm.auto import tqdm

from poselab.datasets.posetrack import merge
from poselab.errors import ArgumentError
from poselab.system.disk import replace_file

EXAMPLES = """examples:
  python data_scripts/prepare_posetrack.py data/posetrack18
      the validation videos
  python data_scripts/prepare_posetrack.py data/posetrack18 --split train

read it back:
  from poselab.datasets import PoseTrack
  data = PoseTrack("data/posetrack18/posetrack18_val.json", "data/posetrack18")
  samples = data.clip(next(iter(data.videos)))
"""


def work(options) -> str:
    root, split = options.folder, options.split
    help_ = "See --help for the layout and where the data set is."
    folder = folder_of(root / "annotations" / split, "a .json for each video", help_)
    folder_of(root / "images" / split, "a folder of images for each video", help_)
    files = sorted(folder.glob("*.json"))
    if not files:
        raise ArgumentError("has no .json in it", where=folder, fix=help_)
    notes: list[str] = []
    content = merge(tqdm(files, desc=split, unit=" videos"), root, notes)
    if not content["images"]:
        raise ArgumentError("no labelled image of it is there", where=folder, fix=help_)
    target = root / f"posetrack18_{split}.json"
    with replace_file(target) as draft:
        draft.write_text(json.dumps(content), encoding="utf-8")
    people = sum(not a["iscrowd"] for a in content["annotations"])
    said = (
        f"{len(files) - len(notes):,} videos, {len(content['images']):,} labelled "
        f'frames, {people:,} poses\nPoseTrack("{target}", "{root}")'
    )
    return "\n".join([said, *(f"note: {note}" for note in notes)])


def main(argv: list[str] | None = None) -> int:
    made = parser(__doc__, EXAMPLES)
    made.add_argument("--split", choices=("train", "val"), default="val")
    return run(work, made.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
