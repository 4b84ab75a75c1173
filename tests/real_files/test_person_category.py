"""Kind 3: which category is the person is decided once, by joints, then by name."""

import json
import warnings

import pytest
import torch

from poselab.categories import file_skeleton, person_category, same_joints
from poselab.datasets import Coco
from poselab.errors import AnnotationError, AnnotationWarning
from poselab.metrics import box_ap, coco_ap
from poselab.metrics.ap.curves import coco_ap_vectorised
from poselab.models.rcnn.network import Detections
from poselab.skeleton import COCO_17, CROWDPOSE_14, POSETRACK_17
from tests.support.annotation_files import (
    JOINTS,
    answer,
    category,
    content,
    person,
    points,
    read,
    write,
)

OWN = [f"k{i}" for i in range(17)]
# Which category is the person's: (categories, its id).
FOUND = {
    "person alone": ([category()], 1),
    "another id": ([category(7)], 7),
    "another name": ([category(3, "human")], 3),
    "a dog before": ([category(1, "dog", keypoints=...), category(2, "human")], 2),
    "a dog with joints": ([category(), category(2, "dog", keypoints=OWN)], 1),
    "a dog with joints before": ([category(1, "dog", keypoints=OWN), category(2)], 2),
    "Roboflow: root without joints, class 'pose'": (
        [category(0, "person", keypoints=...), category(1, "pose")],
        1,
    ),
    "Roboflow: root and class of one name": (
        [category(0, "person", keypoints=...), category(1, "person")],
        1,
    ),
    "boxes 'person', joints 'person_kp'": (
        [category(1, "person", keypoints=...), category(2, "person_kp")],
        2,
    ),
    "CVAT: a label of boxes": (
        [category(1, "athlete_box", keypoints=[]), category(2, "athlete")],
        2,
    ),
    "CVAT: person is a box": (
        [category(1, "person", keypoints=[]), category(2, "body")],
        2,
    ),
    "two with the joints, one called person": (
        [category(4, "referee"), category(5, "person")],
        5,
    ),
    "nobody names joints": (
        [category(1, "ball", keypoints=...), category(2, "Person", keypoints=...)],
        2,
    ),
    "empty list of joints": ([category(1, "person", keypoints=[])], 1),
    "joints are null": ([category(1, "person", keypoints=None)], 1),
}
EXACT = pytest.approx(1.0)


@pytest.mark.parametrize("case", FOUND)
def test_reader_and_both_measures_agree(tmp_path, case):
    categories, own = FOUND[case]
    coco = read(tmp_path, [person(category=own)], categories)
    assert coco.annotations.category_id == own
    assert [len(s.keypoints) for s in coco] == [1]
    assert coco_ap(coco, [answer()])["AP"] == EXACT
    assert coco_ap_vectorised(coco, [answer()])["AP"] == EXACT
    found = [Detections(coco[0].boxes, torch.ones(1), torch.ones(1))]
    assert box_ap(list(coco), found)["AP"] == EXACT
    entry = {"image_id": 1, "category_id": own, "bbox": [1, 2, 3, 4], "score": 1.0}
    (tmp_path / "found.json").write_text(json.dumps([entry]))
    assert len(coco.detections(tmp_path / "found.json")[1].boxes) == 1


def test_a_dictionary_is_judged_like_its_file():
    dog = person(2, category=2, keypoints=[30, 40, 2] * 17)
    kinds = [category(), category(2, "dog", keypoints=OWN)]
    data = content([person(), dog], kinds)
    with pytest.warns(UserWarning, match="1 annotations of the truth"):
        assert coco_ap(data, [answer()])["AP"] == EXACT
    with pytest.warns(UserWarning, match="1 annotations of the truth"):
        assert coco_ap_vectorised(data, [answer()])["AP"] == EXACT
    own = {"image_id": 1, "category_id": 1, "score": 1.0, "keypoints": points()}
    assert coco_ap(data, [own])["AP"] == pytest.approx(0.5)  # records say who is who


