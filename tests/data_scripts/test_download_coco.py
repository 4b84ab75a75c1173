"""download_coco.py: the whole split, some people, faults, and Ctrl-C."""

import hashlib
import json
import signal
import subprocess
import sys
import time

import pytest

from poselab.datasets import Coco
from poselab.datasets.coco.layout import open_coco
from poselab.skeleton import COCO_17
from tests.data_scripts import tools
from tests.support.server import File, Server

coco = tools.script("download_coco")
common = tools.script("common")
IDS = list(range(1, 13))
JPEGS = {f"{i:012d}.jpg": tools.jpeg(i) + bytes(20_000) for i in IDS}  # slow to send
VAL = "person_keypoints_val2017.json"


def annotation_file():
    """Twelve images; of the people in image i, i % 3 have joints and one has none."""
    images = [
        {"id": i, "file_name": f"{i:012d}.jpg", "width": 64, "height": 48} for i in IDS
    ]
    people = []
    for image in IDS:
        for number in range(image % 3 + 1):
            v = 2 if number else 0
            people.append(
                {
                    "id": len(people) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": [8, 8, 20, 30],
                    "area": 300.0,
                    "num_keypoints": 17 if v else 0,
                    "keypoints": [10 * v, 12 * v, v] * 17,
                }
            )
    category = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}
    return {"images": images, "annotations": people, "categories": [category]}


ZIPS = {
    "/annotations/annotations_trainval2017.zip": tools.zipped(
        {
            f"annotations/{VAL}": annotation_file(),
            "annotations/person_keypoints_train2017.json": {},
            "annotations/captions_val2017.json": {},
        }
    ),
    "/zips/val2017.zip": tools.zipped({f"val2017/{k}": v for k, v in JPEGS.items()}),
}


@pytest.fixture
def server(monkeypatch):
    """The files of COCO, small; the script's sizes and checksums are theirs."""
    made = {path: promise(path) for path in ZIPS}
    monkeypatch.setattr(coco, "ANNOTATIONS", made[next(iter(ZIPS))])
    monkeypatch.setitem(coco.IMAGES, "val2017", made["/zips/val2017.zip"])
    singles = {f"/val2017/{name}": body for name, body in JPEGS.items()}
    with Server({k: File(v) for k, v in {**ZIPS, **singles}.items()}) as running:
        yield running


def promise(path):
    body = ZIPS[path]
    md5 = hashlib.md5(body).hexdigest()
    return common.Archive(path.removeprefix("/"), len(body), md5)


def call(server, folder, *options):
    return coco.main([str(folder), "--server", server.url(""), *options])


def test_the_whole_split(server, tmp_path, capsys):
    assert call(server, tmp_path) == 0
    said = capsys.readouterr().out
    assert "12 images of 12 people with joints (12 files" in said
    assert tools.visible(tmp_path) == sorted(
        [f"annotations/{VAL}", "annotations/person_keypoints_train2017.json"]
        + [f"val2017/{name}" for name in JPEGS]
    )
    samples = Coco(tmp_path / "annotations" / VAL, tmp_path / "val2017")
    assert len(samples) == 12
    assert (samples[1].visibility > 0).any(1).sum() == 2
    before = len(server.requests)
    assert call(server, tmp_path) == 0
    assert len(server.requests) == before, "all is there: nothing is asked for"


def test_the_archives_stay_if_wanted(server, tmp_path):
    assert call(server, tmp_path, "--keep") == 0
    assert (tmp_path / "val2017.zip").read_bytes() == ZIPS["/zips/val2017.zip"]


def test_some_people(server, tmp_path, capsys):
    assert call(server, tmp_path, "--people", "5") == 0
    file = tmp_path / "annotations" / VAL.replace(".json", "_5.json")
    samples = Coco(file, tmp_path / "val2017_5")
    assert len(open_coco(f"coco:{tmp_path}:val2017_5", "")) == len(samples)
    people = sum(int((s.visibility > 0).any(1).sum()) for s in samples)
    assert 5 <= people <= 6
    assert f"of {people} people" in capsys.readouterr().out
    assert not any(path == "/zips/val2017.zip" for path, _ in server.requests)
    assert len(samples) < 12
    names = [r.file_name for r in samples.annotations.images]
    assert tools.visible(tmp_path / "val2017_5") == sorted(names)
    before = len(server.requests)
    first = file.read_bytes()
    assert call(server, tmp_path, "--people", "5") == 0
    assert file.read_bytes() == first
    assert len(server.requests) == before
    assert call(server, tmp_path, "--people", "5", "--seed", "1") == 0
    assert file.read_bytes() != first


def test_more_people_than_there_are(server, tmp_path, capsys):
    assert call(server, tmp_path, "--people", "900") == 0
    assert "of 12 people" in capsys.readouterr().out


