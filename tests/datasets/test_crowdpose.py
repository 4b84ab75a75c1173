"""CrowdPose: nearly COCO, and what differs."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from poselab.datasets import CrowdPose
from poselab.errors import AnnotationError
from poselab.metrics import coco_ap
from poselab.records import Poses
from poselab.skeleton import CROWDPOSE_14

NAMES = [*CROWDPOSE_14.joints[:12], "head", "neck"]


def content():
    person = {"num_keypoints": 14, "iscrowd": 0, "image_id": 7, "category_id": 1}
    points = [n for j in range(14) for n in (5 + j, 6 + 2 * j, 1 + j % 2)]
    return {
        "images": [
            {
                "id": 7,
                "file_name": "a.png",
                "width": 80,
                "height": 64,
                "crowdIndex": 0.75,
            }
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": NAMES}],
        "annotations": [
            {**person, "id": 1, "keypoints": points, "bbox": [2, 3, 40, 50]},
            {**person, "id": 2, "keypoints": points, "bbox": [-6, 4, 100, 70]},
        ],
    }


@pytest.fixture
def write(tmp_path):
    Image.fromarray(np.zeros((64, 80, 3), np.uint8)).save(tmp_path / "a.png")

    def write(data):
        (tmp_path / "a.json").write_text(json.dumps(data))
        return CrowdPose(tmp_path / "a.json", tmp_path)

    return write


def test_what_differs_from_coco_is_brought_into_its_form(write):
    crowd = write(content())
    (sample,) = crowd
    assert sample.skeleton is CROWDPOSE_14
    assert sample.keypoints.shape == (2, 14, 2)
    assert sample.visibility[0].tolist() == [1, 2] * 7
    torch.testing.assert_close(sample.areas, torch.tensor([0.53 * 2000, 0.53 * 7000]))
    assert sample.boxes.tolist() == [[2, 3, 40, 50], [0, 4, 80, 60]]
    assert crowd.crowd_index(0) == 0.75
    assert crowd.dataset["annotations"][0]["area"] == pytest.approx(1060)
    answer = Poses(sample.keypoints, torch.ones(2, 14))
    assert coco_ap(crowd, [answer])["AP"] == 1.0


def test_without_a_crowd_index(write):
    data = content()
    del data["images"][0]["crowdIndex"]
    assert math.isnan(write(data).crowd_index(0))
    data["images"][0]["crowdIndex"] = None
    assert math.isnan(write(data).crowd_index(0))
    data["images"][0]["crowdIndex"] = "very"
    with pytest.raises(AnnotationError, match="crowdIndex.*'very'"):
        write(data).crowd_index(0)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("annotations"),
        lambda d: d.update(images=3),
        lambda d: d["annotations"].append(5),
        lambda d: d["categories"].append({}),
        lambda d: d["annotations"][0].update(bbox="x"),
        lambda d: d["annotations"][0].update(bbox=[1, 2, -3, 4]),
        lambda d: d["annotations"][0].update(bbox=[900, 900, 5, 5]),
        lambda d: d["annotations"][0].update(image_id=[]),
        lambda d: d["categories"][0].update(keypoints=["head", None]),
        lambda d: d["images"][0].update(width=None),
    ],
)
def test_bad_files_are_the_check_s_business(write, change):
    data = content()
    change(data)
    with pytest.raises(AnnotationError, match=r"a\.json"):
        write(data)


@pytest.mark.parametrize("data", [[], None, "text", 5])
def test_something_else(write, data):
    with pytest.raises(AnnotationError, match=r"a\.json"):
        write(data)
