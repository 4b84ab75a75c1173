"""Small COCO sets at random that have everything which makes evaluation hard."""

from __future__ import annotations

import numpy as np


def make_set(
    seed: int,
    images: int = 4,
    people: int = 4,
    detections: int = 6,
    noise: float = 0.1,
    levels: int = 5,
    categories: int = 1,
    joints: int = 17,
) -> tuple[dict, list[dict]]:
    """A COCO dictionary and result records.

    Up to `people` and `detections` an image (none in some), small, medium and large
    people on whole pixels, crowds, people nobody labelled, people twice, detections
    that are exact, near, double or anywhere, and only `levels` different scores.
    """
    g = np.random.default_rng(seed)
    ids = g.permutation(np.arange(1, 10 * images))[:images].tolist()
    kinds = [{"id": 3 + 4 * k, "name": f"kind {k}"} for k in range(categories)]
    truth, found = [], []
    for image in ids:
        here = [_person(g, image, kinds, joints) for _ in range(_count(g, people))]
        if here and g.random() < 0.2:
            here.append(dict(here[0]))
        truth += here
        for _ in range(_count(g, detections)):
            found.append(_detection(g, image, here, kinds, joints, noise, levels))
    order = g.permutation(len(truth)).tolist()
    truth = [{**truth[place], "id": n} for n, place in enumerate(order, start=1)]
    data = {
        "images": [{"id": i} for i in ids],
        "categories": kinds,
        "annotations": truth,
    }
    return data, [found[i] for i in g.permutation(len(found)).tolist()]


def _count(g: np.random.Generator, most: int) -> int:
    return 0 if g.random() < 0.15 else int(g.integers(0, most + 1))


def _person(g, image: int, kinds: list[dict], joints: int) -> dict:
    size = int(g.choice([8, 40, 90, 150]))
    points = g.integers(0, 200) + g.integers(0, size, (joints, 2))
    flags = g.choice(3, joints, p=(0.3, 0.2, 0.5)) * int(g.random() > 0.15)
    return {
        "image_id": image,
        "category_id": kinds[g.integers(len(kinds))]["id"],
        "keypoints": np.concatenate([points, flags[:, None]], 1).ravel().tolist(),
        "num_keypoints": int((flags > 0).sum()),
        "iscrowd": int(g.random() < 0.15),
        "area": float(g.choice([size**2, size**2 / 2, 32**2, 96**2])),
        "bbox": [*points.min(0).tolist(), size, size],
    }


def _detection(g, image, here, kinds, joints, noise, levels) -> dict:
    kind = kinds[g.integers(len(kinds))]["id"]
    if here and g.random() < 0.8:
        person = here[g.integers(len(here))]
        points = np.array(person["keypoints"], float).reshape(-1, 3)[:, :2]
        spread = noise * person["bbox"][2] * g.choice([0, 0.3, 1])
        points = np.round(points + spread * g.standard_normal(points.shape))
        kind = person["category_id"] if g.random() < 0.9 else kind
    else:
        points = g.integers(0, 200, (joints, 2)).astype(float)
    rows = np.concatenate([points, np.ones((joints, 1))], 1)
    return {
        "image_id": image,
        "category_id": kind,
        "keypoints": rows.ravel().tolist(),
        "score": float(g.integers(levels)) / levels,
    }


def raw_pycocotools(data: dict, found: list[dict]):
    """pycocotools on exactly these records: `stats`, `eval`."""
    import contextlib
    import copy
    import io

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(data)
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(copy.deepcopy(found)), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats, judge.eval
