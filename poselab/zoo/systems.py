"""Detector and pose network by name, joined: everybody in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poselab.datasets.pictures import as_image
from poselab.errors import require
from poselab.pipelines import TopDown
from poselab.records import Poses
from poselab.zoo.cards import FOLDER
from poselab.zoo.loading import content_of, load


def top_down(
    detector: str = "rcnn_tiny",
    pose: str = "hrnet_large_tiny",
    *,
    detector_path: str | Path | None = None,
    pose_path: str | Path | None = None,
    folder: Path = FOLDER,
    **options: Any,
) -> TopDown:
    """The top-down system of two networks that `load` knows, bundled or released.

    By default the best pair of those that are bundled. A bundled detector sees a
    picture at the size of those that it learned from; the crops are cut from all its
    pixels. Paths are of weights that are there already. `options` go to `TopDown`; the
    flip test is on. The released pair is
    `top_down("keypointrcnn_r50_fpn", "hrnet_w32_coco")`. Raises `ArgumentError` for
    networks that do not belong in these places, and what `load` raises.
    """
    require(
        _detects(detector, folder),
        "is no detector",
        where="top_down",
        field="detector",
        value=detector,
        fix="rcnn_tiny is one, and keypointrcnn_r50_fpn.",
    )
    require(
        not _detects(pose, folder),
        "is a detector, and no network for crops of people",
        where="top_down",
        field="pose",
        value=pose,
        fix="hrnet_large_tiny is one, and hrnet_w32_coco.",
    )
    finder = load(detector, path=detector_path, folder=folder)
    net = load(pose, path=pose_path, folder=folder)
    if getattr(finder, "side", ()) is None:
        finder.side = tuple(finder.codec.size)
    known = {"flip": True, "normalise": net.normalise}
    return TopDown(finder, net, net.codec, **{**known, **options})


def _detects(name: str, folder: Path) -> bool:
    """Whether a network finds boxes; known without its weights."""
    return content_of(name, folder)["codec"].get("name", "detection") == "detection"


def everybody(
    picture: Any,
    detector: str = "rcnn_tiny",
    pose: str = "hrnet_large_tiny",
    **options: Any,
) -> Poses:
    """Everybody in a picture, surest first: what `poselab.estimate` does.

    `picture` as for `poselab.datasets.as_image`; the rest as for `top_down`.
    """
    image = as_image(picture)
    return top_down(detector, pose, **options)(image)
