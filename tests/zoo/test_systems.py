"""Everybody in a picture, however the picture is given."""

import numpy as np
import pytest
import torch
from PIL import Image

import poselab
from poselab import zoo
from poselab.datasets import as_image, evaluation, pictures
from poselab.draw import to_pil
from poselab.errors import ArgumentError, ImageError
from poselab.records import Poses
from poselab.zoo import systems
from poselab.zoo.systems import LIKELY, PHOTOGRAPHS


@pytest.fixture(scope="module")
def picture():
    """A crowd [3, 192, 256] of bytes, as floats."""
    image = evaluation("crowd", 1, (192, 256))[0].image
    return (image * 255).round() / 255


@pytest.fixture(scope="module")
def found(picture):
    return one(picture)


def one(picture):
    """With one network instead of eight, and every box: quicker."""
    return poselab.estimate(picture, pose="heatmap_tiny", score_threshold=0.05)


def same(a, b):
    torch.testing.assert_close(a.keypoints, b.keypoints)
    torch.testing.assert_close(a.person_scores, b.person_scores)


def test_everybody_in_a_drawn_crowd(picture, found):
    assert isinstance(found, Poses)
    assert len(found.keypoints) > 1
    assert found.keypoints.shape[1:] == (17, 2)
    assert (found.person_scores.diff() <= 0).all()
    same(found, zoo.top_down("photo_detector", "heatmap_tiny")(picture))


def test_by_default_eight_vote_and_only_who_is_likely_is_left(picture):
    sure = poselab.estimate(picture)
    system = zoo.top_down(*PHOTOGRAPHS, **LIKELY)
    same(sure, system(picture))
    assert len(system.single.members) == len(PHOTOGRAPHS[1]) == 8
    assert all(member.flip for member in system.single.members)
    every = system(picture, score_threshold=0.05)
    assert 0 < len(sure.keypoints) <= len(every.keypoints)
    single = poselab.estimate(picture, pose="heatmap_tiny")
    alone = zoo.top_down("photo_detector", "heatmap_tiny", score_threshold=0.5)
    same(single, alone(picture))


def turned(image, path):
    """Save the image lying down, with the note that a camera makes of it."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    return path


@pytest.mark.parametrize("kind", ["path", "text", "turned", "pillow", "numpy", "bytes"])
def test_it_does_not_matter_how_a_picture_is_given(kind, picture, found, tmp_path):
    image = to_pil(picture)
    image.save(tmp_path / "crowd.png")
    given = {
        "path": lambda: tmp_path / "crowd.png",
        "text": lambda: str(tmp_path / "crowd.png"),
        "turned": lambda: turned(image, tmp_path / "turned.png"),
        "pillow": lambda: image,
        "numpy": lambda: np.asarray(image),
        "bytes": lambda: (picture * 255).round().byte(),
    }[kind]()
    same(one(given), found)


def test_a_large_picture_is_seen_small_and_cut_large(picture, found):
    large = torch.nn.functional.interpolate(picture[None], scale_factor=3)[0]
    small = (one(large).keypoints - 1) / 3
    surest = found.keypoints[:2]
    far = (surest[:, None] - small).norm(dim=-1).median(-1).values  # [2, P] px
    assert far.amin(1).max() < 3  # each is there, though others may be surer now


def test_a_file_of_very_many_pixels_is_read_smaller(picture, tmp_path, monkeypatch):
    """The joints are in the file's own pixels all the same."""
    to_pil(picture).resize((768, 576)).save(tmp_path / "large.png")
    whole = one(tmp_path / "large.png")
    reader = pictures.as_small_image
    monkeypatch.setattr(systems, "as_small_image", lambda p: reader(p, 256 * 192))
    small = one(tmp_path / "large.png")
    n = min(len(small.keypoints), len(whole.keypoints), 2)  # the surest two
    assert n == 2
    near = (small.keypoints[:n] - whole.keypoints[:n]).norm(dim=-1).median()
    assert near < 9  # 3 px of the picture that was read
    assert (small.boxes[:n] - whole.boxes[:n]).abs().median() < 9
    held = one(Image.open(tmp_path / "large.png"))
    same(held, small)


def test_grey_and_transparent_pictures():
    grey = as_image(np.full((4, 5), 51, np.uint8))
    torch.testing.assert_close(grey, torch.full((3, 4, 5), 0.2))
    clear = as_image(Image.new("RGBA", (5, 4), (255, 0, 0, 0)))
    assert clear.shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (3, "picture = 'int': is no picture.*Give a path"),
        (None, "NoneType"),
        (np.zeros((4, 5, 3)), r"\[4, 5, 3\] of float64"),
        (np.zeros((4, 5, 4), np.uint8), r"\[4, 5, 4\] of uint8"),
        (np.zeros((0, 5, 3), np.uint8), r"\[0, 5, 3\]"),
        (torch.zeros(4, 5), r"\[4, 5\] of float32"),
        (torch.zeros(1, 3, 4, 5), r"\[1, 3, 4, 5\]"),
        (torch.zeros(3, 4, 5, dtype=torch.int64), "int64"),
        (torch.full((3, 4, 5), 255.0), r"255.*outside \[0, 1\].*Divide by 255"),
        (torch.full((3, 4, 5), torch.nan), r"outside \[0, 1\]"),
    ],
)
def test_what_is_no_picture(wrong, words):
    with pytest.raises(ArgumentError, match=words):
        poselab.estimate(wrong)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ImageError, match="nowhere.jpg"):
        poselab.estimate(tmp_path / "nowhere.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ImageError, match="text.jpg"):
        poselab.estimate(tmp_path / "text.jpg")


def test_networks_in_the_wrong_place(picture):
    with pytest.raises(ArgumentError, match="detector = 'hrnet_tiny': is no detector"):
        poselab.estimate(picture, detector="hrnet_tiny")
    with pytest.raises(ArgumentError, match="pose = 'rcnn_tiny': is a detector"):
        poselab.estimate(picture, pose="rcnn_tiny")
    with pytest.raises(ArgumentError, match="name = 'lenet'.*hrnet_tiny"):
        poselab.estimate(picture, pose="lenet")
    with pytest.raises(ArgumentError, match="names no network"):
        poselab.estimate(picture, pose=[])
    with pytest.raises(ArgumentError, match="pose = 'rcnn_tiny': is a detector"):
        poselab.estimate(picture, pose=["hrnet_tiny", "rcnn_tiny"])
    with pytest.raises(ArgumentError, match="a file of weights is for one network"):
        poselab.estimate(
            picture, pose=["hrnet_tiny", "cpm_tiny"], pose_path="weights.pth"
        )


def test_parts_are_there_when_they_are_asked_for():
    assert poselab.zoo is zoo
    assert set(zoo.names()) <= set(poselab.recipes.names())
    with pytest.raises(AttributeError, match="no part called lenet"):
        poselab.lenet  # noqa: B018
