"""Kind 5: what can fail is tried before the work; leftovers go; errors are one line."""

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from poselab import recipes, zoo
from poselab.errors import ArgumentError, CheckpointError, PoselabError
from poselab.models import save_weights
from poselab.recipes import simple_baseline
from poselab.system import disk, gpu
from poselab.train import Schedule
from poselab.train.__main__ import main
from tests.support.annotation_files import category, content, person, points, write

needs_posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX")


def dead_process():
    """The number of a process that is over."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@needs_posix
def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path):
    machine = disk._machine()
    dead = tmp_path / f".a.safetensors.{machine}-{dead_process()}-0123abcd.tmp"
    alive = tmp_path / f".a.safetensors.{machine}-{os.getpid()}-0123abcd.tmp"
    elsewhere = tmp_path / f".a.safetensors.{'0000'}-{dead_process()}-0123abcd.tmp"
    own = tmp_path / ".notes.tmp"
    for path in (dead, alive, elsewhere, own):
        path.write_text("half")
    with disk.replace_file(tmp_path / "b.txt") as draft:
        draft.write_text("whole")
        assert disk._LEFTOVER.fullmatch(draft.name)
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {"b.txt", alive.name, elsewhere.name, own.name}


@needs_posix
def test_a_process_that_is_killed_while_it_writes(tmp_path):
    code = (
        "import os, signal, sys, pathlib\n"
        "from poselab.system.disk import replace_file\n"
        "with replace_file(pathlib.Path(sys.argv[1])) as draft:\n"
        "    draft.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "weights.safetensors"
    subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with disk.replace_file(target) as draft:
        draft.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_a_folder_is_tried_before_it_is_needed(tmp_path):
    made = disk.require_folder(tmp_path / "new" / "runs", "--out", room=1000)
    assert made.is_dir()
    assert list(made.iterdir()) == []
    (tmp_path / "afile").touch()
    for path in (tmp_path / "afile", tmp_path / "afile" / "runs"):
        with pytest.raises(ArgumentError, match="--out.*file where a folder belongs"):
            disk.require_folder(path, "--out")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_a_folder_that_cannot_be_written_is_named():
    with pytest.raises(ArgumentError, match="--out = '/proc': cannot be written"):
        disk.require_folder("/proc", "--out")


@needs_posix
def test_too_little_room_is_found_out(tmp_path):
    """A limit on the size of files stands for a full disk."""
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))\n"
        "from poselab.system.disk import require_folder\n"
        "require_folder(sys.argv[1], '--out', 1_000_000)\n"
        "require_folder(sys.argv[1], '--out', 136_000_000)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert "cannot be written with the 136 MB that are needed" in done.stderr
    assert "ArgumentError" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("device", ["mps", "tpu", "cuda:99", "", "meta", "cpu:x"])
def test_a_device_that_is_not_there_is_one_line(device):
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(ArgumentError, match="--device") as caught:
        gpu.require_device(device)
    assert "\n" not in str(caught.value)
    assert gpu.require_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((7, 5), None),
        ((7, 0), None),
        ((8, 0), torch.bfloat16),
        ((9, 0), torch.bfloat16),
    ],
)
def test_bfloat16_is_asked_of_the_gpu(monkeypatch, capability, expected):
    """T4 is 7.5, V100 7.0, A100 8.0, H100 9.0."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert gpu.half_type("cuda") is expected
    assert gpu.half_type("cpu") is None


def test_bfloat16_on_a_processor_is_asked_for_and_only_where_it_has_units(monkeypatch):
    for units, expected in ((True, torch.bfloat16), (False, None)):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda units=units: units
        )
        assert gpu.half_type("cpu") is None
        if expected is None:
            with pytest.raises(ArgumentError, match="does not multiply in bfloat16"):
                gpu.half_type("cpu", asked=True)
        else:
            assert gpu.half_type("cpu", asked=True) is expected


def test_running_out_of_memory_is_one_line_with_a_batch_size():
    for size, advice in ((64, "--batch-size 32"), (1, "larger GPU")):
        with pytest.raises(PoselabError, match=advice) as caught:
            with gpu.memory_of(size):
                raise torch.cuda.OutOfMemoryError(
                    "CUDA out of memory. Tried to\n allocate"
                )
        assert "\n" not in str(caught.value)


# --- the command line ----------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    """A paper's recipe that is over in a second."""
    recipe = replace(
        recipes.find("simple_baseline_r50"),
        arguments={"depth": 10, "width": 8, "filters": 8},
        codec={**recipes.find("simple_baseline_r50").codec, "size": (64, 64)},
        stages=(Schedule(epochs=1, batch_size=2, lr=1e-3, weight_decay=0.0),),
        near_zero=("final_layer",),
    )
    monkeypatch.setitem(simple_baseline.PAPER, "small", recipe)
    return recipe


@pytest.fixture
def good(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "good", content([person(), person(2, 2)], images=2))
    return tmp_path


def train(*words, name="small"):
    main([name, "--data", "coco:good", "--device", "cpu", "--out", "runs", *words])


def refused(*words, **options):
    """The one line that the command ends in; nothing was trained."""
    with pytest.raises(SystemExit) as caught:
        train(*words, **options)
    assert isinstance(caught.value.code, str)
    assert "\n" not in caught.value.code
    assert not list(Path("runs").glob("*.safetensors")) if Path("runs").is_dir() else 1
    return caught.value.code


@pytest.fixture
def no_training(monkeypatch):
    """Whoever takes a first step fails the test."""

    def step(*_):
        raise AssertionError("it has started")

    monkeypatch.setattr("poselab.train.run.Run.step", step)


