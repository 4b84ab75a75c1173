"""COCO files: what we write others read, and we read it back equal."""

import contextlib
import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from poselab.datasets import Coco, save_coco, to_coco
from poselab.datasets.coco import masks
from poselab.errors import PoselabError
from poselab.metrics import coco_ap
from poselab.records import Poses, Sample
from poselab.records.coco import encode_mask, to_results
from poselab.skeleton import CROWDPOSE_14
from tests.support.samples import make_sample


def as_answer(sample: Sample) -> Poses:
    return Poses(sample.keypoints, (sample.visibility > 0).float())


def with_crowd(seed: int) -> Sample:
    sample = make_sample(seed, 2)
    ignore = torch.zeros(sample.size, dtype=torch.bool)
    ignore[3:9, 2:20] = True
    return sample.replace(ignore=ignore)


def assert_same(back: Sample, sample: Sample) -> None:
    for name in ("keypoints", "visibility", "boxes", "areas", "masks", "track_ids"):
        a, b = getattr(back, name), getattr(sample, name)
        assert (a is None) == (b is None) or len(sample.keypoints) == 0, name
        assert a is None or torch.equal(a, b), name
    assert (back.image * 255 - (sample.image * 255).round()).abs().max() < 1e-3
    assert (back.ignore is None) == (sample.ignore is None)
    assert back.ignore is None or torch.equal(back.ignore, sample.ignore)
    assert back.image_id == sample.image_id


def test_our_export_reads_back_equal(tmp_path):
    samples = [make_sample(0, 3), make_sample(1, 0, (33, 52)), with_crowd(2)]
    save_coco(samples, tmp_path / "new" / "truth.json", tmp_path / "images")
    coco = Coco(tmp_path / "new" / "truth.json", tmp_path / "images")
    assert len(coco) == 3
    for back, sample in zip(coco, samples, strict=True):
        assert_same(back, sample)
    assert coco[1].keypoints.shape == (0, 17, 2)
    assert coco[1].masks.shape == (0, 33, 52)
    assert not list(tmp_path.rglob("*.tmp"))


@given(st.integers(0, 10**6), st.integers(0, 4))
@settings(max_examples=15, deadline=None)
def test_any_sample_reads_back_equal(tmp_path_factory, seed, people):
    folder = tmp_path_factory.mktemp("coco")
    sample = make_sample(seed, people, (30, 41))
    save_coco(sample, folder / "a.json", folder)
    assert_same(Coco(folder / "a.json", folder)[0], sample)


def test_pycocotools_reads_our_export():
    sample = with_crowd(5)
    data = json.loads(json.dumps(to_coco([sample])))
    coco = COCO()
    coco.dataset = data
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    records = coco.loadAnns(coco.getAnnIds(imgIds=12))
    for person, record in enumerate(records[:2]):
        assert np.array_equal(coco.annToMask(record), sample.masks[person].numpy())
        points = np.array(record["keypoints"]).reshape(17, 3)
        assert np.array_equal(points[:, 2], sample.visibility[person].numpy())
        assert (points[points[:, 2] == 0] == 0).all()
        assert record["num_keypoints"] == (sample.visibility[person] > 0).sum()
        assert np.float32(record["area"]) == sample.areas[person]
    assert records[2]["iscrowd"] == 1
    assert coco.loadCats(1)[0]["skeleton"][0] == [1, 2]


def test_truth_as_answer_scores_one(tmp_path):
    samples = [make_sample(i, 1 + i % 4, (140, 120)) for i in range(6)] + [
        with_crowd(9),
        make_sample(10, 0),
    ]
    answers = [as_answer(sample) for sample in samples]
    scores = coco_ap(samples, answers)
    assert {v for v in scores.values() if v != -1} == {1.0}
    save_coco(samples, tmp_path / "a.json", tmp_path)
    assert coco_ap(Coco(tmp_path / "a.json", tmp_path), answers) == scores