def test_dogs_have_no_part_and_are_counted(tmp_path):
    dogs = [person(i, category=2, keypoints=[30, 40, 2] * 17) for i in (2, 3)]
    kinds = [category(), category(2, "dog", keypoints=OWN)]
    with pytest.warns(AnnotationWarning, match=r"2 of category 2 \(dog\)") as caught:
        coco = read(tmp_path, [person(), *dogs], kinds)
    assert len(caught) == 1
    assert "annotations[1] (id 2)" in str(caught[0].message)
    assert "annotations.json" in str(caught[0].message)
    assert len(coco[0].keypoints) == 1
    assert coco_ap(coco, [answer()])["AP"] == EXACT


def test_nothing_is_said_where_nothing_is_left_out(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", AnnotationWarning)
        read(tmp_path, [person()])


OPEN = {
    "two with the joints": [category(4, "referee"), category(5, "player")],
    "two called person": [category(4), category(5)],
    "no joints and no name": [
        category(4, "cat", keypoints=...),
        category(5, "dog", keypoints=...),
    ],
    "one, no joints and no name": [category(4, "cat", keypoints=...)],
    "none": [],
}


@pytest.mark.parametrize("case", OPEN)
def test_what_is_open_lists_each_with_its_joints(tmp_path, case):
    people = [person(category=4)] if OPEN[case] else []
    with pytest.raises(AnnotationError, match="categor") as caught:
        read(tmp_path, people, OPEN[case])
    for kind in OPEN[case]:
        count = len(kind.get("keypoints", []))
        assert f"{kind['id']} {kind['name']} ({count} joints)" in str(caught.value)


def test_what_is_open_can_be_said(tmp_path):
    people = [person(category=4), person(2, category=5)]
    for wanted, name in ((5, "player"), ("player", "player"), ("referee", "referee")):
        with pytest.warns(AnnotationWarning, match="1 of category"):
            coco = read(tmp_path, people, OPEN["two with the joints"], person=wanted)
        chosen = coco.annotations.category_id
        assert {4: "referee", 5: "player"}[chosen] == name
    with pytest.raises(AnnotationError, match="meant"):
        read(tmp_path, people, OPEN["two with the joints"], person="umpire")


OTHER = {
    "four joints": (["head", "tail", "paw_left", "paw_right"], "skeleton=None"),
    "another order": (JOINTS[::-1], "another order"),
    "known ones": (list(CROWDPOSE_14.joints), "crowdpose-14"),
    "CrowdPose's own words": (["head", *CROWDPOSE_14.joints[:13]], "skeleton=None"),
}


@pytest.mark.parametrize("case", OTHER)
def test_other_joints_are_named_with_what_to_do(tmp_path, case):
    names, advice = OTHER[case]
    with pytest.raises(AnnotationError, match="not the 17 joints of coco-17") as caught:
        read(tmp_path, [], [category(keypoints=names)])
    assert advice in str(caught.value)
    assert repr(names[0]) in str(caught.value)


@pytest.mark.parametrize("joint", ["{}", "{} ", "{}".upper()])
@pytest.mark.parametrize("gap", ["_", "-", " ", ".", ""])
def test_the_spelling_of_joints_does_not_matter(tmp_path, joint, gap):
    names = [joint.format(name.replace("_", gap)) for name in JOINTS]
    assert same_joints(names, COCO_17)
    coco = read(tmp_path, [person()], [category(keypoints=names)])
    assert coco.skeleton == COCO_17
    short = [n.replace("left_", "L").replace("right_", "R") for n in JOINTS]
    assert same_joints([n[:2].upper() + n[2:] for n in short], COCO_17)
    assert not same_joints(names[:16], COCO_17)
    assert not same_joints([names[1], names[0], *names[2:]], COCO_17)


def test_published_names_of_joints_are_known():
    head = [{"head_top": "head"}.get(n, n) for n in CROWDPOSE_14.joints]
    assert same_joints(head, CROWDPOSE_14)
    bottom = [{"upper_neck": "head_bottom"}.get(n, n) for n in POSETRACK_17.joints]
    assert same_joints(bottom, POSETRACK_17)


def test_the_file_s_own_joints(tmp_path):
    names = ["head", "tail", "paw_left", "paw_right"]
    kinds = [category(3, "dog", keypoints=names, skeleton=[[1, 2], [1, 3], [1, 4]])]
    someone = person(category=3, keypoints=points(joints=4), num_keypoints=4)
    coco = read(tmp_path, [someone], kinds, skeleton=None)
    assert coco.skeleton.joints == tuple(names)
    assert coco.skeleton.limbs == ((0, 1), (0, 2), (0, 3))
    assert coco.skeleton.flip_pairs == ((2, 3),)
    assert coco[0].keypoints.shape == (1, 4, 2)
    assert read(tmp_path, [person()], skeleton=None).skeleton is COCO_17
    for limbs in ([[0, 1]], [], None):
        made = file_skeleton([{**kinds[0], "skeleton": limbs}], "file")
        assert made.limbs == (((0, 1),) if limbs else ())


@pytest.mark.parametrize(
    "changes",
    [
        {"keypoints": ["left_ear", "nose"]},
        {"keypoints": ["nose", "nose"]},
        {"keypoints": ["nose", "tail"], "skeleton": [[1, 7]]},
        {"keypoints": ["nose", "tail"], "skeleton": [["a", "b"]]},
        {"keypoints": []},
    ],
)
def test_a_file_with_a_broken_skeleton_is_named(tmp_path, changes):
    with pytest.raises(AnnotationError, match="annotations.json"):
        read(tmp_path, [], [category(**changes)], skeleton=None)


# --- detections ----------------------------------------------------------------------

BOX = {"image_id": 1, "bbox": [20, 10, 60, 100], "score": 0.9}


def detections(folder, found, categories=None, own=1):
    coco = read(folder, [person(category=own)], categories)
    (folder / "found.json").write_text(json.dumps(found))
    return coco.detections(folder / "found.json").get(1)


def test_only_people_are_found(tmp_path):
    found = [{**BOX, "category_id": c, "score": c / 100} for c in (1, 62, 18, 62)]
    with pytest.warns(AnnotationWarning, match="2 of category 62") as caught:
        poses = detections(tmp_path, found)
    assert poses.person_scores.tolist() == pytest.approx([0.01])
    assert "1 of category 18" in str(caught[0].message)
    assert "detection [1]" in str(caught[0].message)


def test_coco_s_number_of_people_is_known_in_files_with_another(tmp_path):
    kinds = [category(3, "human")]
    for number in (1, 3):
        found = [{**BOX, "category_id": number}]
        assert len(detections(tmp_path, found, kinds, own=3).boxes) == 1
    assert len(detections(tmp_path, [BOX], kinds, own=3).boxes) == 1
    with_dog = [category(1, "dog", keypoints=...), category(3, "human")]
    with pytest.raises(AnnotationError, match="no detection is a person"):
        detections(tmp_path, [{**BOX, "category_id": 1}], with_dog, own=3)


@pytest.mark.parametrize("odd", ["1", None, 1.0, [1]])
def test_a_category_that_is_no_number_is_named(tmp_path, odd):
    with pytest.raises(AnnotationError, match="category_id"):
        detections(tmp_path, [{**BOX, "category_id": odd}])


def test_box_ap_counts_what_it_leaves_out(tmp_path):
    coco = read(tmp_path, [person()])
    boxes = torch.tensor([[0, 0, 30, 30.0], [20, 10, 60, 100], [50, 50, 30, 30]])
    scores, labels = torch.tensor([0.95, 0.9, 0.8]), torch.tensor([62, 1, 18])
    with pytest.warns(UserWarning, match="2 boxes"):
        assert box_ap(list(coco), [Detections(boxes, scores, labels)])["AP"] == EXACT


def test_person_category_of_nothing_is_an_error():
    with pytest.raises(AnnotationError):
        person_category([], COCO_17, "file")


def test_a_pycocotools_object_is_taken(tmp_path):
    from pycocotools.coco import COCO

    write(tmp_path, content([person(category=2)], FOUND["a dog before"][0]))
    truth = COCO(str(tmp_path / "annotations.json"))
    assert coco_ap(truth, [answer()])["AP"] == EXACT
    coco = Coco(tmp_path / "annotations.json", tmp_path / "images")
    assert [c["id"] for c in coco.truth["categories"]] == [2]
