"""MPII from its .mat and from the common JSON: the same samples."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from poselab.datasets import Mpii
from poselab.datasets.transforms import flip
from poselab.errors import AnnotationError, ImageError
from poselab.skeleton import COCO_17, MPII_16, convert

REAL = Path(__file__).parents[2].parent / "shared" / "real" / "mpii"


def joints(shift=0.0):
    """Sixteen places (as the files count: from 1), the left wrist missing."""
    places = [[11.0 + shift + j, 21.0 + 2 * j] for j in range(16)]
    places[15] = [-1.0, -1.0]
    return places


SEEN = [1] * 16
SEEN[3] = SEEN[15] = 0  # the left hip is hidden, the left wrist is not labelled
PEOPLE = [
    {
        "image": "a.png",
        "joints": joints(),
        "joints_vis": SEEN,
        "scale": 0.4,
        "center": [31.0, 41.0],
    },
    {
        "image": "b.png",
        "joints": joints(3),
        "joints_vis": SEEN,
        "scale": 0.2,
        "center": [21.0, 31.0],
    },
    {
        "image": "a.png",
        "joints": joints(5),
        "joints_vis": SEEN,
        "scale": 0.1,
        "center": [61.0, 41.0],
    },
]


def structs(items):
    """A MATLAB struct array of dictionaries with the same fields."""
    array = np.empty(len(items), object)
    array[:] = items
    return array


def person_struct(person, head=(1.0, 1.0, 31.0, 41.0)):
    points = [
        {"x": x, "y": y, "id": j, "is_visible": v if j not in (8, 9) else np.array([])}
        for j, ((x, y), v) in enumerate(
            zip(person["joints"], person["joints_vis"], strict=True)
        )
        if x > 0
    ]
    x, y = person["center"]
    return {
        **dict(zip(("x1", "y1", "x2", "y2"), head, strict=True)),
        "annopoints": {"point": structs(points)},
        "scale": person["scale"],
        "objpos": {"x": x, "y": y},
    }


def release(train=(1, 1, 0, 1)):
    a, b, c = (person_struct(p) for p in PEOPLE)
    nothing = np.array([])
    images = [
        {"image": {"name": "a.png"}, "annorect": structs([a, c])},
        {"image": {"name": "b.png"}, "annorect": b},
        {"image": {"name": "test.png"}, "annorect": {"objpos": {"x": 1, "y": 2}}},
        {"image": {"name": "c.png"}, "annorect": nothing},
    ]
    return {"RELEASE": {"annolist": structs(images), "img_train": np.array(train)}}


@pytest.fixture
def folder(tmp_path):
    stream = np.random.default_rng(0)
    for name in ("a.png", "b.png", "c.png"):
        pixels = stream.integers(0, 255, (64, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "a.json").write_text(json.dumps(PEOPLE))
    savemat(tmp_path / "a.mat", release())
    return tmp_path


def test_json(folder):
    mpii = Mpii(folder / "a.json", folder)
    assert mpii.file_names == ["a.png", "b.png"]
    sample = mpii[0]
    assert len(list(mpii)) == len(mpii) == 2
    assert sample.skeleton is MPII_16
    assert sample.size == (64, 80)
    assert sample.keypoints.shape == (2, 16, 2)
    assert sample.keypoints[0, 1].tolist() == [11, 22], "files count pixels from 1"
    wanted = [2, 2, 2, 1] + [2] * 11 + [0]
    assert sample.visibility.tolist() == [wanted, wanted]
    assert sample.keypoints[0, 15].tolist() == [0, 0]
    # 80 px around (30, 40 + 6), on pixel edges (-9.5 ... 70.5, 6.5 ... 86.5), clipped
    assert sample.boxes[0].tolist() == pytest.approx([0, 6.5, 70.5, 57.5])
    assert sample.boxes[1].tolist() == pytest.approx([50.5, 32, 20, 20])
    assert sample.areas[0] == 14 * 28
    assert torch.isnan(mpii.head_sizes(0)).all()


def test_the_mat_gives_the_same_and_more(folder):
    mat, common = Mpii(folder / "a.mat", folder), Mpii(folder / "a.json", folder)
    assert mat.file_names == ["a.png", "b.png", "c.png"], "training images only"
    for one, other in zip(mat, common, strict=False):
        for name, value in one.tensors().items():
            assert torch.equal(value, getattr(other, name)), name
    assert len(mat[2].keypoints) == 0
    assert mat[2].boxes.shape == (0, 4)
    torch.testing.assert_close(mat.head_sizes(0), torch.tensor([30.0, 30.0]))


def test_the_samples_go_through_everything(folder):
    sample = Mpii(folder / "a.json", folder)[0]
    mirrored = flip(sample)
    left, right = MPII_16.index("left_knee"), MPII_16.index("right_knee")
    assert mirrored.keypoints[0, left, 0] == 79 - sample.keypoints[0, right, 0]
    points, flags = convert(sample.keypoints, sample.visibility, MPII_16, COCO_17)
    assert flags[0, COCO_17.index("left_hip")] == 1
    assert flags[0, COCO_17.index("nose")] == 0
    assert points[0, COCO_17.index("left_hip")].tolist() == [13, 26]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.pop("scale"), "scale"),
        (lambda p: p.update(scale=-1), "scale.*at least 0"),
        (lambda p: p.update(joints=[[1, 2]] * 15), "joints.*30 numbers instead of 32"),
        (lambda p: p.update(joints=[1] * 16), "joints.*pairs"),
        (lambda p: p.update(joints=[[1, "x"]] * 16), "joints.*finite numbers"),
        (lambda p: p.update(joints_vis=[2] * 16), "joints_vis.*0 or 1"),
        (lambda p: p.update(center=[1]), "center.*1 numbers instead of 2"),
        (lambda p: p.update(image=""), "image.*not empty"),
    ],
)
def test_bad_records(folder, change, said):
    people = json.loads((folder / "a.json").read_text())
    change(people[1])
    (folder / "a.json").write_text(json.dumps(people))
    with pytest.raises(AnnotationError, match=rf"(?s)a\.json: \[1\].*{said}"):
        Mpii(folder / "a.json", folder)


@pytest.mark.parametrize("content", ["{}", "[1]", "", "[{]"])
def test_bad_json(folder, content):
    (folder / "a.json").write_text(content)
    with pytest.raises(AnnotationError, match=r"a\.json"):
        Mpii(folder / "a.json", folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scale": "large"}, "scale"),
        ({"scale": np.array([1.0, 2.0])}, "scale"),
        ({"annopoints": {"point": {"x": "left", "y": 5.0, "id": 3}}}, "joints"),
        ({"annopoints": {"point": {"x": 5.0, "y": 5.0, "id": "third"}}}, "joints"),
        ({"annopoints": {"point": {"x": 5.0, "y": 5.0, "id": np.nan}}}, "joints"),
    ],
)
def test_odd_fields_of_a_mat(folder, change, said):
    image = {
        "image": {"name": "a.png"},
        "annorect": {**person_struct(PEOPLE[0]), **change},
    }
    savemat(folder / "a.mat", {"RELEASE": {"annolist": image, "img_train": 1}})
    with pytest.raises(AnnotationError, match=rf"a\.mat.*annorect\(1\).*{said}"):
        Mpii(folder / "a.mat", folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not MATLAB" * 99,
        None,
        {"OTHER": 1},
        {"RELEASE": 1},
        release(train=(1, 1)),
    ],
)
def test_bad_mat(folder, content):
    path = folder / "a.mat"
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        savemat(path, content)
    with pytest.raises(AnnotationError, match=r"a\.mat"):
        Mpii(path, folder)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_mat_that_was_cut(folder, share):
    path = folder / "a.mat"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(AnnotationError, match=r"a\.mat"):
        Mpii(path, folder)


def test_a_missing_image(folder):
    (folder / "a.png").unlink()
    with pytest.raises(ImageError, match=r"a\.png"):
        Mpii(folder / "a.json", folder)[0]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the photographs are not in {REAL}")
def test_real_photographs():
    mpii = Mpii(REAL / "annotations.json", REAL)
    assert len(mpii) == 2
    for sample in mpii:
        assert (sample.visibility == 2).all()
        x, y, w, h = sample.boxes[0].tolist()
        inside = sample.keypoints[0] + 0.5 - torch.tensor([x, y])
        assert (inside >= 0).all()
        assert (inside <= torch.tensor([w, h])).all()
        assert 0.05 < sample.image.std() < 0.5
