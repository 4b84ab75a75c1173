"""Kind 5: what can fail is tried before the work; leftovers go; errors are one line."""

import os
import subprocess
import sys

import pytest
import torch

from poselab.errors import ArgumentError, PoselabError
from poselab.system import disk, gpu

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


def test_running_out_of_memory_is_one_line_with_a_batch_size():
    for size, advice in ((64, "--batch-size 32"), (1, "larger GPU")):
        with pytest.raises(PoselabError, match=advice) as caught:
            with gpu.memory_of(size):
                raise torch.cuda.OutOfMemoryError(
                    "CUDA out of memory. Tried to\n allocate"
                )
        assert "\n" not in str(caught.value)
