"""Annotation files at random, as tools and people spoil them, and what must hold.

`python -m tests.support.fuzz_annotations 10000` tries so many and counts what happened.
Whatever a file holds, it is read or refused with one clear error; every number that
comes out is finite; nobody is lost without being counted; and both ways to compute
COCO's numbers agree.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import torch

from poselab.datasets import Coco, CocoPeople
from poselab.errors import PoselabError
from poselab.metrics import coco_ap
from poselab.metrics.ap.curves import coco_ap_vectorised
from poselab.records import Poses
from tests.support.annotation_files import category, content, person, points, write

IMAGES = 3
ODD = (
    *(None, True, False, 0, 1, -1, 0.5, -0.5, 1e9, 1e308, 10**400, 2**63, 1e-320),
    *(float("nan"), float("inf"), "", "1", "person", "\x00", [], [[]], {}, [None]),
    *([0, 0, 0, 0], [1, 2], ["a", "b"], {"size": [120, 100], "counts": "0"}, [{}]),
)
# What tools write, as changes of a person.
HABITS = (
    *({"area": 0}, {"area": ...}, {"area": 0.4}, {"bbox": ...}, {"bbox": []}),
    *(
        {"bbox": [0, 0, 0, 0]},
        {"bbox": [0.2, 0.1, 0.5, 0.8]},
        {"bbox": [50, 60, 60, 90]},
    ),
    *(
        {"bbox": [-4, 5, 60, 100]},
        {"bbox": [20, 10, 80, 110]},
        {"bbox": [20, 10, 60, 0]},
    ),
    *({"keypoints": ...}, {"keypoints": []}, {"keypoints": [0] * 51}),
    *({"keypoints": [0, 0, 2] * 17}, {"keypoints": [0.3, 0.4, 2] * 17}),
    *({"keypoints": points(flag=0)}, {"keypoints": points(flag=1)}),
    *({"keypoints": [0, 0, 2] * 5 + points()[15:]}, {"keypoints": points(joints=16)}),
    *({"num_keypoints": 0}, {"num_keypoints": ...}, {"num_keypoints": None}),
    *({"iscrowd": 1}, {"iscrowd": ...}, {"iscrowd": True}, {"track_id": 3}),
    *({"segmentation": [[]]}, {"segmentation": [[1, 2, 3, 4]]}, {"segmentation": None}),
    *({"segmentation": [[20, 10, 80, 10, 80, 110]]}, {"category_id": 2}),
    *({"segmentation": {"size": [120, 100], "counts": [12000]}}, {"keypoints": None}),
    *(
        {"keypoints": [-1, -1, 2] * 5 + points()[15:]},
        {"keypoints": points((20, 10, 160, 190))},
        {"segmentation": [[90, 112, 99, 112, 99, 119]]},
        {"segmentation": {"size": [120, 100], "counts": [11995, 5]}},
    ),
)
KINDS = (
    [category()],
    [category(), category(2, "dog", keypoints=[f"k{i}" for i in range(17)])],
    [category(1, "thing", keypoints=[]), category(2, "human")],
    [category(2, "person", keypoints=...)],
    [category(1, "Person", keypoints=None), category(2, "ball", keypoints=...)],
)
ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1")


def make_file(draw: random.Random) -> bytes:
    """The bytes of a file; about one in five is as good as new."""
    kinds = copy.deepcopy(draw.choice(KINDS))
    humans = [k for k in kinds if k["name"].lower() in ("person", "human")]
    own = draw.choice(kinds if draw.random() < 0.1 else humans)["id"]
    people = [_someone(draw, i, own) for i in range(1, draw.randint(0, 5) + 1)]
    data = content(people, kinds, IMAGES)
    for _ in range(draw.choice((0, 0, 0, 0, 0, 1, 1, 2, 3))):
        _spoil(data, draw)
    text = json.dumps(data, ensure_ascii=draw.random() < 0.5)
    body = bytearray(text.encode(draw.choice(ENCODINGS)))
    if draw.random() < 0.1:
        for _ in range(draw.randint(1, 4)):
            body[draw.randrange(len(body))] = draw.randrange(256)
    return bytes(body[: draw.randrange(len(body))] if draw.random() < 0.03 else body)


def _someone(draw: random.Random, number: int, kind: int) -> dict:
    box = [draw.randint(0, 30), draw.randint(0, 30), draw.randint(20, 60), 70]
    changes = {"bbox": box, "keypoints": points(box, flag=draw.choice((1, 2)))}
    changes["area"] = float(box[2] * box[3] / 2)
    if draw.random() < 0.2:
        changes |= copy.deepcopy(draw.choice(HABITS))
    changes = {"category": kind, **changes}
    changes["category"] = changes.pop("category_id", kind)
    return person(number, draw.randint(1, IMAGES), **changes)


def _spoil(data, draw: random.Random) -> None:
    """Change, delete or double something anywhere."""
    target = data
    for _ in range(draw.randint(0, 4)):
        inner = [v for v in _values(target) if isinstance(v, dict | list) and v]
        if not inner:
            break
        target = draw.choice(inner)
    keys = list(target) if isinstance(target, dict) else list(range(len(target)))
    if not keys:
        return
    key, what = draw.choice(keys), draw.random()
    if what < 0.2:
        del target[key]
    elif what < 0.3 and isinstance(target, list):
        target.append(copy.deepcopy(target[key]))
    else:
        target[key] = copy.deepcopy(draw.choice(ODD))


def _values(target):
    return target.values() if isinstance(target, dict) else target


# --- what must hold ------------------------------------------------------------------


def check_file(folder: Path, body: bytes, draw: random.Random) -> str:
    """ "refused" or "read"; an AssertionError where one of the promises is broken."""
    file = folder / "fuzz.json"
    file.write_bytes(body)
    options = {
        "area": draw.choice((None, "box")),
        "boxes": draw.choice((None, "joints")),
        "check_images": draw.random() < 0.5,
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            coco = Coco(file, folder / "images", **options)
            samples = list(coco)
        except PoselabError as problem:
            return _refused(str(problem))
        told = " ".join(str(w.message) for w in caught)
        _nobody_is_lost(coco, samples, told)
        _numbers_are_finite(coco, samples)
        _both_measures_agree(coco, samples)
    return "mended" if told else "read"


def _refused(said: str) -> str:
    assert 20 < len(said) < 600, said
    assert "\n" not in said, said
    return "refused"


def _nobody_is_lost(coco: Coco, samples, told: str) -> None:
    raw = coco.dataset["annotations"]
    own = [a for a in raw if a["category_id"] == coco.annotations.category_id]
    single = [a for a in own if not a.get("iscrowd")]
    assert sum(len(s.keypoints) for s in samples) == len(single)
    assert len(own) == len(raw) or "left out" in told
    joints = [a.get("keypoints") or [] for a in single]
    assert all(joints) or "have no keypoints" in told
    marked = sum(any(v > 0 for v in points[2::3]) for points in joints)
    labelled = sum(int((s.visibility > 0).any(-1).sum()) for s in samples)
    assert labelled == marked or "joints at (0, 0)" in told
    try:
        people = CocoPeople(coco)
    except PoselabError:
        assert labelled == 0
        return
    assert len(people) == labelled
    assert len(people) + sum(people.left_out.values()) == len(own)


def _numbers_are_finite(coco: Coco, samples) -> None:
    for sample in samples:
        for name in ("image", "keypoints", "boxes", "areas"):
            assert torch.isfinite(getattr(sample, name)).all(), name
        seen = (sample.visibility > 0).any(-1)
        assert (sample.areas[seen] > 0).all()
        assert (sample.boxes[seen, 2:] > 0).all()
    for crops in coco.crops((16, 12)):
        for name in ("image", "keypoints", "boxes", "areas"):
            assert torch.isfinite(getattr(crops.sample, name)).all(), name


def _both_measures_agree(coco: Coco, samples) -> None:
    answers = [
        Poses(s.keypoints, (s.visibility > 0).float()).people(
            (s.visibility > 0).any(-1)
        )
        for s in samples
    ]
    one, two = (measure(coco, answers) for measure in (coco_ap, coco_ap_vectorised))
    for name, value in one.items():
        assert abs(value - two[name]) < 1e-9, name
        assert value == -1 or 0 <= value <= 1, name


def run(count: int, seed: int = 0) -> Counter:
    """Try `count` files; how many were refused, read, and mended."""
    found: Counter = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = write(Path(name), content([], images=IMAGES))
        for number in range(count):
            draw = random.Random(f"{seed} {number}")
            body = make_file(draw)
            try:
                found[check_file(folder, body, draw)] += 1
            except Exception as problem:
                raise AssertionError(
                    f"seed {seed}, file {number}: {body[:900]!r}"
                ) from (problem)
    return found


if __name__ == "__main__":
    print(dict(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)))
