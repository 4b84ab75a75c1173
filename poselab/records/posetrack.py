"""Tracked poses as PoseTrack's dictionaries, as its evaluator reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from poselab.errors import ArgumentError, require
from poselab.records.predictions import Poses
from poselab.skeleton import COCO_17, POSETRACK_17, Skeleton, convert


def to_posetrack(
    clip: Sequence[Poses],
    video: str = "clip",
    size: tuple[int, int] | None = None,
    skeleton: Skeleton = COCO_17,
) -> dict[str, Any]:
    """The frames of one clip, `Poses` with `track_ids`, as PoseTrack18's dictionary.

    Frames are named "<video>/000000.jpg" and on; `size` (H, W) px is written where it
    is given. Joints of `skeleton` become PoseTrack's 17; those that it lacks (of COCO's
    the head's top and the neck) have score 0 and the place (0, 0). Raises
    `ArgumentError` where identities are missing or one stands twice in a frame.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for frame, poses in enumerate(clip):
        image = _image(frame, video, size)
        images.append(image)
        annotations += [
            {"id": len(annotations) + i + 1, "image_id": image["id"], **entry}
            for i, entry in enumerate(_people(poses, frame, skeleton))
        ]
    category = {"id": 1, "name": "person", "keypoints": list(POSETRACK_17.joints)}
    return {"images": images, "annotations": annotations, "categories": [category]}


def _image(frame: int, video: str, size: tuple[int, int] | None) -> dict[str, Any]:
    sides = {} if size is None else {"height": int(size[0]), "width": int(size[1])}
    name = f"{video}/{frame:06d}.jpg"
    number = {"id": frame + 1, "frame_id": frame + 1, "vid_id": video}
    return {"file_name": name, **number, **sides, "is_labeled": True}


def _people(poses: Poses, frame: int, skeleton: Skeleton) -> list[dict[str, Any]]:
    if poses.track_ids is None:
        raise ArgumentError(
            "has no identities",
            where="to_posetrack",
            field=f"clip[{frame}].track_ids",
            value=None,
            fix="Let a Tracker give them first.",
        )
    poses = poses.people(poses.present).to("cpu")
    ids = poses.known("track_ids").tolist()
    require(
        len(set(ids)) == len(ids),
        "two people of a frame have one identity",
        where="to_posetrack",
        field=f"clip[{frame}].track_ids",
        value=ids,
    )
    points, scores = convert(poses.keypoints, poses.scores, skeleton, POSETRACK_17)
    rows = torch.cat([points, (scores > 0).to(points)[..., None]], -1)  # [P, 17, 3]
    return [
        {
            "track_id": int(identity),
            "category_id": 1,
            "keypoints": row.double().flatten().tolist(),
            "scores": score.double().tolist(),
            "bbox": _around(row),
        }
        for identity, row, score in zip(ids, rows, scores, strict=True)
    ]


def _around(row: torch.Tensor) -> list[float]:
    """The box x, y, w, h around the joints that there are; zeros without any."""
    seen = row[row[:, 2] > 0, :2].double()
    if not len(seen):
        return [0.0, 0.0, 0.0, 0.0]
    low, high = seen.amin(0), seen.amax(0)
    return [*low.tolist(), *(high - low).tolist()]
