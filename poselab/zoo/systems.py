"""Detector and pose network by name, joined: everybody in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poselab.codecs import ReleasedCodec
from poselab.errors import ArgumentError
from poselab.models.normalise import IMAGENET
from poselab.pipelines import TopDown
from poselab.zoo.released import entry, official

READS_HEATMAPS = ("hrnet", "simple_baseline")  # released networks for crops of people


def top_down(
    detector: str = "keypointrcnn_r50_fpn",
    pose: str = "hrnet_w32_coco",
    *,
    detector_path: str | Path | None = None,
    pose_path: str | Path | None = None,
    **options: Any,
) -> TopDown:
    """Released weights in both places, fetched once unless paths are given.

    `zoo.top_down()(datasets.read_image("me.jpg"))`. `options` go to `TopDown`; the flip
    test is on. Raises `ArgumentError` for a name that is not of this kind,
    `CheckpointError`, `DownloadError`.
    """
    for field, name, kinds in (
        ("detector", detector, ("fpn",)),
        ("pose", pose, READS_HEATMAPS),
    ):
        builder = entry(name).builder
        if not builder.endswith(kinds):
            raise ArgumentError(
                f"is a {builder}, which does not belong here",
                where="top_down",
                field=field,
                value=name,
                fix=f"Choose one of {', '.join(kinds)}.",
            )
    finder = official(detector, path=detector_path)
    net = official(pose, path=pose_path)
    options = {"flip": True, "normalise": IMAGENET, **options}
    return TopDown(finder, net, ReleasedCodec(), **options)
