"""Kind 4: records that contradict themselves are mended and counted, or refused."""

import json
import warnings

import pytest
import torch

from poselab.datasets import Coco, CocoPeople
from poselab.errors import AnnotationError, AnnotationWarning, ArgumentError
from poselab.metrics import coco_ap
from poselab.metrics.ap.curves import coco_ap_vectorised
from tests.support.annotation_files import (
    SIZE,
    answer,
    category,
    content,
    person,
    points,
    read,
)

EXACT = pytest.approx(1.0)


def quiet(folder, people, **options):
    """`Coco` without its warning, and the texts of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        coco = read(folder, people, images=len(people), **options)
    return coco, [str(w.message) for w in caught if w.category is AnnotationWarning]


def several(changes, good=1):
    """One changed person and some good ones, in a picture each."""
    others = [person(i, i) for i in range(2, 2 + good)]
    return [person(1, 1, **changes), *others]


MENDED = {
    "area 0": ({"area": 0}, "1 have an area of 0, now the box's"),
    "area 0.0": ({"area": 0.0}, "area of 0"),
    "height 0": ({"area": 0, "bbox": [20, 10, 60, 0]}, "size, now the joints'"),
    "width 0": ({"bbox": [20, 10, 0, 100]}, "box of no size"),
    "a side that is nearly 0": ({"bbox": [20, 10, 1e-320, 100]}, "box of no size"),
    "box of zeros": ({"area": 0, "bbox": [0, 0, 0, 0]}, "box of no size"),
    "area in shares": ({"area": 0.33}, "area of 0"),
    "area of the picture": ({"area": 100 * 120 * 9.0}, "much larger than their box"),
    "num_keypoints 0": ({"num_keypoints": 0}, "num_keypoints"),
    "num_keypoints 3": ({"num_keypoints": 3}, "num_keypoints"),
    "num_keypoints text": ({"num_keypoints": "17"}, "num_keypoints"),
    "box over the left": ({"bbox": [-3, 10, 60, 100]}, "a little over the border"),
    "box over the right": ({"bbox": [48, 10, 60, 100]}, "a little over the border"),
    "box below": ({"bbox": [20, 25, 60, 100]}, "a little over the border"),
}


@pytest.mark.parametrize("case", MENDED)
def test_a_person_is_mended_and_counted(tmp_path, case):
    changes, said = MENDED[case]
    coco, told = quiet(tmp_path, several(changes))
    assert len(told) == 1
    assert said in told[0]
    assert "annotations.json" in told[0]
    assert "annotations[0] (id 1)" in told[0]
    exact = [answer(), answer()]
    assert coco_ap(coco, exact)["AP"] == EXACT
    assert coco_ap_vectorised(coco, exact) == pytest.approx(coco_ap(coco, exact))
    people = CocoPeople(coco)
    assert len(people) == 2
    box = coco[0].boxes[0]
    assert (box[2:] > 0).all()
    assert (box[:2] >= 0).all()
    assert (box[:2] + box[2:] <= torch.tensor(SIZE[::-1])).all()
    assert (coco[0].areas > 1).all()
    assert people[0].image.std() > 0.02


def test_what_is_mended_has_the_right_value(tmp_path):
    coco, _ = quiet(tmp_path, several({"area": 0, "bbox": [20, 10, 60, 0]}))
    box = coco[0].boxes[0]
    places = torch.tensor(points()).reshape(17, 3)[:, :2]
    assert torch.allclose(box[:2], places.amin(0) - 0.5, atol=1e-4)
    assert torch.allclose(box[2:], places.amax(0) - places.amin(0) + 1, atol=1e-4)
    assert torch.allclose(coco[0].areas, box[2:].prod(), atol=1e-2)
    coco, _ = quiet(tmp_path, several({"area": 0}))
    assert coco[0].areas.tolist() == [6000.0]
    coco, _ = quiet(tmp_path, several({"bbox": [-3, 10, 60, 100]}))
    assert coco[0].boxes[0].tolist() == [0, 10, 57, 100]


def test_the_file_itself_is_not_changed(tmp_path):
    coco, _ = quiet(tmp_path, several({"area": 0, "num_keypoints": 3}))
    assert coco.dataset["annotations"][0]["area"] == 0
    assert coco.truth["annotations"][0]["area"] == 6000
    assert coco.truth["annotations"][0]["num_keypoints"] == 17
    assert coco.truth["annotations"][1] == coco.dataset["annotations"][1]


SIDEWAYS = [(50, 5, 45, 20), (40, 60, 55, 25), (52, 90, 44, 18)]  # xywh
TURNED = [[y, x, h, w] for x, y, w, h in SIDEWAYS]


def lying(box, **changes):
    """Somebody whose joints fill a box."""
    return {"bbox": list(box), "keypoints": points(box), "area": 600.0, **changes}


def turned(flat):
    """Joints with y before x."""
    triples = [flat[i : i + 3] for i in range(0, len(flat), 3)]
    return [n for x, y, flag in triples for n in (y, x, flag)]


REFUSED = {
    "no joints at all": ([{"keypoints": ...}] * 2, "instances_*.json"),
    "empty lists of joints": ([{"keypoints": []}, {"keypoints": None}], "boxes alone"),
    "crowds with joints": ([{"iscrowd": 1}] * 2, "Set iscrowd to 0"),
    "joints of a larger picture": (
        [{"keypoints": points((20, 10, 180, 220))}] * 3,
        "made smaller",
    ),
    "boxes of y before x": (
        [lying(b, bbox=t) for b, t in zip(SIDEWAYS, TURNED, strict=True)],
        "swapped",
    ),
    "joints of y before x": (
        [lying(b, keypoints=turned(points(b))) for b in SIDEWAYS],
        "swapped",
    ),
    "boxes of two corners": (
        [
            lying(b, bbox=[b[0], b[1], b[0] + b[2], b[1] + b[3]])
            for b in [(38, 36, 11, 20), (30, 40, 16, 18), (44, 50, 6, 9)]
        ],
        "two corners",
    ),
    "area 0": ([{"area": 0}] * 2, "area='box'"),
    "box of no height": ([{"bbox": [20, 10, 60, 0]}] * 2, "boxes='joints'"),
    "joints in shares": (
        [{"keypoints": [n / 150 if i % 3 < 2 else n for i, n in enumerate(points())]}],
        "shares of the picture",
    ),
    "box in shares": ([{"bbox": [0.2, 0.08, 0.6, 0.83]}], "shares of the picture"),
    "box from its centre": ([{"bbox": [50, 60, 50, 60]}], "the centre's x, y"),
    "flags all 0": ([{"keypoints": points(flag=0)}], "all flags 0"),
    "joints far from the box": (
        [{"bbox": [1, 1, 9, 5], "area": 40}] * 3,
        "no joint near their box",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_concerns_everybody_is_refused(tmp_path, case):
    changes, advice = REFUSED[case]
    people = [person(i + 1, i + 1, **c) for i, c in enumerate(changes)]
    with pytest.raises(AnnotationError) as caught:
        read(tmp_path, people, images=len(people))
    assert advice in str(caught.value)
    assert "annotations.json" in str(caught.value)


TOGETHER = {"box from its centre"} | {c for c in REFUSED if c.startswith("boxes of")}


@pytest.mark.parametrize(
    "case", sorted(set(REFUSED) - TOGETHER - {"joints of y before x"})
)
def test_what_concerns_one_of_five_is_counted(tmp_path, case):
    changes, _ = REFUSED[case]
    coco, told = quiet(tmp_path, several(changes[0], good=4))
    assert len(told) == 1
    assert "(first: annotations[0] (id 1)" in told[0]
    assert sum(len(s.keypoints) for s in coco) == 5 - (case == "crowds with joints")


@pytest.mark.parametrize("few", [3, 5])
def test_a_face_in_a_large_box_is_no_other_meaning(tmp_path, few):
    """Few joints fill a small part of a box, in whatever order x and y are."""
    face = points((40, 12, 12, 9))[: 3 * few] + [0, 0, 0] * (17 - few)
    people = [person(i, i, keypoints=face, num_keypoints=few) for i in (1, 2, 3)]
    _, told = quiet(tmp_path, people)
    assert told == []


def test_joints_at_minus_one_are_not_labelled(tmp_path):
    lost = [-1, -1, 2] * 5 + points()[15:]
    coco, told = quiet(tmp_path, several({"keypoints": lost}))
    assert "(0, 0) or (-1, -1)" in told[0]
    assert (coco[0].visibility[0, :5] == 0).all()
    assert (coco[0].keypoints[0, :5] == 0).all()
    unlabelled = [-1, -1, 0] * 17
    _, told = quiet(tmp_path, several({"keypoints": unlabelled, "num_keypoints": 0}))
    assert told == []


def test_joints_at_one_place_are_counted(tmp_path):
    _, told = quiet(tmp_path, several({"keypoints": [50, 60, 2] * 17}))
    assert "1 have all joints at one place (first: annotations[0]" in told[0]


def test_places_in_percent_are_named(tmp_path):
    data = content([person(i, i) for i in (1, 2)], images=2)
    for record in data["images"]:
        record |= {"width": 1920, "height": 1080}
    (tmp_path / "a.json").write_text(json.dumps(data))
    places = points((20, 10, 60, 85))
    for someone in data["annotations"]:
        someone |= {"keypoints": places, "bbox": [20, 10, 60, 85]}
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.warns(AnnotationWarning, match="at least 1080 px: are they percent"):
        Coco(tmp_path / "a.json", tmp_path, check_images=False)


AWAY = {
    "polygon": [[90, 112, 99, 112, 99, 119]],
    "run lengths": {"size": list(SIZE), "counts": [115 + 120 * 99, 5]},
    "runs over two columns": {"size": list(SIZE), "counts": [97 * 120 + 60, 240, 60]},
}


@pytest.mark.parametrize("case", AWAY)
def test_a_mask_apart_from_its_box_is_named(tmp_path, case):
    there = lying((20, 10, 30, 40), segmentation=AWAY[case])
    _, told = quiet(tmp_path, [person(**there)])
    assert "1 have a mask that does not touch their box" in told[0]
    near = {"size": list(SIZE), "counts": [30 * 120 + 20, 5, 11995 - 30 * 120 - 20]}
    _, told = quiet(tmp_path, [person(**{**there, "segmentation": near})])
    assert told == []


def test_one_word_fills_what_everybody_lacks(tmp_path):
    people = [person(i, i, area=0, bbox=[0, 0, 0, 0]) for i in (1, 2)]
    coco, told = quiet(tmp_path, people, area="box", boxes="joints")
    assert told == []
    assert coco_ap(coco, [answer(), answer()])["AP"] == EXACT
    people = [person(i, i, area=..., bbox=...) for i in (1, 2)]
    coco, told = quiet(tmp_path, people, area="box", boxes="joints")
    assert told == []
    assert coco_ap(coco, [answer(), answer()])["AP"] == EXACT
    for wrong in ({"area": "mask"}, {"boxes": "masks"}, {"area": 0.53}):
        with pytest.raises(ArgumentError, match="must be"):
            read(tmp_path, people, images=2, **wrong)


def test_joints_at_the_corner_are_not_labelled(tmp_path):
    lost = [0, 0, 2] * 5 + points()[15:]
    coco, told = quiet(tmp_path, several({"keypoints": lost}))
    assert "1 have joints at (0, 0)" in told[0]
    assert (coco[0].visibility[0, :5] == 0).all()
    assert (coco[0].visibility[0, 5:] == 2).all()
    assert coco_ap(coco, [answer(), answer()])["AP"] == EXACT
    one = [0, 0, 2] + points()[3:]  # a single one may be there
    coco, told = quiet(tmp_path, several({"keypoints": one}))
    assert told == []
    assert coco[0].visibility[0, 0] == 2


def test_nobody_is_lost_without_a_count(tmp_path):
    nobody = person(3, 1, keypoints=[0] * 51, num_keypoints=0)
    gone = person(4, 1, keypoints=[0, 0, 2] * 17)
    crowd = person(5, 1, iscrowd=1, keypoints=..., num_keypoints=...)
    coco, told = quiet(tmp_path, [person(), nobody, gone, crowd])
    assert "1 have joints at (0, 0)" in told[0]
    people = CocoPeople(coco)
    assert len(people) == 1
    assert people.left_out == {"crowds": 1, "people without joints": 2}


def test_two_corners_are_named(tmp_path):
    corners = {"bbox": [10, 10, 60, 100], "keypoints": points((10, 10, 50, 90))}
    _, told = quiet(tmp_path, [person(**corners)])
    assert "better as two corners" in told[0]
    _, told = quiet(tmp_path, several(corners))
    assert told == []


@pytest.mark.parametrize(
    "changes",
    [
        {"bbox": [30, 10, 90, 110]},  # would fit as corners
        {"bbox": [-30, 10, 60, 100]},
        {"bbox": [70, 10, 60, 100]},
    ],
)
def test_a_box_far_outside_is_an_error_with_its_reason(tmp_path, changes):
    with pytest.raises(AnnotationError, match="outside the image") as caught:
        read(tmp_path, [person(**changes)])
    corners = changes["bbox"][2] == 90
    assert ("two corners" in str(caught.value)) == corners
    assert ("Cut it off" in str(caught.value)) == (not corners)


NO_PIXEL = {
    "an empty polygon": [[]],
    "one corner": [[50, 60]],
    "two corners": [[20, 10, 80, 110]],
    "a line": [[20, 10, 50, 60, 80, 110]],
    "a point three times": [[20, 10, 20, 10, 20, 10]],
    "outside": [[120, 10, 130, 10, 130, 20]],
    "run lengths of nothing": {"size": list(SIZE), "counts": [SIZE[0] * SIZE[1]]},
    "thinner than a pixel": [[20.6, 10.6, 20.9, 10.6, 20.9, 10.9]],
}


@pytest.mark.parametrize("case", NO_PIXEL)
def test_a_mask_without_a_pixel_is_none(tmp_path, case):
    coco, told = quiet(tmp_path, [person(segmentation=NO_PIXEL[case])])
    plain, _ = quiet(tmp_path / "plain", [person(segmentation=[])])
    assert coco[0].masks is None
    crop, expected = (next(c.crops()).sample for c in (coco, plain))
    assert torch.equal(crop.boxes, expected.boxes)
    assert torch.equal(crop.areas, expected.areas)
    assert crop.areas.min() > 0
    assert case == "thinner than a pixel" or "mask without a pixel" in told[0]


def test_crowds_and_balls_do_not_stop_the_measure(tmp_path):
    crowd = person(2, 1, iscrowd=1, keypoints=..., num_keypoints=..., area=100)
    ball = {"id": 3, "image_id": 1, "category_id": 2, "bbox": [5, 5, 9, 9], "area": 81}
    kinds = [category(), category(2, "sports ball", keypoints=...)]
    with pytest.warns(AnnotationWarning, match="sports ball"):
        coco = read(tmp_path, [person(), crowd, ball], kinds)
    assert coco_ap(coco, [answer()])["AP"] == EXACT
    assert coco_ap_vectorised(coco, [answer()])["AP"] == EXACT