def test_an_image_of_another_size_is_not_kept(server, tmp_path, capsys):
    for name in JPEGS:
        server.files[f"/val2017/{name}"].body = tools.jpeg(0, (10, 10))
    assert call(server, tmp_path, "--people", "5") == 1
    assert "not the image of 64 x 48 pixels" in capsys.readouterr().err
    assert tools.visible(tmp_path / "val2017_5") == []
    assert not list(tmp_path.glob("annotations/*_5.json"))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"statuses": [404]}, "404 Not Found"),
        ({"body": b"other"}, "5 bytes long"),
        ({"body": bytes(len(ZIPS["/zips/val2017.zip"]))}, "has the md5"),
    ],
)
def test_faults_end_with_one_line_and_code_1(server, tmp_path, capsys, fault, said):
    file = server.files["/zips/val2017.zip"]
    whole = file.body
    for name, value in fault.items():
        setattr(file, name, value)
    assert call(server, tmp_path) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: http://127.0.0.1")
    assert said in error
    assert "Nothing is left" in error
    assert not (tmp_path / "val2017").exists()
    file.body = whole
    assert call(server, tmp_path) == 0


def test_a_cut_and_a_busy_server_are_overcome(server, tmp_path, monkeypatch):
    monkeypatch.setattr("poselab.system.download.time.sleep", lambda seconds: None)
    file = server.files["/zips/val2017.zip"]
    file.statuses, file.cuts = [503], [500, 1000]
    assert call(server, tmp_path) == 0
    asked = [part for path, part in server.requests if path == "/zips/val2017.zip"]
    assert asked == [None, None, "bytes=500-", "bytes=1500-"]


def test_an_archive_that_leads_out_of_the_folder(server, tmp_path, capsys, monkeypatch):
    evil = tools.zipped({"val2017/a.jpg": b"1", "../../evil": b"2"})
    server.files["/zips/val2017.zip"].body = evil
    own = common.Archive("zips/val2017.zip", len(evil), hashlib.md5(evil).hexdigest())
    monkeypatch.setitem(coco.IMAGES, "val2017", own)
    assert call(server, tmp_path / "a" / "b") == 1
    assert "outside the folder" in capsys.readouterr().err
    assert not list(tmp_path.rglob("evil"))
    assert not (tmp_path / "a" / "b" / "val2017").exists()


def test_bad_arguments(server, tmp_path, capsys):
    assert call(server, tmp_path, "--people", "0") == 1
    assert "--people = 0: must be at least 1" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        coco.main([str(tmp_path), "--split", "test"])
    assert stop.value.code == 2


@pytest.mark.parametrize("name", [p.stem for p in tools.FOLDER.glob("*_*.py")])
def test_help_has_examples(name, capsys):
    with pytest.raises(SystemExit) as stop:
        tools.script(name).main(["--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert "examples:" in said
    assert f"python data_scripts/{name}.py data/" in said
    assert "read it back:" in said
    assert len(tools.script(name).__doc__) > 80


DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
import common, download_coco
first, second = (common.Archive(*a) for a in json.loads(sys.argv[2]))
download_coco.ANNOTATIONS, download_coco.IMAGES["val2017"] = first, second
sys.exit(download_coco.main(sys.argv[3:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for children there")
@pytest.mark.parametrize("options", [[], ["--people", "12"]], ids=["zip", "people"])
def test_ctrl_c_and_again(server, tmp_path, options):
    """Whenever it is stopped, whatever is visible is whole, and the next run ends."""
    archives = [list(vars(promise(path)).values()) for path in ZIPS]
    command = [
        sys.executable,
        "-c",
        DRIVER,
        str(tools.FOLDER),
        json.dumps(archives),
        str(tmp_path),
        "--server",
        server.url(""),
        *options,
    ]
    for file in server.files.values():
        file.slice, file.pause = 9000, 0.5
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for _ in range(6000):
        parts = [p for p in tmp_path.rglob(".*.part") if "annotations" not in p.name]
        if any(part.stat().st_size for part in parts):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == common.STOPPED, error
    assert "Stopped. The same command goes on" in error
    folder = tmp_path / ("val2017_12" if options else "val2017")
    for path in folder.glob("[0-9]*"):
        assert path.read_bytes() == JPEGS[path.name]
    assert not (tmp_path / "val2017.zip").exists()
    for file in server.files.values():
        file.pause = 0.0
    assert subprocess.run(command, capture_output=True).returncode == 0
    wanted = [n for i, n in zip(IDS, JPEGS, strict=True) if i % 3 or not options]
    assert tools.visible(folder) == wanted
    assert not [p for p in tmp_path.rglob("*") if ".part" in p.name or ".tmp" in p.name]
