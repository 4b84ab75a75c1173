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
    "not found": (b"404: Not Found", r"is text \('404: Not Found'\)"),
    "table": (b"name,x,y\n1,2,3\n", "is text .'name,x,y'"),
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
    "a path of Windows's network": ("\\\\server\\share\\1.png", "1.png", "backslashes"),
    "an address's letters": ("my%20photo.png", "my photo.png", "%20 for a blank"),
    "Label Studio's number": ("1a2b3c4d-photo.png", "photo.png", "spelling differs"),
    "a number on the disk": ("photo.png", "1a2b3c4d-photo.png", "spelling differs"),
    "letters that nobody sees": ("\u200b1.png", "1.png", "spelling differs"),
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
        ("a\0b.png", "zero byte or half a character"),
        ("\ud800.png", "zero byte or half a character"),
        ("x" * 300 + ".png", "too long for a file"),
    ],
)
def test_what_is_no_file_is_named(tmp_path, name, reason):
    with pytest.raises(ImageError, match=reason):
        read_image(tmp_path / name)


def test_a_message_is_one_line_that_a_terminal_shows(tmp_path):
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / "\ud800\n\u200b.png")
    assert r"\ud800\n\u200b.png" in str(caught.value)
    assert str(caught.value).isprintable()
    assert str(caught.value).encode()


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


WHERE = {
    "CVAT's train": ("Train", "train2017"),
    "CVAT's validation": ("Validation", "val2017"),
    "named": ("Train", "val2017"),
}


@pytest.mark.parametrize("case", WHERE)
def test_letter_case_of_a_split_does_not_matter(tmp_path, case):
    there, split = WHERE[case]
    for name in {there, "Test"}:
        file = f"annotations/person_keypoints_{name}.json"
        write(tmp_path, content([person()]), file, f"images/{name}")
    source = f"coco:{tmp_path}" + (":train" if case == "named" else "")
    coco = open_coco(source, split)
    assert coco.annotation_file.stem == f"person_keypoints_{there}"
    assert coco[0].size == SIZE


@pytest.mark.parametrize("name", ["test2017", "test-dev2017", "Test", "train2014"])
def test_nobody_is_scored_on_another_split_unasked(tmp_path, name):
    file = f"annotations/person_keypoints_{name}.json"
    write(tmp_path, content([person()]), file, name)
    with pytest.raises(ArgumentError, match=f"There are {name}: name one"):
        open_coco(f"coco:{tmp_path}", "val2017")


OWN = {
    "COCO Annotator": ("mine.json", "images"),
    "FiftyOne": ("labels.json", "data"),
    "a file of each split": ("annotations/train.json", "train"),
    "an export in a folder": ("export/annotations/instances_default.json", "images"),
    "pictures beside": ("mine.json", "."),
}


@pytest.mark.parametrize("case", OWN)
def test_a_file_of_another_name_can_be_named(tmp_path, case):
    file, images = OWN[case]
    if "export" in file:
        images = f"export/{images}"
    write(tmp_path, content([person()]), file, images)
    with pytest.raises(ArgumentError, match=f"as in coco:.*{file}"):
        open_coco(f"coco:{tmp_path}", "train2017")
    assert open_coco(f"coco:{tmp_path / file}", "train2017")[0].size == SIZE


@pytest.mark.parametrize("name", ["x" * 5000, "\0"])
def test_what_can_be_no_folder_is_one_line(name):
    with pytest.raises(ArgumentError, match="there is no folder"):
        open_coco(f"coco:{name}", "train2017")