def test_stacked_padding_is_nobody():
    batch = Sample.stack([make_sample(0, 1), make_sample(1, 3)])
    data = to_coco(batch)
    assert [a["image_id"] for a in data["annotations"]] == [7, 8, 8, 8]
    assert coco_ap(batch, as_answer(batch))["AP"] == 1.0


def test_a_person_without_sure_joints_is_found_all_the_same():
    """Scores of 0, and joints at (0, 0), are predictions like any other."""
    sample = make_sample(0, 2, (160, 140))
    poses = Poses(
        sample.keypoints, torch.zeros(2, 17), person_scores=torch.tensor([0.9, 0.8])
    )
    assert [entry["score"] for entry in to_results(poses, 7)] == pytest.approx(
        [0.9, 0.8]
    )
    assert coco_ap([sample], [poses])["AP"] == pytest.approx(1)
    corner = poses.replace(keypoints=torch.zeros(2, 17, 2))
    assert len(to_results(corner, 7)) == 2
    one = poses.replace(present=torch.tensor([False, True]))
    assert [entry["score"] for entry in to_results(one, 7)] == pytest.approx([0.8])


def test_without_ids_images_are_numbered_and_two_equal_ids_refused():
    sample = make_sample(0)
    nameless = to_coco([sample.replace(image_id=None), sample])
    assert [image["id"] for image in nameless["images"]] == [1, 2]
    with pytest.raises(PoselabError, match="same id"):
        to_coco([sample, sample])
    with pytest.raises(PoselabError, match="at least one"):
        to_coco([])
    with pytest.raises(PoselabError, match="finite"):
        to_coco(sample.replace(areas=torch.tensor([1.0, float("nan")])))


def test_other_skeletons(tmp_path):
    sample = make_sample(1, 2, skeleton=CROWDPOSE_14)
    save_coco(sample, tmp_path / "a.json", tmp_path)
    back = Coco(tmp_path / "a.json", tmp_path, skeleton=CROWDPOSE_14)[0]
    assert_same(back, sample)
    with pytest.raises(PoselabError, match="not the 17 joints of coco-17"):
        Coco(tmp_path / "a.json", tmp_path)


