"""`python -m poselab.bench metrics`: our COCO evaluation against pycocotools'."""

from __future__ import annotations

import contextlib
import io
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

IMAGES, PEOPLE, DETECTIONS = 2000, 10, 20


def crowd(
    images: int, people: int, detections: int, seed: int = 0
) -> tuple[dict, list[dict]]:
    """A COCO dictionary and results: people at random, found more or less well.

    Each detection is a person of its image, moved by up to a fifth of their size, so
    that some are right at no threshold, some at all, and some find a person twice.
    """
    g = np.random.default_rng(seed)
    size = g.uniform(20, 300, (images, people, 1, 1))
    points = g.uniform(0, 600, (images, people, 1, 2))
    points = points + size * g.uniform(-0.5, 0.5, (images, people, 17, 2))
    flags = g.choice(3, (images, people, 17), p=(0.2, 0.2, 0.6))
    who = g.integers(people, size=(images, detections))
    rows = np.arange(images)[:, None], who
    noise = size[rows] * g.uniform(0, 0.2, (images, detections, 1, 1))
    found = points[rows] + noise * g.standard_normal((images, detections, 17, 2))
    return _truth(points, flags, size), _results(found, g.uniform(size=who.shape))


def _truth(points: np.ndarray, flags: np.ndarray, size: np.ndarray) -> dict:
    low = points.min(2)
    boxes = np.concatenate([low, points.max(2) - low], -1)
    joints = np.concatenate([points, flags[..., None]], -1)
    joints = joints.reshape(*flags.shape[:2], 51)
    areas, counts = 0.5 * size[..., 0, 0] ** 2, (flags > 0).sum(-1)
    records = [
        {
            "id": number,
            "image_id": place[0] + 1,
            "category_id": 1,
            "iscrowd": 0,
            "keypoints": joints[place].tolist(),
            "bbox": boxes[place].tolist(),
            "area": float(areas[place]),
            "num_keypoints": int(counts[place]),
        }
        for number, place in enumerate(np.ndindex(areas.shape), start=1)
    ]
    return {
        "images": [{"id": i + 1} for i in range(len(points))],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": records,
    }


def _results(points: np.ndarray, scores: np.ndarray) -> list[dict]:
    joints = np.concatenate([points, np.ones_like(points[..., :1])], -1)
    joints = joints.reshape(*scores.shape, 51)
    return [
        {
            "image_id": place[0] + 1,
            "category_id": 1,
            "score": float(scores[place]),
            "keypoints": joints[place].tolist(),
        }
        for place in np.ndindex(scores.shape)
    ]


def metrics(repeats: int) -> dict[str, float]:
    """AP of 2,000 images with 10 people and 20 detections each, and a dragged joint.

    "pycocotools" is its `evaluate` and `accumulate` alone, "vectorised" everything from
    the dictionaries to the ten numbers, the median of `repeats`; pycocotools runs once,
    between them. "all metrics" is what an explorer calls for every place of a joint
    that is dragged, with three people.
    """
    from poselab.metrics import coco_ap_vectorised
    from poselab.metrics.ap.inputs import CocoNumbers, read_inputs
    from poselab.metrics.ap.keypoints import make_judge

    truth, found = crowd(IMAGES, PEOPLE, DETECTIONS)
    numbers = coco_ap_vectorised(truth, found)  # warms up
    with contextlib.redirect_stdout(io.StringIO()):
        judge = make_judge(read_inputs(truth, found, None))
        ours = [seconds(lambda: coco_ap_vectorised(truth, found))]
        theirs = seconds(lambda: (judge.evaluate(), judge.accumulate()))
        judge.summarize()
    for _ in range(repeats - 1):
        ours.append(seconds(lambda: coco_ap_vectorised(truth, found)))
    reference = CocoNumbers(judge.stats)
    worst = max(abs(numbers[name] - reference[name]) for name in reference)
    assert worst < 1e-9, worst
    drag = dragged(100 * repeats)
    times = {
        "vectorised": statistics.median(ours),
        "pycocotools": theirs,
        "all metrics": drag,
    }
    ratios = {
        "pycocotools / vectorised": theirs / times["vectorised"],
        "all metrics / 5 ms": drag / 5e-3,
    }
    return times | ratios


def dragged(moves: int) -> float:
    """Median seconds of all metrics for one place of a dragged joint."""
    from poselab.metrics import everything

    g = torch.Generator().manual_seed(0)
    truth = 100 * torch.rand(3, 17, 2, generator=g)
    low, size = truth.amin(1), truth.amax(1) - truth.amin(1)
    rest = torch.full((3, 17), 2), torch.cat([low, size], 1), size.prod(1) / 2
    pred, times = truth.clone(), []
    for _ in range(moves):
        pred[0, 9] += 0.1
        times.append(seconds(lambda: everything(pred, truth, *rest)))
    return statistics.median(times)


def seconds(job: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start
