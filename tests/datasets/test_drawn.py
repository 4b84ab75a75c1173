"""Drawn people go through export, transforms and the pool as they should."""

import json

import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poselab import geometry
from poselab.datasets import (
    Coco,
    SyntheticPeople,
    augment,
    crop,
    crop_people,
    flip,
    portrait,
    rotate,
    save_coco,
    to_coco,
)
from poselab.metrics import coco_ap
from poselab.records import Poses, Sample


@pytest.fixture(scope="module")
def crowd() -> Sample:
    return SyntheticPeople(size=(96, 128), people=(2, 4), seed=5).batch(6)


def test_the_export_reads_back_equal_and_scores_one(crowd, tmp_path):
    samples = [s.replace(image_id=i) for i, s in enumerate(crowd)]
    save_coco(samples, tmp_path / "a.json", tmp_path / "images")
    coco = Coco(tmp_path / "a.json", tmp_path / "images")
    answers = []
    for back, sample in zip(coco, samples, strict=True):
        for name in ("keypoints", "visibility", "boxes", "areas", "masks", "present"):
            assert torch.equal(getattr(back, name), getattr(sample, name)), name
        assert (back.image - sample.image).abs().max() <= 0.5 / 255 + 1e-6
        answers.append(Poses(sample.keypoints, (sample.visibility > 0).float()))
    for truth in (coco, samples, crowd):
        scores = coco_ap(truth, answers)
        assert {v for v in scores.values() if v != -1} == {1.0}


def test_annotations_as_detections_score_one_in_pycocotools(crowd, capsys):
    truth = COCO()
    truth.dataset = json.loads(json.dumps(to_coco(crowd)))
    truth.createIndex()
    found = [
        {
            "image_id": a["image_id"],
            "category_id": 1,
            "score": 1.0,
            "keypoints": a["keypoints"],
        }
        for a in truth.dataset["annotations"]
        if a["num_keypoints"]
    ]
    judge = COCOeval(truth, truth.loadRes(found), "keypoints")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert {float(value) for value in judge.stats} <= {1.0, -1.0}
    assert judge.stats[0] == 1.0


@pytest.mark.parametrize(
    "change",
    [
        flip,
        lambda b: rotate(b, 20.0),
        lambda b: crop(b, torch.tensor([20.0, 10, 80, 80]).expand(6, 4), (64, 64)),
        lambda b: augment(b, torch.Generator().manual_seed(0)),
        lambda b: crop_people(b[0], (64, 48))[0],
    ],
    ids=["flip", "rotate", "crop", "augment", "people"],
)
def test_all_fields_move_together(crowd, change):
    moved = change(crowd)
    assert set(moved.tensors()) == set(crowd.tensors())
    seen = geometry.project(moved.joints_3d, moved.intrinsics[:, None])
    shown = moved.visibility > 0
    assert (seen - moved.keypoints)[shown].abs().max() < 5e-3
    assert torch.equal(moved.boxes, geometry.box_of_mask(moved.masks))
    assert torch.equal(moved.areas, moved.masks.flatten(-2).sum(-1).float())
    people = torch.arange(moved.masks.shape[1])[:, None, None]
    assert torch.equal(moved.masks, moved.person_id[:, None] == people)
    somebody = moved.person_id >= 0
    assert torch.isfinite(moved.depth[somebody]).all()
    u, v = moved.keypoints.round().long().unbind(-1)
    visible = moved.visibility == 2
    x, y = u.clamp(0, moved.size[1] - 1), v.clamp(0, moved.size[0] - 1)
    index = torch.arange(len(moved))[:, None, None].expand_as(x)
    own = torch.arange(moved.masks.shape[1])[None, :, None].expand_as(x)
    on_mask = moved.masks[index, own, y, x]
    assert on_mask[visible].float().mean() > 0.8, "visible joints lie on the mask"


def test_a_pool_of_drawn_people(tmp_path):
    people = SyntheticPeople(seed=3)
    pool = people.pool(70, directory=tmp_path)
    generator = people.generator()
    first, second = people.batch(64, generator), people.batch(6, generator)
    wanted = torch.cat([first.keypoints, second.keypoints])
    got = pool.samples(range(70))
    assert torch.equal(got.keypoints, wanted)
    assert (got.image[:64] - first.image).abs().max() <= 0.5 / 255 + 1e-6
    again = SyntheticPeople(seed=3).pool(70, directory=tmp_path)
    assert again.path == pool.path
    assert SyntheticPeople(seed=4).pool(70, directory=tmp_path).path != pool.path


def test_splits_share_no_pool(tmp_path):
    train = SyntheticPeople().pool(2, directory=tmp_path)
    test = SyntheticPeople(split="test").pool(2, directory=tmp_path)
    assert train.path != test.path
    assert not torch.equal(train[0].keypoints, test[0].keypoints)


def test_the_portrait_is_a_valid_record():
    sample = portrait()
    assert sample.size == (600, 512)
    assert (sample.visibility > 0).sum() == 7
    assert sample.masks.sum() > 50_000
