"""Detector and pose network by name, joined: everybody in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poselab.datasets.pictures import as_small_image
from poselab.errors import require
from poselab.pipelines import SecondLook, SinglePerson, TopDown, Votes
from poselab.records import Poses
from poselab.zoo.cards import FOLDER
from poselab.zoo.loading import content_of, load

# For photographs: the detector, and the networks for one person that vote on the joints
# (`pipelines.Votes`). All have seen drawn people only, the detector and `photo` in all
# kinds of disorder; notebook 00 shows what they can do. On drawn disorder `photo`
# alone is better than the vote; on photographs none has the last word.
PHOTOGRAPHS: tuple[str, tuple[str, ...]] = (
    "photo_detector",
    (
        "photo",
        "hrnet_large_tiny",
        "hrnet_tiny",
        "cpm_tiny",
        "heatmap_tiny",
        "simple_baseline_tiny",
        "hourglass_1_tiny",
        "deeppose_tiny",
    ),
)
SURE = 0.5  # of a box's score: below it there is mostly nobody


# Options of `top_down` that leave only people who are likely there. The boxes stay
# where they are (no `looks`): those of a detector that knows disorder are better than
# what the joints of people in photographs would make of them.
LIKELY: dict[str, Any] = {"score_threshold": SURE}


def top_down(
    detector: str = "rcnn_tiny",
    pose: str | Sequence[str] = "hrnet_large_tiny",
    *,
    detector_path: str | Path | None = None,
    pose_path: str | Path | None = None,
    folder: Path = FOLDER,
    looks: int = 0,
    **options: Any,
) -> TopDown:
    """The top-down system of networks that `load` knows, bundled or released.

    By default the best pair of those that are bundled, for drawn people. A bundled
    detector sees a picture at the size of those that it learned from; the crops are cut
    from all its pixels. Several names for `pose` vote (`pipelines.Votes`); with `looks`
    the boxes move so many times to the people in them (`pipelines.SecondLook`). Paths
    are of weights that are there already, for one `pose`. `options` go to `TopDown`;
    the flip test is on. The released pair is
    `top_down("keypointrcnn_r50_fpn", "hrnet_w32_coco")`. Raises `ArgumentError` for
    networks that do not belong in these places, and what `load` raises.
    """
    names = [pose] if isinstance(pose, str) else list(pose)
    _check(detector, names, pose_path, folder)
    finder = load(detector, path=detector_path, folder=folder)
    if getattr(finder, "side", ()) is None:
        finder.side = tuple(finder.codec.size)
    nets = [load(name, path=pose_path, folder=folder) for name in names]
    first = nets[0]
    known = {"flip": True, "normalise": first.normalise}
    system = TopDown(finder, first, first.codec, **{**known, **options})
    if len(nets) > 1:
        system.single = Votes([_member(net, system.single, options) for net in nets])
    if looks:
        system.detector = SecondLook(finder, system.single, looks)
    return system


def _member(net: Any, like: SinglePerson, options: dict[str, Any]) -> SinglePerson:
    """One of several networks, asked as the first one is."""
    normalise = options.get("normalise", net.normalise)
    return SinglePerson(
        net, net.codec, margin=like.margin, flip=like.flip, normalise=normalise
    )


def _check(detector: str, names: list[str], path: Any, folder: Path) -> None:
    """Raise an `ArgumentError` unless the networks belong in their places."""
    require(
        _detects(detector, folder),
        "is no detector",
        where="top_down",
        field="detector",
        value=detector,
        fix="rcnn_tiny is one, and keypointrcnn_r50_fpn.",
    )
    require(
        len(names) > 0 and (path is None or len(names) == 1),
        "a file of weights is for one network" if names else "names no network",
        where="top_down",
        field="pose",
        value=names,
    )
    for name in names:
        require(
            not _detects(name, folder),
            "is a detector, and no network for crops of people",
            where="top_down",
            field="pose",
            value=name,
            fix="hrnet_large_tiny is one, and hrnet_w32_coco.",
        )


def _detects(name: str, folder: Path) -> bool:
    """Whether a network finds boxes; known without its weights."""
    return content_of(name, folder)["codec"].get("name", "detection") == "detection"


def everybody(
    picture: Any,
    detector: str = PHOTOGRAPHS[0],
    pose: str | Sequence[str] = PHOTOGRAPHS[1],
    **options: Any,
) -> Poses:
    """Everybody in a picture, surest first: what `poselab.estimate` does.

    `picture` as for `poselab.datasets.as_image`; the rest as for `top_down`, with
    `LIKELY` where the caller says nothing else. A file of more than 16 million pixels
    is read smaller; joints and boxes are in its own pixels.
    """
    image, scale = as_small_image(picture)
    poses = top_down(detector, pose, **{**LIKELY, **options})(image)
    scale = scale.to(poses.keypoints)
    return poses.replace(
        keypoints=(poses.keypoints + 0.5) * scale - 0.5,
        boxes=poses.known("boxes") * scale.repeat(2),
    )