def test_the_weights_are_there_whatever_the_validation_holds(good, small):
    crowd = person(9, iscrowd=1, keypoints=..., num_keypoints=...)
    ball = {"id": 9, "image_id": 1, "category_id": 2, "bbox": [5, 5, 9, 9], "area": 81}
    kinds = [category(), category(2, "sports ball", keypoints=...)]
    write(good / "crowd", content([person(), person(2, 2), crowd], images=2))
    write(good / "ball", content([person(), person(2, 2), ball], kinds, images=2))
    for val in ("crowd", "ball"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train("--val", f"coco:{val}")
        card = json.loads((good / "runs/small.json").read_text())
        assert card["scores"]["AP"] >= 0
        assert card["left_out"] == {"crowds": 0, "people without joints": 0}
        assert (good / "runs/small.safetensors").is_file()


def test_weights_are_written_before_the_score(good, small, monkeypatch):
    def fails(*_):
        raise PoselabError("the score fails")

    monkeypatch.setattr("poselab.train.__main__.coco_scores", fails)
    with pytest.raises(SystemExit, match="the score fails"):
        train("--val", "coco:good")
    assert {p.name for p in (good / "runs").iterdir()} >= {
        "small.safetensors",
        "small.json",
    }


def test_weights_go_elsewhere_where_their_folder_fails(good, small, monkeypatch):
    real = save_weights

    def full(net, path, half=True):
        if path.parent.name == "runs":
            raise CheckpointError("no space left", where=path)
        real(net, path, half)

    monkeypatch.setattr("poselab.zoo.cards.save_weights", full)
    with pytest.raises(SystemExit) as caught:
        train()
    folder = Path(re.search(r"card are in (\S+?)[.\s]", caught.value.code)[1])
    assert (folder / "small.safetensors").is_file()
    assert (folder / "small.json").is_file()


def missing_image(good):
    write(good / "val", content([person(), person(2, 2)], images=2))
    (good / "val/images/2.png").unlink()


def own_joints(good):
    names = ["head", "tail", "paw_left", "paw_right"]
    four = person(keypoints=points(joints=4), num_keypoints=4)
    write(good / "val", content([four], [category(keypoints=names)]))


def broken_truth(good):
    write(good / "val", content([person(bbox=[0, 0, -3, 4])]))


BEFORE = {
    "an image of --val": (missing_image, ["--val", "coco:val"], "2.png"),
    "joints of --val without sigmas": (own_joints, ["--val", "coco:val"], "sigmas"),
    "annotations of --val": (broken_truth, ["--val", "coco:val"], "negative width"),
    "no --val": (None, ["--val", "coco:none"], "no folder none"),
    "a file for a folder": (None, ["--out", "afile"], "file where a folder belongs"),
    "a checkpoint in a file": (None, ["--checkpoint", "afile"], "--checkpoint"),
    "a bad device": (None, ["--device", "mps:7"], "--device"),
    "no such start": (None, ["--start", "none.pth"], "no such file"),
    "a start that is a page": (None, ["--start", "page.pth"], "HTML page"),
    "a start of another network": (None, ["--start", "other.pth"], "of the backbone"),
}


@pytest.mark.parametrize("case", BEFORE)
def test_what_would_fail_later_fails_before_the_first_step(
    good, small, no_training, case
):
    make, words, said = BEFORE[case]
    (good / "afile").touch()
    (good / "page.pth").write_text("<html></html>")
    torch.save({"conv1.weight": torch.zeros(3)}, good / "other.pth")
    if make is not None:
        make(good)
    assert said in refused(*words)


def test_an_image_of_the_training_data_is_missed_before(good, small, no_training):
    (good / "good/images/2.png").unlink()
    assert "2.png" in refused()


def test_a_damaged_note_is_one_line(good, small):
    train("--checkpoint", "ck")
    note = next((good / "ck").rglob("words.json"))
    note.write_text("")
    shutil.rmtree(good / "runs")
    assert "words.json in it is damaged" in refused("--checkpoint", "ck")


def test_our_own_checkpoint_can_be_a_start(good, small, capsys):
    train("--checkpoint", "ck")
    state = next((good / "ck").rglob("stage_1.pt"))
    train("--start", str(state))
    card = json.loads((good / "runs/small.json").read_text())
    assert card["start"]["file"] == str(state)
    found = re.fullmatch(
        r"(\d+) of (\d+) tensors of the backbone, (\d+) of (\d+) of the head",
        card["start"]["taken"],
    )
    assert found[1] == found[2]
    assert found[3] == found[4]
    assert card["start"]["taken"] in capsys.readouterr().out


def test_other_joints_than_coco_s_are_trained_and_loaded(good, small):
    """The names of the file decide; the card keeps them."""
    names = ["head", "tail", "paw_left", "paw_right"]
    four = [person(i, i, keypoints=points(joints=4), num_keypoints=4) for i in (1, 2)]
    kinds = [category(3, "dog", keypoints=names, skeleton=[[1, 2]])]
    four = [{**p, "category_id": 3} for p in four]
    write(good / "good", content(four, kinds, images=2))
    train()
    card = json.loads((good / "runs/small.json").read_text())
    assert card["recipe"]["arguments"]["joints"] == 4
    net = zoo.load("small", folder=good / "runs")
    assert net.codec.skeleton.joints == tuple(names)
    assert net.codec.skeleton.flip_pairs == ((2, 3),)
    assert net(torch.zeros(1, 3, 64, 64)).shape[1] == 4
    assert "joints of dog" in refused_val(good)


def refused_val(good):
    """What is said where --val has other joints than --data."""
    shutil.rmtree(good / "runs")
    write(good / "val", content([person()]))
    return refused("--val", "coco:val")
