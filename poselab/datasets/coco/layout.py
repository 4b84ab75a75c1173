"""Where the files of a data set in COCO's format lie."""

from __future__ import annotations

from pathlib import Path

from poselab.datasets.coco.reader import Coco
from poselab.errors import ArgumentError, require


def open_coco(source: str, split: str, check_images: bool = False) -> Coco:
    """The data set that a command line names: `coco:FOLDER` or `coco:FOLDER:SPLIT`.

    FOLDER is laid out as COCO's (annotations/person_keypoints_SPLIT.json next to
    SPLIT/), or holds annotations.json and images/. Raises `ArgumentError` or
    `AnnotationError`.
    """
    kind, _, rest = source.partition(":")
    require(
        kind == "coco" and rest,
        "must be coco:FOLDER or coco:FOLDER:SPLIT",
        where="data",
        value=source,
    )
    folder, _, named = rest.partition(":")
    root, split = Path(folder), named or split
    tried = [
        (root / "annotations" / f"person_keypoints_{split}.json", root / split),
        (root / "annotations.json", root / "images"),
    ]
    for file, images in tried:
        if file.is_file():
            return Coco(file, images, check_images=check_images)
    raise ArgumentError(
        "holds no annotations",
        where="data",
        value=source,
        fix=f"Looked for {tried[0][0]} and {tried[1][0]}; "
        "data_scripts/download_coco.py and make_synthetic.py write them.",
    )
