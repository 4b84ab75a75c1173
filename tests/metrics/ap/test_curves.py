"""Our derivation of COCO's AP equals pycocotools, and its curve tells how it came."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.errors import PoselabError
from poselab.metrics import NAMES, coco_ap, coco_ap_vectorised, coco_curves
from poselab.metrics.ap import matching
from poselab.records import Poses
from poselab.skeleton import CROWDPOSE_14, MPII_16
from tests.support.coco_sets import make_set, raw_pycocotools
from tests.support.golden import FOLDER
from tests.support.samples import make_sample

SETS = dict(
    seed=st.integers(0, 10**6),
    images=st.integers(1, 6),
    people=st.integers(0, 6),
    detections=st.integers(0, 30),
    noise=st.floats(0, 0.3),
    levels=st.integers(1, 40),
    categories=st.integers(1, 3),
)


def golden():
    data, found = (
        json.loads((FOLDER / f"alg_coco_ap_{n}.json").read_text()) for n in ("gt", "dt")
    )
    return data, found, np.load(FOLDER / "alg_coco_ap.npz")


def test_equals_the_golden_set():
    data, found, arrays = golden()
    curves = coco_curves(data, found)
    assert list(curves.numbers) == list(NAMES)
    np.testing.assert_allclose(curves.numbers, arrays["stats"], rtol=0, atol=1e-9)
    precision, recall = curves.precision[:, :, 0], curves.recall[:, 0]
    np.testing.assert_allclose(precision, arrays["precision"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(recall, arrays["recall"], rtol=0, atol=1e-9)


@given(**SETS)
@settings(max_examples=120)
def test_equals_pycocotools_on_any_set(**arguments):
    data, found = make_set(**arguments)
    before = copy.deepcopy((data, found))
    curves, ours = coco_curves(data, found), coco_ap(data, found)
    np.testing.assert_allclose(curves.numbers, ours, rtol=0, atol=1e-9)
    assert (data, found) == before
    if found:
        stats, inside = raw_pycocotools(data, found)
        np.testing.assert_allclose(ours, stats, rtol=0, atol=1e-9)
        for name in ("precision", "recall"):
            table = getattr(curves, name)
            np.testing.assert_allclose(table, inside[name][..., 0], rtol=0, atol=1e-9)


def test_the_sets_have_what_makes_them_hard():
    sets = [make_set(seed, detections=30) for seed in range(40)]
    people = [a for data, _ in sets for a in data["annotations"]]
    assert any(a["iscrowd"] and a["num_keypoints"] for a in people)
    assert any(a["num_keypoints"] == 0 and not a["iscrowd"] for a in people)
    curves = [coco_curves(*s).detections() for s in sets]
    assert any((c.rank == 19).any() for c in curves)
    assert any(c.ignored.any() for c in curves)
    assert any(len(c.score) < len(s[1]) for c, s in zip(curves, sets, strict=True))
    twice = (np.unique(c.matched[c.matched >= 0], return_counts=True) for c in curves)
    assert any((counts > 1).any() for _, counts in twice)  # a crowd, found again
    aps = [c.ap for c in curves]
    assert min(aps) < 0.3 < max(aps)


@given(**SETS)
@settings(max_examples=25)
def test_what_never_changes_the_numbers(**arguments):
    data, found = make_set(**arguments)
    numbers = np.asarray(coco_ap_vectorised(data, found))
    assert ((numbers == -1) | ((numbers >= 0) & (numbers <= 1))).all()
    squashed = [{**d, "score": np.tanh(3 * d["score"]) - 7} for d in found]
    np.testing.assert_array_equal(coco_ap_vectorised(data, squashed), numbers)
    shown = {**data, "images": data["images"][::-1]}
    np.testing.assert_array_equal(coco_ap_vectorised(shown, found), numbers)
    scaled = [scale(r, 3) for r in data["annotations"]], [scale(r, 3) for r in found]
    full = {**data, "annotations": scaled[0]}
    bigger = coco_ap_vectorised(full, scaled[1])
    for name in ("AP", "AP50", "AP75", "AR", "AR50", "AR75"):  # not the area ranges
        assert bigger[name] == pytest.approx(numbers[NAMES.index(name)], abs=1e-9)


def scale(record: dict, factor: float) -> dict:
    rows = np.array(record["keypoints"], float).reshape(-1, 3)
    rows[:, :2] *= factor
    changed = {**record, "keypoints": rows.ravel().tolist()}
    if "area" in record:
        changed["area"] = record["area"] * factor**2
        changed["bbox"] = [value * factor for value in record["bbox"]]
    return changed


@given(**SETS)
@settings(max_examples=20)
def test_unlabelled_joints_never_matter(**arguments):
    data, found = make_set(**arguments)
    numbers = np.asarray(coco_ap_vectorised(data, found))
    moved = copy.deepcopy(data)
    for record in moved["annotations"]:
        rows = np.array(record["keypoints"], float).reshape(-1, 3)
        rows[rows[:, 2] == 0, :2] = 1e6
        record["keypoints"] = rows.ravel().tolist()
    np.testing.assert_array_equal(coco_ap_vectorised(moved, found), numbers)


def test_perfect_answers_and_none():
    data, _ = make_set(4, people=6)
    data["annotations"] = [
        a for a in data["annotations"] if a["num_keypoints"] and not a["iscrowd"]
    ]
    exact = [
        {k: a[k] for k in ("image_id", "category_id", "keypoints")} | {"score": 1}
        for a in data["annotations"]
    ]
    assert coco_ap_vectorised(data, exact)["AP"] == pytest.approx(1, abs=1e-12)
    assert coco_ap_vectorised(data, [])["AP"] == 0
    assert coco_ap_vectorised({**data, "annotations": []}, exact)["AP"] == -1


def test_many_people_in_few_images_and_many_blocks(monkeypatch):
    data, found = make_set(5, images=30, people=9, detections=25, levels=9)
    packed = [{**r, "image_id": data["images"][0]["id"]} for r in data["annotations"]]
    crowded = {**data, "annotations": packed}
    stats, _ = raw_pycocotools(crowded, found)
    np.testing.assert_allclose(coco_ap_vectorised(crowded, found), stats, atol=1e-9)
    whole = np.asarray(coco_ap_vectorised(data, found))
    monkeypatch.setattr(matching, "BLOCK", 300)
    monkeypatch.setattr(matching, "CHUNK", 400)
    np.testing.assert_array_equal(coco_ap_vectorised(data, found), whole)


def test_more_than_127_people_in_an_image():
    data, found = make_set(8, images=60, people=6, detections=1, levels=50)
    one = data["images"][0]["id"]
    people = [{**r, "image_id": one} for r in data["annotations"]]
    assert len(people) > 127
    found = [{**r, "image_id": one} for r in found]
    stats, _ = raw_pycocotools({**data, "annotations": people}, found)
    ours = coco_ap_vectorised({**data, "annotations": people}, found)
    np.testing.assert_allclose(ours, stats, rtol=0, atol=1e-9)


@given(**SETS)
@settings(max_examples=25)
def test_the_curve_is_that_of_its_detections(**arguments):
    data, found = make_set(**arguments)
    curves = coco_curves(data, found)
    curve = curves.detections(0.75, "medium", data["categories"][-1]["id"])
    assert (np.diff(curve.score) <= 0).all()
    assert [found[i]["score"] for i in curve.index] == curve.score.tolist()
    assert [found[i]["image_id"] for i in curve.index] == curve.image_id.tolist()
    assert not (curve.right & ((curve.matched < 0) | curve.ignored)).any()
    assert (np.diff(curve.recall) >= 0).all()
    assert (curve.envelope >= curve.precision).all()
    assert (np.diff(curve.envelope) <= 0).all()
    if curve.people:
        table = curves.precision[5, :, -1, 1]
        np.testing.assert_array_equal(curve.interpolated, table)
        assert curve.ap == pytest.approx(table.mean())
        assert curve.right.sum() <= curve.people
    for index, person in zip(curve.index, curve.matched, strict=True):
        if person >= 0:
            annotation = data["annotations"][person]
            assert annotation["image_id"] == found[index]["image_id"]


def test_sorting_in_each_image_is_another_number():
    data, found, _ = golden()
    wrong = [{**d, "score": d["score"] - 10 * d["image_id"]} for d in found]
    right = coco_ap_vectorised(data, found)
    assert abs(coco_ap_vectorised(data, wrong)["AP"] - right["AP"]) > 0.01


def test_other_thresholds():
    data, found, _ = golden()
    curves = coco_curves(data, found, thresholds=(0.1, 0.5))
    assert curves.numbers["AP50"] == coco_ap(data, found)["AP50"]
    assert curves.numbers["AP75"] == -1
    assert curves.detections(0.1).ap > curves.detections(0.5).ap
    steps = coco_curves(data, found)
    assert steps.detections(0.6).threshold == pytest.approx(0.6)


def test_samples_and_poses_are_taken_too():
    samples = [make_sample(i, 3, (160, 140), CROWDPOSE_14) for i in range(4)]
    answers = [Poses(s.keypoints + 2, (s.visibility > 0).float()) for s in samples]
    ours = coco_ap_vectorised(samples, answers)
    assert 0 < ours["AP"] < 1
    np.testing.assert_allclose(ours, coco_ap(samples, answers), rtol=0, atol=1e-9)


def test_the_ten_numbers_by_name_place_and_array():
    data, found, arrays = golden()
    numbers = coco_ap(data, found)
    assert numbers[0] == numbers["AP"]
    assert numbers[9] == numbers["ARl"]
    assert np.asarray(numbers).shape == (10,)
    assert dict(numbers) == dict(zip(NAMES, arrays["stats"].tolist(), strict=True))
    with pytest.raises(KeyError):
        numbers["AP95"]


def spoilt(field: str, value, answers: bool):
    data, found = make_set(0)
    records = found if answers else data["annotations"]
    records[1] = {**records[1], field: value}
    if value is None:
        del records[1][field]
    return data, found


@pytest.mark.parametrize("metric", [coco_ap, coco_ap_vectorised])
@pytest.mark.parametrize(
    ("message", "field", "value", "answers"),
    [
        ("found, score", "score", float("nan"), True),
        (r"found\[1\], score.*missing", "score", None, True),
        ("found, score.*must be a number", "score", "high", True),
        (r"found\[1\], keypoints.*51 numbers", "keypoints", [1.0] * 50, True),
        (r"found\[1\], keypoints", "keypoints", ["x"] * 51, True),
        ("found, keypoints.*finite", "keypoints", [float("nan")] * 51, True),
        ("found, image_id.*no such image", "image_id", 9999, True),
        ("annotations, image_id.*no such image", "image_id", 9999, False),
        ("annotations, area.*finite", "area", float("inf"), False),
        ("annotations, area.*not be negative", "area", -1.0, False),
        ("annotations, bbox.*4 numbers", "bbox", [1.0], False),
        (r"annotations\[1\], bbox.*missing", "bbox", None, False),
        ("labelled joint's place", "keypoints", [float("nan"), 1.0, 2] * 17, False),
        (r"annotations\[1\], keypoints", "keypoints", None, False),
    ],
)
def test_bad_records_are_named(metric, message, field, value, answers):
    with pytest.raises(PoselabError, match=message):
        metric(*spoilt(field, value, answers))


def test_bad_arguments_are_named():
    data, found = make_set(0)
    strangers = [{**d, "category_id": 99} for d in found]
    with pytest.raises(PoselabError, match="no detection has a category"):
        coco_ap_vectorised(data, strangers)
    with pytest.raises(PoselabError, match="truth, categories"):
        coco_ap_vectorised({k: v for k, v in data.items() if k != "categories"}, found)
    with pytest.raises(PoselabError, match="no OKS sigmas"):
        coco_ap_vectorised(make_sample(0, 2, skeleton=MPII_16), [])
    with pytest.raises(PoselabError, match="thresholds"):
        coco_curves(data, found, thresholds=())
    curves = coco_curves(data, found)
    for arguments in ((0.52,), (0.5, "small"), (0.5, "all", 77)):
        with pytest.raises(PoselabError, match="unknown value"):
            curves.detections(*arguments)


def test_area_0_is_met_by_exact_joints_only():
    data, _ = make_set(4)
    person = {
        **data["annotations"][0],
        "area": 0.0,
        "iscrowd": 0,
        "num_keypoints": 17,
        "keypoints": [5.0, 6.0, 2] * 17,
    }
    data["annotations"] = [person]
    answer = {k: person[k] for k in ("image_id", "category_id", "keypoints")}
    off = {**answer, "keypoints": [5.0, 6.1, 2] * 17}
    exact = coco_ap_vectorised(data, [answer | {"score": 1.0}])["AP"]
    assert exact == pytest.approx(1, abs=1e-12)
    assert coco_ap_vectorised(data, [off | {"score": 1.0}])["AP"] == 0
