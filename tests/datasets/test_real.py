"""Real photographs go through everything: load, draw, crop, predict, measure.

Two photographs of COCO with their annotations, next to the repository in
../shared/real/coco; not ours to pass on, so the tests skip where they are missing.
"""

from pathlib import Path

import pytest
import torch

from poselab import datasets, draw, geometry, zoo
from poselab.datasets import Coco
from poselab.metrics import coco_ap, oks, pck
from poselab.records import Poses
from poselab.skeleton import COCO_17

FOLDER = Path(__file__).parents[2].parent / "shared" / "real" / "coco"
SIZE = (128, 96)
real = pytest.mark.skipif(
    not (FOLDER / "person_keypoints.json").is_file(),
    reason=f"the photographs are not in {FOLDER}",
)


@pytest.fixture(scope="module")
def coco() -> Coco:
    return Coco(FOLDER / "person_keypoints.json", FOLDER)


@real
def test_both_photographs_load(coco):
    assert coco.image_ids == [785, 196141]
    one, many = coco
    assert one.size == (425, 640)
    assert many.size == (429, 640)
    assert len(one.keypoints) == 1
    assert len(many.keypoints) == 5
    assert (many.visibility > 0).sum(1).tolist() == [15, 15, 0, 12, 17]
    assert one.keypoints[0, 0].tolist() == [367, 81]
    assert 0.2 < one.image.mean() < 0.9


@real
def test_masks_boxes_and_areas_agree(coco):
    for sample in coco:
        tight = geometry.box_of_mask(sample.masks)
        assert (tight - sample.boxes).abs().max() < 2
        pixels = sample.masks.flatten(1).sum(1)
        assert ((pixels - sample.areas).abs() < 0.01 * sample.areas + 2).all()


@real
def test_they_are_drawn(coco):
    for sample in coco:
        plain, drawn = draw.to_pil(sample.image, 1), draw.paint_sample(sample)
        assert drawn.tobytes() != plain.tobytes()


@real
def test_everybody_is_cut_out_and_put_back(coco):
    crops = list(coco.crops(SIZE))
    assert [len(c.sample) for c in crops] == [1, 5]
    for found, sample in zip(crops, coco, strict=True):
        back = geometry.invert_affine(found.matrix)
        points = geometry.apply_affine(found.sample.keypoints[:, 0], back)
        labelled = sample.visibility > 0
        assert (points - sample.keypoints)[labelled].abs().max() < 1e-2
        assert torch.equal(found.sample.visibility[:, 0] > 0, labelled)
        assert found.sample.image.flatten(1).std(1).min() > 0.02


@real
def test_boxes_of_a_detector_are_cut_out(coco):
    found = coco.detections(FOLDER / "person_detections.json", min_score=0.9)
    assert set(found) == {785, 196141}
    sample = coco[0]
    overlap = geometry.box_iou(found[785].boxes, sample.boxes)
    assert overlap.max() > 0.8
    for crops in coco.crops(SIZE, boxes=found):
        assert crops.sample.image.shape[1:] == (3, *SIZE)
        assert (crops.sample.visibility == 0).all()
        assert (crops.scores >= 0.9).all()


@real
def test_the_truth_scores_one(coco):
    answers = [Poses(s.keypoints, (s.visibility > 0).float()) for s in coco]
    assert set(coco_ap(coco, answers).values()) == {1.0}
    assert set(coco_ap(list(coco), answers).values()) == {1.0}


@real
def test_an_export_of_photographs_reads_back_equal(coco, tmp_path):
    datasets.save_coco(coco, tmp_path / "a.json", tmp_path)
    for back, sample in zip(Coco(tmp_path / "a.json", tmp_path), coco, strict=True):
        for name in ("image", "keypoints", "visibility", "boxes", "areas", "masks"):
            assert torch.equal(getattr(back, name), getattr(sample, name)), name


@real
def test_the_trained_network_and_the_metrics(coco):
    """Notebook 01's network on photographs: every number is a number, none is good."""
    from poselab.evaluate import predict

    net = zoo.load("deeppose_tiny")
    answers, shares = [], []
    for crops, sample in zip(coco.crops(SIZE), coco, strict=True):
        points = predict(net, crops.sample.image)[-1]  # [N, J, 2] px of the crop
        assert torch.isfinite(points).all()
        assert points.abs().max() < 2 * max(SIZE)
        length = sample.boxes[:, 2:].amax(-1) * crops.matrix[:, 0, 0]
        inside = pck(
            points, crops.sample.keypoints[:, 0], crops.sample.visibility[:, 0], length
        )
        back = geometry.apply_affine(points, geometry.invert_affine(crops.matrix))
        whole = pck(back, sample.keypoints, sample.visibility, boxes=sample.boxes)
        torch.testing.assert_close(inside, whole)  # PCK does not depend on scale
        answers.append(Poses(back, torch.ones(len(back), len(COCO_17))))
        shares.append(whole)
        alike = oks(back, sample.keypoints, sample.visibility, sample.areas)
        assert ((alike >= 0) & (alike <= 1)).all()
    scores = coco_ap(coco, answers)
    assert all(0 <= value <= 1 for value in scores.values())
    assert (torch.stack(shares) <= 1).all()
    assert scores["AP"] < 0.5, "drawn people taught it about photographs?"
