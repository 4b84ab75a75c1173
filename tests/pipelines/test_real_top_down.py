"""The whole system on two photographs of COCO: it loads, runs and is scored.

The tiny networks have only ever seen drawn people, so nothing is asked of the scores
but that they are scores: the gap between drawings and photographs is part of the
course. Skipped where the photographs are missing, which are not ours to pass on.
"""

from pathlib import Path

import pytest
import torch

from poselab import zoo
from poselab.datasets import Coco
from poselab.metrics import box_ap, coco_ap

FOLDER = Path(__file__).parents[2].parent / "shared" / "real" / "coco"


@pytest.mark.skipif(
    not (FOLDER / "person_keypoints.json").is_file(),
    reason=f"the photographs are not in {FOLDER}",
)
def test_photographs_are_loaded_run_and_scored():
    system = zoo.top_down("rcnn_tiny", "simple_baseline_tiny")
    samples = list(Coco(FOLDER / "person_keypoints.json", FOLDER))
    found = [system(sample.image) for sample in samples]
    for sample, poses in zip(samples, found, strict=True):
        height, width = sample.size
        assert torch.isfinite(poses.keypoints).all()
        edge = poses.boxes[:, :2] + poses.boxes[:, 2:]
        assert (edge <= torch.tensor([width, height]) + 1e-3).all()
    scores = coco_ap(samples, found)
    boxes = box_ap(samples, [system.detector.detect(s.image) for s in samples])
    print({k: round(v, 3) for k, v in scores.items()}, boxes["AP50"])
    for value in (scores["AP"], scores["AR"], boxes["AP50"]):
        assert 0 <= value <= 1
    given = [system.poses(s.image, s.boxes) for s in samples]
    assert coco_ap(samples, given)["AR50"] >= 0
