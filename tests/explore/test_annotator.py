"""Annotator: canvas, sliders and record always say the same."""

import io
import json

import pytest
import torch
from PIL import Image

from poselab.datasets import Coco
from poselab.errors import AnnotationError, ImageError
from poselab.explore import annotator
from poselab.explore.annotator import Annotator
from poselab.explore.canvas import JointCanvas
from poselab.skeleton import COCO_17, MPII_16

needs_canvas = pytest.mark.skipif(JointCanvas is None, reason="anywidget is missing")


@pytest.fixture
def grace():
    return Annotator()


def test_our_annotation_of_the_photograph_is_a_valid_record(grace):
    record = grace.record()
    assert len(record["keypoints"]) == 51
    assert record["num_keypoints"] == 7
    assert sum(v > 0 for v in record["keypoints"][2::3]) == 7
    assert record["keypoints"][-3:] == [0, 0, 0]
    x, y, w, h = record["bbox"]
    assert 0 <= x < x + w <= 512
    assert 0 <= y < y + h <= 600


def test_pycocotools_reads_what_it_writes(grace, tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    path = tmp_path / "one.json"
    path.write_text(json.dumps(grace.to_coco()))
    read = coco.COCO(str(path))
    (record,) = read.loadAnns(read.getAnnIds())
    assert record == grace.record()
    assert read.annToMask(record).sum() == pytest.approx(record["area"], rel=0.02)
    assert read.loadCats(1)[0]["keypoints"] == list(COCO_17.joints)


def test_a_reset_brings_every_joint_back(grace):
    before = grace.record()
    grace.set(joint="left_eye", x=300, y=190, visibility=1).set(joint="nose", x=7)
    assert grace.record() != before
    picture = grace.reset()
    assert picture.record() == before
    if grace.canvas:
        assert grace.canvas.points == grace.points
        assert list(grace.canvas.visibility) == grace.visibility


def test_sliders_move_the_selected_joint(grace):
    grace.set(joint="left_eye", x=300, y=190, visibility=1)
    index = COCO_17.index("left_eye")
    assert grace.record()["keypoints"][3 * index : 3 * index + 3] == [300, 190, 1]
    assert grace.keypoints[index].tolist() == [300, 190]
    assert grace.flags[index] == 1
    grace.set(joint="nose")
    assert grace.values["x"] == grace.points[0][0]
    assert "6 visible" in grace.live_caption


def test_removing_a_label_gives_three_zeros(grace):
    grace.set(joint="nose", visibility=0)
    assert grace.record()["keypoints"][:3] == [0, 0, 0]
    assert grace.keypoints[0].tolist() == [0, 0]


@needs_canvas
def test_the_canvas_moves_sliders_and_record(grace):
    points = [list(p) for p in grace.canvas.points]
    points[3] = [350.0, 220.0]
    before = grace.image_bytes
    flags = list(grace.canvas.visibility)
    grace.canvas.edit = {
        "number": 1,
        "points": points,
        "visibility": flags,
        "selected": 3,
    }
    assert grace.values == {"joint": "left_ear", "x": 350, "y": 220, "visibility": 2}
    assert grace.record()["keypoints"][9:12] == [350, 220, 2]
    assert grace.image_bytes != before
    assert grace.canvas.heard == 1


@needs_canvas
def test_sliders_move_the_canvas(grace):
    grace.set(joint="right_ear", x=100)
    assert grace.canvas.selected == 4
    assert grace.canvas.points[4][0] == 100
    assert json.dumps(grace.canvas.points)  # lists of numbers, nothing else


def test_without_the_canvas_sliders_and_a_painted_picture_do_the_same(monkeypatch):
    monkeypatch.setattr(annotator, "JointCanvas", None)
    plain = Annotator()
    assert plain.canvas is None
    before = plain.image_bytes
    plain.set(joint="left_wrist", visibility=2, x=40, y=560)
    assert plain.image_bytes != before
    assert plain.record()["num_keypoints"] == 8
    assert Image.open(io.BytesIO(plain.image_bytes)).width > 480


def test_sweep_changes_the_picture_and_leaves_the_annotation_alone(grace):
    before = grace.record()
    assert all(count > 1 for count in grace.sweep().values())
    assert grace.record() == before


def test_a_blank_annotation_has_no_record_yet():
    blank = Annotator(blank=True)
    with pytest.raises(AnnotationError, match="no joint is labelled"):
        blank.record()
    blank.set(joint="nose", visibility=2, x=10, y=20)
    record = blank.record()
    x, y, w, h = record["bbox"]
    assert record["num_keypoints"] == 1
    assert x <= 10.5 <= x + w
    assert y <= 20.5 <= y + h


def test_other_images_and_skeletons(tmp_path):
    path = tmp_path / "small.png"
    Image.new("RGB", (40, 30), "teal").save(path)
    assert Annotator(path, skeleton=MPII_16).image.size == (40, 30)
    assert Annotator(torch.rand(3, 30, 40)).image.size == (40, 30)


def test_a_photograph_is_annotated_as_it_will_be_read(tmp_path):
    """A telephone stores it lying down and says so; the record has to fit `Coco`."""
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "me.jpg", exif=turned)
    mine = Annotator(tmp_path / "me.jpg", blank=True)
    assert mine.image.size == (30, 40)
    mine.set(joint="nose", visibility=2, x=20, y=39)
    (tmp_path / "me.json").write_text(json.dumps(mine.to_coco()))
    [sample] = Coco(tmp_path / "me.json", tmp_path)
    assert sample.keypoints[0, 0].tolist() == [20, 39]


@needs_canvas
def test_whole_numbers_from_a_browser_stay_coordinates(grace):
    whole = {
        "number": 1,
        "points": [[5, 6]] * 17,
        "visibility": [2] * 17,
        "selected": 0,
    }
    grace.canvas.edit = whole
    assert grace.keypoints.dtype == torch.float32
    assert grace.keypoints[3].tolist() == [5, 6]


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_an_unreadable_image_is_named(tmp_path, content):
    path = tmp_path / "broken.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match="broken.jpg"):
        Annotator(path)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([1, 2, 3], "51 numbers"),
        ([0] * 50 + [3], "right_ankle"),
        ([600, 5, 2] + [0] * 48, "nose"),
        ([float("nan"), 5, 2] + [0] * 48, "nose"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(numbers, said):
    with pytest.raises(AnnotationError, match=said):
        Annotator(annotation={"keypoints": numbers})


@pytest.mark.parametrize("record", [[1], {"keypoints": ["a"] * 51}])
def test_what_is_no_record_is_refused(record):
    with pytest.raises(AnnotationError, match="keypoints.*list of numbers"):
        Annotator(annotation=record)
