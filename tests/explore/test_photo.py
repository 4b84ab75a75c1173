"""The learner's own photograph: upload, camera, people, dragging, the COCO file."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from poselab import zoo
from poselab.datasets import Coco
from poselab.errors import AnnotationError, ImageError
from poselab.explore import Photo
from poselab.explore.camera import Camera
from poselab.explore.photo import uploads
from poselab.records import Poses

WIDE = (300, 400)  # (H, W) of the picture in which the pretended system finds two


class Two:
    """A system that finds two people in wide pictures and nobody in others."""

    def __call__(self, image):
        if tuple(image.shape[1:]) != WIDE:
            return Poses.empty(17)
        points = torch.arange(68.0).view(2, 17, 2) * 5 + 20.0
        scores = torch.full((2, 17), 0.8)
        scores[1, 0] = 0.01  # the network does not know
        points[0, 16, 1] = 340.0  # below the picture
        return Poses(
            points,
            scores,
            boxes=torch.tensor([[0.0, 0, 300, 300]] * 2),
            person_scores=torch.tensor([0.9, 0.8]),
        )


@pytest.fixture
def photo(monkeypatch, tmp_path):
    monkeypatch.setattr(zoo, "top_down", lambda *names, **options: Two())
    return Photo(Image.new("RGB", WIDE[::-1], "grey"), folder=tmp_path)


def jpeg(size, **options):
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "jpeg", **options)
    return buffer.getvalue()


def give(photo, name, content):
    """As the browser does it, in ipywidgets 8."""
    file = {"name": name, "type": "image/jpeg", "content": memoryview(content)}
    photo._uploaded({"new": ({**file, "size": len(content)},)})
    return photo._message.value


def test_everybody_is_found_and_inside_the_picture(photo):
    assert photo.sweep()["person"] == 2
    first, second = photo.records()
    assert (first["id"], second["id"]) == (1, 2)
    assert (first["num_keypoints"], second["num_keypoints"]) == (17, 16)
    assert first["keypoints"][-2:] == [299, 2]
    assert "Person 1 of 2" in photo.caption


def test_each_person_keeps_the_own_joints(photo):
    photo.set(person=2, joint="left_wrist", x=11, y=12)
    photo.set(person=1, joint="nose", x=31, y=32)
    photo.set(person=2)
    first, second = photo.records()
    assert first["keypoints"][:2] == [31, 32]
    assert second["keypoints"][27:29] == [11, 12]
    if photo.canvas:
        assert photo.canvas.points[9] == [11, 12]
    photo.reset()
    assert photo.values["person"] == 1
    assert photo.records()[0]["keypoints"][:2] == [20, 25]
    assert photo.records()[1]["keypoints"][27:29] != [11, 12]


@pytest.mark.skipif(Camera is None, reason="anywidget is missing")
def test_a_drag_on_the_canvas_is_a_drag_of_this_person(photo):
    photo.set(person=2)
    points = [list(p) for p in photo.canvas.points]
    points[5] = [77.0, 88.0]
    flags = list(photo.canvas.visibility)
    photo.canvas.edit = {
        "number": 1,
        "points": points,
        "visibility": flags,
        "selected": 5,
    }
    first, second = photo.records()
    assert second["keypoints"][15:18] == [77, 88, 2]
    assert first["keypoints"][15:18] != [77, 88, 2]


def test_it_says_how_many_joints_the_networks_had_right(photo):
    assert photo.agreement() == (17, 0)
    photo.set(joint="nose", x=21, y=25)
    assert photo.agreement() == (17, 1)
    photo.set(joint="left_ear", x=390, y=290)
    assert photo.agreement() == (16, 2)
    assert "2 were changed; 16 were within a tenth" in photo.live_caption
    photo.set(joint="left_eye", visibility=0)
    assert photo.agreement() == (15, 3)


def test_a_new_picture_takes_the_place_of_the_old_one(photo):
    said = give(photo, "me.jpg", jpeg((120, 600)))
    assert "me.jpg: 0 found" in said
    assert "never leaves" in said
    assert photo.image.size == (120, 600)
    assert photo.controls["x"].max == 119
    assert photo.controls["y"].max == 599
    assert "Nobody was found" in photo.live_caption
    if photo.canvas:
        assert list(photo.canvas.size) == [600, 120]
    with pytest.raises(AnnotationError, match="no joint is labelled"):
        photo.records()
    photo.set(joint="nose", x=60, y=590, visibility=2)
    assert photo.to_coco()["images"][0]["file_name"] == "me.jpg"
    give(photo, "two.jpg", jpeg(WIDE[::-1]))
    assert len(photo.records()) == 2
    photo.set(person=2, x=399)
    assert photo.reset().values["person"] == 1


def test_a_picture_that_lies_down_is_turned(photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert "2 found" in give(photo, "turned.jpg", jpeg(WIDE, exif=exif))
    assert photo.image.size == WIDE[::-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "HEIC.*Convert"),
        (b"", "empty"),
        (b"hello", "it is text"),
    ],
)
def test_what_is_no_picture_gets_one_line_and_the_old_one_stays(
    photo, content, words, request
):
    import re

    before = photo.image_bytes
    said = give(photo, "IMG_1.jpg", content)
    assert "IMG_1.jpg" in said
    assert re.search(words, said)
    assert photo.image_bytes == before
    assert len(photo.records()) == 2
    with pytest.raises(ImageError, match="nowhere.jpg"):
        photo.show("nowhere.jpg")


def test_cmyk_is_shown(photo):
    buffer = io.BytesIO()
    Image.new("CMYK", WIDE[::-1], (0, 255, 255, 0)).save(buffer, "jpeg")
    assert "2 found" in give(photo, "print.jpg", buffer.getvalue())
    assert np.asarray(photo.image)[0, 0, 0] > 200  # red


def test_uploads_of_both_versions_of_ipywidgets():
    new = ({"name": "a.jpg", "content": memoryview(b"123")},)
    old = {"a.jpg": {"metadata": {"name": "a.jpg"}, "content": b"123"}}
    assert uploads(new) == uploads(old) == [("a.jpg", b"123")]


@pytest.mark.skipif(Camera is None, reason="anywidget is missing")
def test_a_shot_of_the_camera_is_shown(photo):
    photo.camera._receive(None, {"kind": "other"}, [b"x"])
    assert photo.file_name == "image.jpg"
    photo.camera._receive(None, {"kind": "shot"}, [memoryview(jpeg(WIDE[::-1]))])
    assert photo.file_name == "camera.jpg"


def test_the_file_that_save_writes_is_coco(photo, tmp_path):
    photo.show(Image.new("RGB", WIDE[::-1], "white"), "me.jpg")
    photo.set(person=2, joint="nose", x=50, y=60, visibility=1)
    assert "with 2 people" in photo._saved()
    (tmp_path / "images").mkdir()
    photo.image.save(tmp_path / "images" / "me.jpg")
    sample = Coco(tmp_path / "me_poses.json", tmp_path / "images")[0]
    assert sample.keypoints[1, 0].tolist() == [50, 60]
    assert sample.visibility[:, 0].tolist() == [2, 1]
    content = json.loads((tmp_path / "me_poses.json").read_text())
    assert content["images"][0]["width"] == 400


def test_a_folder_that_cannot_be_written_is_one_line(photo, tmp_path):
    photo.folder = tmp_path / "file" / "folder"
    (tmp_path / "file").write_text("no folder")
    photo._report(photo._saved)
    assert "color:#B00020" in photo._message.value


def test_a_bundled_network_looks_at_the_portrait():
    photo = Photo(pose="heatmap_tiny")
    assert photo.file_name == "grace_hopper.jpg"
    assert photo.image.size == (512, 600)
