"""The MATLAB file of MPII Human Pose as records like those of the common JSON.

MATLAB drops what is empty and does not wrap what is single, so every level can be
missing, one struct, or an array of structs.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from poselab.datasets.json_file import Record
from poselab.datasets.matlab import read_mat
from poselab.errors import AnnotationError
from poselab.skeleton import MPII_16

JOINTS = len(MPII_16)


def load_mat(file: Path) -> Iterator[Record]:
    """A record per person of a training image; one without joints for an empty image.

    Raises `AnnotationError` where the file is not MPII's.
    """
    release = _release(file)
    images, train = (
        _list(_get(release, "annolist")),
        np.atleast_1d(_get(release, "img_train", [])),
    )
    if not images or len(train) != len(images):
        raise AnnotationError(
            "is not MPII's file: RELEASE needs annolist and img_train of one length",
            where=file,
            value=[len(images), len(train)],
        )
    for place, image in enumerate(images):
        if train[place]:
            yield from _people(file, place, image)


def _release(file: Path) -> Any:
    fix = "It is mpii_human_pose_v1_u12_1.mat of mpii_human_pose_v1_u12_2.zip."
    content = read_mat(file, fix, squeeze_me=True, struct_as_record=False)
    if "RELEASE" not in content:
        raise AnnotationError(
            "is not MPII's file: it has no RELEASE",
            where=file,
            value=sorted(content),
            fix=fix,
        )
    return content["RELEASE"]


def _people(file: Path, place: int, image: Any) -> Iterator[Record]:
    name = _get(_get(image, "image"), "name", "")
    found = 0
    for number, person in enumerate(_list(_get(image, "annorect"))):
        data = _data(person)
        if data is not None:
            found += 1
            where = f"annolist({place + 1}).annorect({number + 1})"
            yield Record(str(file), where, {"image": name, **data})
    if not found:
        yield Record(str(file), f"annolist({place + 1})", {"image": name})


def _data(person: Any) -> dict[str, Any] | None:
    """The fields of the common JSON; None for somebody without place or size."""
    centre, scale = _get(person, "objpos"), _get(person, "scale")
    if centre is None or scale is None:
        return None
    joints = [[-1.0, -1.0] for _ in range(JOINTS)]
    seen = [0] * JOINTS
    for point in _list(_get(_get(person, "annopoints"), "point")):
        joint = _number(point, "id")
        if np.isnan(joint):
            joints[0] = [nan, nan]  # which the check of the record names
        elif joint in range(JOINTS):
            joint = int(joint)
            joints[joint] = [_number(point, "x"), _number(point, "y")]
            seen[joint] = _visible(_get(point, "is_visible"))
    data = {
        "joints": joints,
        "joints_vis": seen,
        "scale": _number(person, "scale"),
        "center": [_number(centre, "x"), _number(centre, "y")],
    }
    corners = [_number(person, key) for key in ("x1", "y1", "x2", "y2")]
    if np.isfinite(corners).all():
        data["head"] = [corners[:2], corners[2:]]
    return data


def _visible(mark: Any) -> int:
    """1 for seen, 0 for hidden; neck and head top have no mark and count as seen."""
    return 0 if str(mark).strip() == "0" else 1


def _number(struct: Any, key: str) -> float:
    """NaN for what is no single number; the check of the record names it."""
    value = np.asarray(_get(struct, key))
    return value.item() * 1.0 if value.size == 1 and value.dtype.kind in "biuf" else nan


def _get(struct: Any, key: str, default: Any = None) -> Any:
    value = getattr(struct, key, default)
    return default if isinstance(value, np.ndarray) and value.size == 0 else value


def _list(value: Any) -> list:
    if value is None:
        return []
    return list(value.ravel()) if isinstance(value, np.ndarray) else [value]
