"""Kind 10: two ways to COCO's numbers agree on everything that either takes."""

import copy
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poselab.errors import ArgumentError, PoselabError
from poselab.metrics import coco_ap
from poselab.metrics.ap.curves import coco_ap_vectorised
from tests.support.annotation_files import answer, category, content, person, points
from tests.support.coco_sets import make_set

HIT = {"image_id": 1, "category_id": 1, "score": 0.9, "keypoints": points()}


def both(truth, found):
    """The numbers of both, which must be equal, or the error of both."""
    said = []
    for measure in (coco_ap, coco_ap_vectorised):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                said.append(dict(measure(copy.deepcopy(truth), copy.deepcopy(found))))
            except PoselabError as problem:
                said.append(f"{type(problem).__name__} {problem}")
    one, two = said
    if isinstance(one, str) or isinstance(two, str):
        assert one == two
        return one
    assert one == pytest.approx(two, abs=1e-9)
    return one["AP"]


def triples(record):
    flat = record["keypoints"]
    return {**record, "keypoints": [flat[i : i + 3] for i in range(0, len(flat), 3)]}


def tensors(record):
    keys = ("keypoints", "score", "bbox", "area")
    changed = {k: torch.tensor(v) for k, v in record.items() if k in keys}
    return {**record, **changed}


def arrays(record):
    keys = ("keypoints", "score", "bbox", "area")
    changed = {k: np.array(v) for k, v in record.items() if k in keys}
    return {**record, **changed}


def ids_as_tensors(record):
    keys = ("image_id", "category_id")
    return {**record, **{k: torch.tensor(record[k]) for k in keys}}


FORMS = {
    "plain": dict,
    "triples": triples,
    "tensors": tensors,
    "arrays": arrays,
    "tensors of triples": lambda r: tensors(triples(r)),
    "ids as tensors": ids_as_tensors,
    "ids as NumPy's": lambda r: {**r, "image_id": np.int64(r["image_id"])},
    "a caption": lambda r: {**r, "caption": "somebody"},
    "a mask": lambda r: {**r, "segmentation": []},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_number(form):
    change = FORMS[form]
    data = content([person()])
    exact = pytest.approx(1.0)
    assert both(data, [change(HIT)]) == exact
    assert both({**data, "annotations": [change(person())]}, [HIT]) == exact
    mixed = [change(HIT), {**HIT, "score": 0.1}]
    assert both(data, mixed) == exact


TRUTHS = {
    "no info": lambda d: d.pop("info"),
    "no categories' names": lambda d: d["categories"][0].pop("name"),
    "num_keypoints null": lambda d: d["annotations"][0].update(num_keypoints=None),
    "no num_keypoints": lambda d: d["annotations"][0].pop("num_keypoints"),
    "iscrowd null": lambda d: d["annotations"][0].update(iscrowd=None),
    "iscrowd True": lambda d: d["annotations"][0].update(iscrowd=True),
    "no iscrowd": lambda d: d["annotations"][0].pop("iscrowd"),
    "area null": lambda d: d["annotations"][0].update(area=None),
    "bbox null": lambda d: d["annotations"][0].update(bbox=None),
    "id 0": lambda d: d["annotations"][0].update(id=0),
    "id null": lambda d: d["annotations"][0].update(id=None),
    "no id": lambda d: d["annotations"][0].pop("id"),
    "joints null": lambda d: d["annotations"][0].update(keypoints=[None] * 51),
    "unlabelled joints null": lambda d: d["annotations"][0].update(
        keypoints=[None, None, 0] + points()[3:]
    ),
    "keypoints null": lambda d: d["annotations"][0].update(keypoints=None),
    "joints first": lambda d: d["annotations"][0].update(
        keypoints=np.array(points()).reshape(17, 3).T.tolist()
    ),
    "num_keypoints text": lambda d: d["annotations"][0].update(num_keypoints="17"),
    "iscrowd text": lambda d: d["annotations"][0].update(iscrowd="no"),
    "another category": lambda d: d["annotations"][0].update(category_id=7),
    "unknown image": lambda d: d["annotations"][0].update(image_id=7),
}


@pytest.mark.parametrize("case", TRUTHS)
@pytest.mark.parametrize("found", ["records", "poses"])
def test_every_truth_gives_the_same_number_or_error(case, found):
    data = content([person()])
    TRUTHS[case](data)
    got = both(data, [HIT] if found == "records" else [answer()])
    null = ("area", "bbox", "joints", "keypoints")
    wrong = ("joints first", "num_keypoints text", "iscrowd text", "unknown image")
    if case in wrong or (case.endswith("null") and case.split()[0] in null):
        assert isinstance(got, str), case
    elif case == "unlabelled joints null":
        assert got == pytest.approx(1.0)
    elif case not in ("iscrowd True", "another category"):
        assert got == pytest.approx(1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"score": None},
        {"score": "0.9"},
        {"score": torch.tensor(float("nan"))},
        {"score": [0.9, 0.8]},
        {"keypoints": points()[:-1]},
        {"keypoints": [None] * 51},
        {"keypoints": "abc"},
        {"image_id": None},
        {"image_id": 99},
        {"image_id": [1]},
        {"category_id": None},
        {"category_id": 99},
        {"category_id": {}},
    ],
)
def test_every_broken_detection_is_one_error(change):
    said = both(content([person()]), [{**HIT, **change}])
    assert isinstance(said, str)
    assert said.startswith(ArgumentError.__name__)
    lacking = {k: v for k, v in HIT.items() if k not in change}
    assert isinstance(both(content([person()]), [lacking]), str)


ODD = st.sampled_from(
    [None, 0, 1, -1, 0.5, "1", [], [1, 2], True, float("nan"), 10**400]
)


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_they_agree_on_sets_at_random(data):
    truth, found = make_set(data.draw(st.integers(0, 50)), categories=2)
    truth["categories"][0] |= {"keypoints": category()["keypoints"]}
    for records in (truth["annotations"], found):
        if records and data.draw(st.booleans()):
            record = data.draw(st.sampled_from(records))
            record[data.draw(st.sampled_from(sorted(record)))] = data.draw(ODD)
    both(truth, found)
