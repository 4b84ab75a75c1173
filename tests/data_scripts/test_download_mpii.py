"""download_mpii.py and download_crowdpose.py against a server and archives at hand."""

import io
import json
import tarfile

import pytest
from scipy.io import savemat

from poselab.datasets import CrowdPose, Mpii
from tests.data_scripts import tools
from tests.datasets.test_crowdpose import content
from tests.datasets.test_mpii import release
from tests.support.server import File, Server

mpii = tools.script("download_mpii")
crowd = tools.script("download_crowdpose")
MAT = "mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat"


def tarred(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            file.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


@pytest.fixture
def server():
    mat = io.BytesIO()
    savemat(mat, release())
    images = {f"images/{n}.png.jpg": tools.jpeg(i) for i, n in enumerate("abc")}
    files = {
        "/mpii_human_pose_v1_u12_2.zip": tools.zipped(
            {MAT: mat.getvalue(), "README.md": "read me"}
        ),
        "/mpii_human_pose_v1.tar.gz": tarred(images),
        "/images.zip": tools.zipped({"images/a.jpg": tools.jpeg(1, (64, 80))}),
        "/annotations.zip": tools.zipped({"json/crowdpose_val.json": crowd_file()}),
    }
    with Server({name: File(body) for name, body in files.items()}) as running:
        yield running


def crowd_file():
    data = content()
    data["images"][0]["file_name"] = "a.jpg"
    return json.dumps(data)


def test_mpii(server, tmp_path, capsys):
    options = [str(tmp_path), "--server", server.url("")]
    assert mpii.main(options) == 0
    said = capsys.readouterr().out
    assert "3 files" in said
    assert "3 training images with 3 people" in said
    assert tools.visible(tmp_path) == [
        "images/a.png.jpg",
        "images/b.png.jpg",
        "images/c.png.jpg",
        mpii.MAT,
    ]
    assert len(Mpii(tmp_path / mpii.MAT, tmp_path / "images")) == 3
    before = len(server.requests)
    assert mpii.main(options) == 0
    assert len(server.requests) == before


def test_mpii_without_images(server, tmp_path):
    assert (
        mpii.main([str(tmp_path), "--server", server.url(""), "--annotations-only"])
        == 0
    )
    assert tools.visible(tmp_path) == [mpii.MAT]


def test_a_page_in_place_of_the_archive(server, tmp_path, capsys):
    server.files["/mpii_human_pose_v1.tar.gz"].body = b"<html>please log in</html>"
    assert mpii.main([str(tmp_path), "--server", server.url("")]) == 1
    assert "damaged or not an archive" in capsys.readouterr().err
    assert not (tmp_path / "images").exists()


def test_another_archive(server, tmp_path, capsys):
    server.files["/mpii_human_pose_v1_u12_2.zip"].body = tools.zipped({"a": "b"})
    assert mpii.main([str(tmp_path), "--server", server.url("")]) == 1
    assert "none of the files that are needed" in capsys.readouterr().err


def test_crowdpose_from_a_server_and_from_archives(server, tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    assert crowd.main([str(one), "--server", server.url("")]) == 0
    assert "1 images with 2 people" in capsys.readouterr().out
    for name in ("images", "annotations"):
        (tmp_path / f"{name}.zip").write_bytes(server.files[f"/{name}.zip"].body)
    own = [
        "--images",
        str(tmp_path / "images.zip"),
        "--annotations",
        str(tmp_path / "annotations.zip"),
    ]
    assert crowd.main([str(two), *own]) == 0
    assert (tmp_path / "images.zip").exists(), "the user's own archive stays"
    assert crowd.main([str(two), *own]) == 0
    for folder in (one, two):
        assert tools.visible(folder) == [
            "annotations/crowdpose_val.json",
            "images/a.jpg",
        ]
        file = folder / "annotations" / "crowdpose_val.json"
        assert len(CrowdPose(file, folder / "images")[0].keypoints) == 2


def test_crowdpose_from_archives_of_one_name(server, tmp_path):
    """Each is looked into, and the second is not taken for the first."""
    options = []
    for name in ("images", "annotations"):
        own = tmp_path / name / "crowdpose.zip"
        own.parent.mkdir()
        own.write_bytes(server.files[f"/{name}.zip"].body)
        options += [f"--{name}", str(own)]
    folder = tmp_path / "out"
    assert crowd.main([str(folder), *options]) == 0
    assert tools.visible(folder) == ["annotations/crowdpose_val.json", "images/a.jpg"]


def test_crowdpose_without_archives_says_where_they_are(tmp_path, capsys):
    assert crowd.main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "where is annotations.zip?" in error
    assert "Jeff-sjtu/CrowdPose" in error
    assert crowd.main([str(tmp_path), "--annotations", str(tmp_path / "x.zip")]) == 1
    assert "x.zip: there is no such file" in capsys.readouterr().err