def write(folder, record: dict, image: Image.Image | None = None, **top) -> Coco:
    image = image or Image.new("RGB", (30, 20), (10, 200, 90))
    image.save(folder / "a.png")
    data = {
        "images": [{"id": 5, "file_name": "a.png", "width": 30, "height": 20}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [record] if record else [],
        **top,
    }
    (folder / "a.json").write_text(json.dumps(data))
    return Coco(folder / "a.json", folder)


def person(**changes) -> dict:
    return {
        "id": 1,
        "image_id": 5,
        "category_id": 1,
        "iscrowd": 0,
        "area": 24,
        "bbox": [3, 2, 6, 4],
        "keypoints": [4, 3, 2] * 17,
        **changes,
    }


def test_three_kinds_of_masks_agree(tmp_path):
    mask = torch.zeros(20, 30, dtype=torch.bool)
    mask[2:6, 3:9] = True
    polygon = [[3, 2, 9, 2, 9, 6, 3, 6]]
    runs = {"size": [20, 30], "counts": [62, 4, 16, 4, 16, 4, 16, 4, 16, 4, 16, 4, 434]}
    for segmentation in (polygon, runs, encode_mask(mask)):
        sample = write(tmp_path, person(segmentation=segmentation))[0]
        assert torch.equal(sample.masks[0], mask)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_our_run_lengths_are_those_of_pycocotools(seed, h, w):
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(h, w, generator=g) > torch.rand((), generator=g)
    code = encode_mask(mask)
    assert np.array_equal(coco_mask.decode(code), mask.numpy())
    assert torch.equal(masks.decode(code, (h, w)), mask)


def test_people_without_joints_and_crowds_and_dogs(tmp_path):
    nobody = person(keypoints=[0] * 51, num_keypoints=0)
    crowd = person(
        id=2, iscrowd=1, segmentation={"size": [20, 30], "counts": [40, 60, 500]}
    )
    bare = {k: v for k, v in crowd.items() if k not in ("keypoints", "segmentation")}
    bare = bare | {"id": 3, "bbox": [20, 10, 4, 2]}
    dog = {"id": 4, "image_id": 5, "category_id": 2}
    sample = write(tmp_path, {}, annotations=[nobody, crowd, bare, dog])[0]
    assert sample.keypoints.shape == (1, 17, 2)
    assert (sample.visibility == 0).all()
    assert sample.masks is None
    assert sample.ignore.sum() == 60 + 8
    assert sample.ignore[10:12, 20:24].all()


def test_image_kinds(tmp_path):
    grey = Image.new("L", (30, 20), 77)
    sample = write(tmp_path, {}, grey)[0]
    assert torch.allclose(sample.image, torch.tensor(77 / 255))
    assert sample.keypoints.shape == (0, 17, 2)
    deep = Image.fromarray(np.full((20, 30), 257 * 99, dtype=np.uint16))
    assert torch.allclose(write(tmp_path, {}, deep)[0].image, torch.tensor(99 / 255))
    palette = Image.new("RGBA", (30, 20), (255, 0, 0, 10)).convert("P")
    assert write(tmp_path, {}, palette)[0].image.shape == (3, 20, 30)


def test_cmyk_and_exif(tmp_path):
    Image.new("CMYK", (30, 20), (0, 255, 255, 0)).save(tmp_path / "c.jpg")
    turned = Image.new("RGB", (20, 30))
    turned.paste((255, 255, 255), (0, 0, 20, 5))  # white where "up" is to the left
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to show
    turned.save(tmp_path / "e.png", exif=exif)
    images = [
        {"id": 1, "file_name": "c.jpg", "width": 30, "height": 20},
        {"id": 2, "file_name": "e.png", "width": 30, "height": 20},
    ]
    coco = write(tmp_path, {}, images=images)
    assert coco[0].image.mean((1, 2))[0] > 0.9  # red
    assert coco[0].image.mean((1, 2))[2] < 0.1
    assert coco[1].image[:, :, -5:].min() == 1
    assert coco[1].image[:, :, :-5].max() == 0


def test_index_and_crops(tmp_path):
    samples = [make_sample(0, 2), make_sample(1, 0), make_sample(2, 1)]
    save_coco(samples, tmp_path / "a.json", tmp_path)
    coco = Coco(tmp_path / "a.json", tmp_path)
    with pytest.raises(IndexError):
        coco[3]
    crops = list(coco.crops((64, 48)))
    assert [len(c.sample) for c in crops] == [2, 1]
    assert [c.image_id for c in crops] == [7, 9]
    assert crops[0].sample.image.shape == (2, 3, 64, 48)


def test_detections(tmp_path):
    coco = write(tmp_path, person())
    file = tmp_path / "found.json"
    joints = [2, 3, 0.5] * 16 + [12, 9, 0.25]
    file.write_text(
        json.dumps(
            [
                {"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.3},
                {"image_id": 5, "category_id": 1, "keypoints": joints, "score": 0.9},
                {"image_id": 5, "category_id": 1, "bbox": [1, 2, 0, 4], "score": 0.8},
                {"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.1},
            ]
        )
    )
    found = coco.detections(file, 0.2)[5]
    assert found.person_scores.tolist() == pytest.approx([0.9, 0.3])
    assert found.boxes[0].tolist() == [2, 3, 11, 7]
    assert (found.scores[1] == 0).all()
    crops = next(coco.crops((16, 12), boxes={5: found}))
    assert len(crops.sample) == 2
    file.write_text('[{"image_id": 6, "bbox": [1, 2, 3, 4], "score": 1}]')
    with pytest.raises(PoselabError, match="no such image"):
        coco.detections(file)
    file.write_text('[{"image_id": 5, "score": 1}]')
    with pytest.raises(PoselabError, match="'bbox' is missing"):
        coco.detections(file)
