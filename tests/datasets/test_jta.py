"""JTA and JTA-Ext: joints of a game, hidden ones among them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from poselab.datasets import Jta
from poselab.datasets.jta import JTA_22
from poselab.errors import AnnotationError, ImageError
from poselab.metrics import crowd_index
from poselab.skeleton import CROWDPOSE_14, convert

JOINTS = len(JTA_22)


def person(frame, who, x, y=10):
    """Rows of somebody at x, y px: joints in a column, every third hidden."""
    return [
        [frame, who, j, x + j % 3, y + 2 * j, 0.1, 0.2, 5.0 + j, j % 3 == 1, j % 3 == 2]
        for j in range(JOINTS)
    ]


@pytest.fixture
def write(tmp_path):
    for frame in (1, 3):
        pixels = np.full((64, 96, 3), 40 * frame, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{frame}.jpg")

    def write(rows, name="seq_7.json"):
        if name.endswith("csv"):
            np.savetxt(tmp_path / name, np.array(rows, float), delimiter=",")
        else:
            (tmp_path / name).write_text(json.dumps(rows))
        return Jta(tmp_path / name, tmp_path)

    return write


def test_frames_people_and_flags(write):
    rows = [*person(3, 5, 20), *person(1, 5, 10), *person(1, 2, 40)]
    sequence = write(rows[::-1])  # in any order
    assert len(sequence) == 2
    first, second = sequence
    assert (first.image_id, second.image_id) == (1, 3)
    assert first.track_ids.tolist() == [2, 5]
    assert first.keypoints[:, 0].tolist() == [[40, 10], [10, 10]]
    assert first.visibility[0].tolist() == [2 if j % 3 == 0 else 1 for j in range(22)]
    assert first.joints_3d[0, 1].tolist() == pytest.approx([100, 200, 6000])
    assert first.intrinsics[0].tolist() == [1158, 0, 960]
    assert second.boxes.tolist() == [[19.5, 9.5, 3, 43]]
    assert second.areas.tolist() == [129]
    assert second.image.mean().item() == pytest.approx(120 / 255, abs=0.02)


def test_who_is_outside(write):
    rows = [*person(1, 1, 10, y=50), *person(1, 2, 300), *person(1, 3, -50)]
    (sample,) = write(rows)
    assert sample.track_ids.tolist() == [1]  # the others have no joint in the picture
    labelled = sample.visibility[0] > 0
    assert labelled.tolist() == [50 + 2 * j <= 63.5 for j in range(JOINTS)]
    assert sample.boxes.tolist() == [[9.5, 49.5, 3, 13]]


def test_the_extension_has_its_own_camera(write):
    rows = [[*row, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 50.0] for row in person(1, 4, 10)]
    (sample,) = write(rows, "coords.csv")
    (same,) = write(person(1, 4, 10))
    assert sample.intrinsics is None
    assert torch.equal(sample.keypoints, same.keypoints)
    assert torch.equal(sample.visibility, same.visibility)


def test_it_has_crowdpose_s_joints_and_a_crowd_index(write):
    (sample,) = write([*person(1, 1, 10), *person(1, 2, 11)])
    _, flags = convert(sample.keypoints, sample.visibility, JTA_22, CROWDPOSE_14)
    assert (flags > 0).all()
    assert crowd_index(sample.keypoints, sample.visibility, sample.boxes) > 0.5


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (person(1, 1, 10)[:-1], "frame 1, person 1"),
        (person(1, 1, 10) + person(1, 1, 10), "frame 1, person 1"),
        ([[*row[:2], 0, *row[3:]] for row in person(1, 2, 9)], "frame 1, person 2"),
        ([[float("nan"), *row[1:]] for row in person(1, 1, 10)], "row 0"),
        ([row[:9] for row in person(1, 1, 10)], "rows of 10 numbers"),
        ([[1, 2], [3]], "no table"),
        ([], "rows of 10 numbers"),
        ({"images": []}, "no table"),
        ("text", "no table"),
    ],
)
def test_bad_files(write, rows, words):
    with pytest.raises(AnnotationError, match=words) as problem:
        write(rows)
    assert "seq_7.json" in str(problem.value)


def test_bad_tables(write, tmp_path):
    (tmp_path / "coords.csv").write_text("frame,person\n1,two\n")
    with pytest.raises(AnnotationError, match=r"coords\.csv.*no table"):
        Jta(tmp_path / "coords.csv", tmp_path)
    with pytest.raises(AnnotationError, match=r"absent\.csv"):
        Jta(tmp_path / "absent.csv", tmp_path)


def test_a_frame_without_a_picture(write):
    sequence = write(person(2, 1, 10))
    with pytest.raises(ImageError, match=r"2\.jpg"):
        sequence[0]
