"""Kind 7: users without a home, paths, encodings, and the layouts of other tools."""

import json
import unicodedata
from pathlib import Path

import pytest

from poselab.datasets import Coco, read_image
from poselab.datasets.coco.layout import folder_and_split, open_coco
from poselab.datasets.json_file import load_json
from poselab.errors import AnnotationError, ArgumentError, ImageError
from poselab.system import disk
from tests.support.annotation_files import SIZE, content, person, write


@pytest.fixture
def homeless(monkeypatch):
    """A user without HOME and without an entry in the list of users."""

    def nobody(*_):
        raise RuntimeError("Could not determine home directory.")

    for name in ("HOME", "XDG_CACHE_HOME", "POSELAB_CACHE", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.setattr(Path, "expanduser", lambda p: nobody() if "~" in str(p) else p)


def test_a_user_without_a_home_gets_a_temporary_cache(homeless, tmp_path, monkeypatch):
    monkeypatch.setattr(disk.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(disk.getpass, "getuser", lambda: "nobody")
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="no home directory"):
        assert disk.cache_dir() == tmp_path / "poselab-nobody"
    assert not (tmp_path / "~").exists()


def test_a_name_that_nobody_knows_costs_nothing(monkeypatch):
    def nobody():
        raise KeyError("uid not found: 54321")

    monkeypatch.setattr(disk.getpass, "getuser", nobody)
    assert disk._user()


def test_home_is_written_as_a_tilde(tmp_path, monkeypatch):
    write(tmp_path / "data", content([person()]))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(Coco("~/data/annotations.json", "~/data/images")[0].keypoints) == 1
    assert len(open_coco("coco:~/data", "train2017")) == 1
    assert read_image("~/data/images/1.png").shape == (3, *SIZE)
    assert disk.user_path("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


# --- encodings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_every_encoding_of_json_is_read(tmp_path, encoding):
    data = content([person()])
    data["images"][0]["file_name"] = "Zoë.png"
    write(tmp_path, data)
    text = json.dumps(data, ensure_ascii=False)
    (tmp_path / "annotations.json").write_bytes(text.encode(encoding))
    coco = Coco(tmp_path / "annotations.json", tmp_path / "images")
    assert coco.annotations.images[0].file_name == "Zoë.png"


WRONG = {
    "html": (b"<!DOCTYPE html><html><body>sign in</body>", "an HTML page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
    "zip": (b"PK\x03\x04rest", "a zip archive"),
    "gzip": (b"\x1f\x8b\x08rest", "a gzip archive"),
    "empty": (b"", "empty"),
    "latin-1": ('{"a": "Zoë"}'.encode("latin-1"), "UTF-8"),
    "cut": (b'{"images": [1, 2', "cut short"),
    "jpeg": (b"\xff\xd8\xff\xe0", "a JPEG picture"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_json_is_named(tmp_path, kind):
    body, word = WRONG[kind]
    (tmp_path / "a.json").write_bytes(body)
    with pytest.raises(AnnotationError, match=word) as caught:
        load_json(tmp_path / "a.json")
    assert "a.json" in str(caught.value)


# --- names of images -----------------------------------------------------------------

NFC, NFD = (unicodedata.normalize(form, "Zoë.png") for form in ("NFC", "NFD"))
NAMES = {
    "backslashes": ("train\\1.png", "train/1.png", "backslashes"),
    "backslashes and a folder more": ("images\\train\\1.png", "train/1.png", "backsl"),
    "NFC and NFD": (NFC, NFD, "Unicode form"),
    "NFD and NFC": (NFD, NFC, "Unicode form"),
    "letter case": ("a.png", "a.PNG", "capital and small letters"),
    "letter case of a folder": ("Train/a.png", "train/a.png", "another folder"),
    "ending": ("a.jpg", "a.png", "the ending differs"),
    "a folder too many": ("images/1.png", "1.png", "another folder"),
    "drive letter": ("C:/data/1.png", "1.png", "drive letter"),
    "drive letter and backslashes": ("C:\\data\\1.png", "1.png", "backslashes"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_file_that_is_meant_is_named(tmp_path, kind):
    given, there, reason = NAMES[kind]
    data = content([person()])
    data["images"][0]["file_name"] = there
    write(tmp_path, data)
    data["images"][0]["file_name"] = given
    (tmp_path / "annotations.json").write_text(json.dumps(data))
    with pytest.raises(ImageError, match=reason) as caught:
        Coco(tmp_path / "annotations.json", tmp_path / "images")
    if "drive" not in kind or "back" in kind:
        assert Path(there).name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("https://example.com/a.jpg", "an address"),
        ("s3://bucket/a.jpg", "an address"),
        ("data/local-files/?d=a.jpg", "a query"),
        ("none.png", "no such image. Check"),
    ],
)
def test_what_is_no_file_is_named(tmp_path, name, reason):
    with pytest.raises(ImageError, match=reason):
        read_image(tmp_path / name)


# --- layouts -------------------------------------------------------------------------

LAYOUTS = {
    "poselab": ("annotations.json", "images", ""),
    "COCO": ("annotations/person_keypoints_val2017.json", "val2017", ""),
    "COCO, images together": (
        "annotations/person_keypoints_val2017.json",
        "images/val2017",
        "",
    ),
    "CVAT": ("annotations/person_keypoints_default.json", "images/default", ""),
    "CVAT, flat": ("annotations/person_keypoints_default.json", "images", ""),
    "CVAT, named": (
        "annotations/person_keypoints_default.json",
        "images/default",
        ":default",
    ),
    "CVAT, own name": ("annotations/person_keypoints_mine.json", "images/mine", ""),
    "Label Studio": ("result.json", "images", ""),
    "Roboflow": ("valid/_annotations.coco.json", "valid", ""),
    "Roboflow, named": ("test/_annotations.coco.json", "test", ":test"),
    "Roboflow, one split": ("_annotations.coco.json", ".", ""),
    "the file itself": ("some.json", "images", "/some.json"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("folder", ["data", "a:b", "with blank"])
def test_every_layout_is_read(tmp_path, layout, folder):
    file, images, more = LAYOUTS[layout]
    root = write(tmp_path / folder, content([person()]), file, images)
    coco = open_coco(f"coco:{root}{more}", "val2017", check_images=True)
    assert coco[0].size == SIZE


def test_names_that_begin_in_the_folder_of_images(tmp_path):
    """Label Studio writes images/1.png into result.json beside images/."""
    data = content([person()])
    data["images"][0]["file_name"] = "images/1.png"
    write(tmp_path, data, "result.json", ".")
    assert open_coco(f"coco:{tmp_path}", "val2017", check_images=True)[0].size == SIZE


def test_train_and_valid_are_told_apart(tmp_path):
    for split, images in (("train", 1), ("valid", 2), ("test", 3)):
        file = f"{split}/_annotations.coco.json"
        write(tmp_path, content([person()], images=images), file, split)
    assert len(open_coco(f"coco:{tmp_path}", "train2017")) == 1
    assert len(open_coco(f"coco:{tmp_path}", "val2017")) == 2
    assert len(open_coco(f"coco:{tmp_path}:test", "val2017")) == 3
    with pytest.raises(ArgumentError, match="There are test, train, valid"):
        open_coco(f"coco:{tmp_path}:none", "val2017")


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ArgumentError, match="there is no folder"):
        open_coco(f"coco:{tmp_path}/none", "val2017")
    with pytest.raises(ArgumentError, match="Label Studio"):
        open_coco(f"coco:{tmp_path}", "val2017")
    for broken in ("", "coco", "coco:", "mpii:x"):
        with pytest.raises(ArgumentError, match="must be coco:FOLDER"):
            open_coco(broken, "val2017")


@pytest.mark.parametrize(
    ("text", "folder", "split"),
    [
        ("data", "data", None),
        ("data:val", "data", "val"),
        ("C:\\data", "C:\\data", None),
        ("C:\\data:val", "C:\\data", "val"),
        ("C:/data", "C:/data", None),
        ("a:b/c", "a:b/c", None),
        ("a:b/c:val", "a:b/c", "val"),
    ],
)
def test_colons_belong_to_the_folder(text, folder, split):
    assert folder_and_split(text) == (Path(folder), split)
