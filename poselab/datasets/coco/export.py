"""Samples as a COCO keypoint file with its images."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from poselab.datasets.images import to_pil
from poselab.errors import PoselabError
from poselab.records import Sample
from poselab.records.coco import sample_list, to_coco
from poselab.system.disk import replace_file


def save_coco(
    samples: Sample | Iterable[Sample],
    annotation_file: str | Path,
    image_dir: str | Path,
) -> dict[str, Any]:
    """Write samples as a COCO file and PNG images; returns the dictionary.

    Every file appears complete or not at all, the annotations last. Images have 8 bits
    a channel. Raises `PoselabError` where the disk says no.
    """
    samples = sample_list(samples)
    data = to_coco(samples)
    target, folder = Path(annotation_file), Path(image_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        for sample, record in zip(samples, data["images"], strict=True):
            with replace_file(folder / record["file_name"]) as temporary:
                to_pil(sample.image).save(temporary, format="PNG")
        with replace_file(target) as temporary:
            temporary.write_text(json.dumps(data), encoding="utf-8")
    except OSError as problem:
        raise PoselabError(
            f"cannot be written ({problem.strerror or problem})",
            where=problem.filename or target,
            fix="Choose another directory.",
        ) from problem
    return data
