"""make_synthetic.py: what Coco reads; the same files however they are made."""

import filecmp
import json
import signal
import subprocess
import sys
import time

import pytest

from poselab.datasets import Coco
from poselab.skeleton import SKELETONS
from tests.data_scripts import tools

synthetic = tools.script("make_synthetic")
SMALL = ["--size", "24", "32"]


def equal(one, other):
    names = tools.visible(one)
    assert names == tools.visible(other)
    return all(filecmp.cmp(one / name, other / name, False) for name in names)


def test_the_script_writes_what_coco_reads(tmp_path, capsys):
    options = [
        "--count",
        "3",
        "--people",
        "2",
        "--size",
        "48",
        "64",
        "--skeleton",
        "crowdpose-14",
        "--split",
        "test",
    ]
    assert synthetic.main([str(tmp_path), *options]) == 0
    assert "3 images of 6 people" in capsys.readouterr().out
    coco = Coco(
        tmp_path / "annotations.json",
        tmp_path / "images",
        skeleton=SKELETONS["crowdpose-14"],
    )
    assert [s.size for s in coco] == [(48, 64)] * 3
    assert json.loads((tmp_path / "annotations.json").read_text())["categories"]
    assert not (tmp_path / ".parts").exists()


def test_the_number_of_workers_changes_nothing(tmp_path):
    for workers in "12":
        options = [*SMALL, "--count", "70", "--workers", workers]
        assert synthetic.main([str(tmp_path / workers), *options]) == 0
    assert equal(tmp_path / "1", tmp_path / "2")
    assert len(tools.visible(tmp_path / "1" / "images")) == 70


def test_more_images_begin_with_the_same(tmp_path):
    for count in ("5", "40"):
        assert synthetic.main([str(tmp_path / count), *SMALL, "--count", count]) == 0
    for name in tools.visible(tmp_path / "5" / "images"):
        files = (tmp_path / count / "images" / name for count in ("5", "40"))
        assert filecmp.cmp(*files, False)
    few, many = (
        json.loads((tmp_path / count / "annotations.json").read_text())
        for count in ("5", "40")
    )
    assert few["annotations"] == many["annotations"][: len(few["annotations"])]


def test_once_more_draws_nothing_and_other_options_draw(tmp_path, monkeypatch):
    call = [str(tmp_path), *SMALL, "--count", "3"]
    assert synthetic.main(call) == 0
    before = (tmp_path / "annotations.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "draw_chunk", None)
        assert synthetic.main(call) == 0
    next((tmp_path / "images").glob("*.png")).unlink()
    assert synthetic.main(call) == 0
    assert (tmp_path / "annotations.json").read_bytes() == before
    assert len(tools.visible(tmp_path / "images")) == 3
    assert synthetic.main([*call, "--seed", "1"]) == 0
    assert (tmp_path / "annotations.json").read_bytes() != before


@pytest.mark.parametrize("seed", ["0", "1"])
def test_an_interrupted_run_goes_on(tmp_path, monkeypatch, seed):
    """What an interrupted run has done is used, unless it was of other options."""
    draw, drawn = synthetic.draw_chunk, []

    def stop(options, chunk):
        if chunk == 1:
            raise KeyboardInterrupt
        draw(options, chunk)

    call = [*SMALL, "--count", "40"]
    monkeypatch.setattr(synthetic, "draw_chunk", stop)
    assert synthetic.main([str(tmp_path / "a"), *call]) == 130
    assert not (tmp_path / "a" / "annotations.json").exists()
    monkeypatch.setattr(synthetic, "draw_chunk", draw)
    people = synthetic.SyntheticPeople
    monkeypatch.setattr(
        synthetic, "SyntheticPeople", lambda **k: (drawn.append(k), people(**k))[1]
    )
    assert synthetic.main([str(tmp_path / "a"), *call, "--seed", seed]) == 0
    assert len(drawn) == (1 if seed == "0" else 2)
    assert synthetic.main([str(tmp_path / "b"), *call, "--seed", seed]) == 0
    assert equal(tmp_path / "a", tmp_path / "b")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for children there")
def test_ctrl_c_with_workers(tmp_path):
    command = [
        sys.executable,
        tools.FOLDER / "make_synthetic.py",
        tmp_path,
        "--count",
        "5000",
        "--workers",
        "2",
    ]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    for _ in range(6000):
        if list(tmp_path.glob("images/*.png")):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130, error
    assert "goes on from here" in error
    assert not (tmp_path / "annotations.json").exists()


def test_the_script_explains_itself_and_its_errors(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        synthetic.main(["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert "--split test" in shown
    assert synthetic.main([str(tmp_path), "--people", "0"]) == 1
    assert "people" in capsys.readouterr().err
    assert synthetic.main([str(tmp_path), "--count", "0"]) == 1
    assert "--count = 0: must be at least 1" in capsys.readouterr().err
    assert synthetic.main([str(tmp_path), "--count", str(10**12)]) == 1
    assert "MB are free" in capsys.readouterr().err
    (tmp_path / "file").write_text("in the way")
    assert synthetic.main([str(tmp_path / "file" / "x"), "--count", "1"]) == 1
    assert "cannot be written" in capsys.readouterr().err
