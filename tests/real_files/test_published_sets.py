"""Kind 9: data sets as they are published (videos: tests/data_scripts/test_prepare)."""

import json

import pytest

from poselab.datasets import Coco, CrowdPose
from poselab.datasets.coco.layout import open_coco
from poselab.errors import AnnotationError, AnnotationWarning, ArgumentError
from poselab.metrics import coco_ap
from poselab.skeleton import CROWDPOSE_14, Skeleton
from tests.support.annotation_files import (
    SIZE,
    answer,
    category,
    content,
    person,
    points,
    read,
    write,
)


def test_ai_challenger_has_no_areas(tmp_path):
    people = [person(area=...), person(2, area=..., bbox=[30, 20, 40, 50])]
    with pytest.raises(AnnotationError, match="'area' is missing.*area='box'"):
        read(tmp_path, people)
    coco = read(tmp_path, people, area="box")
    assert coco[0].areas.tolist() == [6000.0, 2000.0]
    coco = read(tmp_path, [person(area=...)], area="box")
    assert coco_ap(coco, [answer()])["AP"] == pytest.approx(1.0)


def test_boxes_that_are_missing_come_from_the_joints_with_one_word(tmp_path):
    with pytest.raises(AnnotationError, match="'bbox' is missing.*boxes='joints'"):
        read(tmp_path, [person(bbox=...)])
    assert read(tmp_path, [person(bbox=...)], boxes="joints")[0].boxes.min() > 0


@pytest.mark.parametrize("names", [[], None, ...])
def test_halpe_s_empty_list_is_told_from_wrong_joints(tmp_path, names):
    many = points(joints=136)
    kind = category(keypoints=names)
    with pytest.raises(AnnotationError, match="names no joints.* have 136, not") as e:
        read(tmp_path, [person(keypoints=many)], [kind])
    assert "Skeleton" in str(e.value)
    halpe = Skeleton("halpe-136", tuple(f"k{i}" for i in range(136)), ())
    coco = read(tmp_path, [person(keypoints=many)], [kind], skeleton=halpe)
    assert coco[0].keypoints.shape == (1, 136, 2)
    wrong = category(keypoints=[f"k{i}" for i in range(136)])
    with pytest.raises(AnnotationError, match="these are not the 17 joints"):
        read(tmp_path, [person(keypoints=many)], [wrong])
    with pytest.raises(AnnotationError, match="names no joints"):
        read(tmp_path, [person(keypoints=many)], [kind], skeleton=None)


def test_one_short_person_is_still_named(tmp_path):
    kind = category(keypoints=[])
    people = [person(), person(2, keypoints=points(joints=16))]
    with pytest.raises(AnnotationError, match=r"annotations\[1\].*48 numbers"):
        read(tmp_path, people, [kind])


def test_crowdpose_says_head(tmp_path):
    names = ["head" if n == "head_top" else n for n in CROWDPOSE_14.joints]
    someone = person(keypoints=points(joints=14), area=..., num_keypoints=14)
    write(tmp_path, content([someone], [category(keypoints=names)]))
    file, images = tmp_path / "annotations.json", tmp_path / "images"
    assert CrowdPose(file, images)[0].keypoints.shape == (1, 14, 2)
    assert Coco(file, images, CROWDPOSE_14, area="box")[0].size == SIZE


def test_posetrack_s_own_file_is_named(tmp_path):
    data = content([person()])
    data["images"] = [
        {"id": 1, "file_name": "1.png", "vid_id": "1", "is_labeled": True}
    ]
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(AnnotationError, match=r"'width' is missing.*PoseTrack"):
        Coco(tmp_path / "a.json", tmp_path)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"image_id": 1, "score": 0.5}, "file of results.*detections"),
        ({"image_id": "a", "keypoint_annotations": {}}, "images, annotations"),
    ],
)
def test_a_list_is_told_what_it_is(tmp_path, entry, said):
    (tmp_path / "a.json").write_text(json.dumps([entry]))
    with pytest.raises(AnnotationError, match=f"is a list.*{said}"):
        Coco(tmp_path / "a.json", tmp_path)


def test_a_command_can_say_what_a_file_lacks(tmp_path):
    people = [person(area=..., bbox=..., category=4), person(2, category=5)]
    kinds = [category(4, "player"), category(5, "referee")]
    write(tmp_path, content(people, kinds))
    source = f"coco:{tmp_path}"
    with pytest.raises(AnnotationError, match="coco:FOLDER,person=NAME"):
        open_coco(source, "train2017")
    with pytest.raises(AnnotationError, match="coco:FOLDER,boxes=joints"):
        open_coco(f"{source},person=player", "train2017")
    with pytest.raises(AnnotationError, match="coco:FOLDER,area=box"):
        open_coco(f"{source},person=4,boxes=joints", "train2017")
    for name in ("4", "player"):
        words = f",area=box,boxes=joints,person={name}"
        with pytest.warns(AnnotationWarning, match="referee"):
            coco = open_coco(source + words, "train2017")
        assert coco.annotations.category_id == 4
        assert coco[0].areas.min() > 0
    with pytest.raises(ArgumentError, match="area= = 'mask'"):
        open_coco(f"{source},area=mask", "train2017")
    with pytest.raises(ArgumentError, match="there is no folder"):
        open_coco(f"{source},size=3", "train2017")
    (tmp_path / "a,area=box").mkdir()
    write(tmp_path / "a,area=box", content([person()]))
    assert len(open_coco(f"coco:{tmp_path}/a,area=box", "train2017")) == 1
