"""The course elsewhere: as a wheel, as a fork, on a machine that lacks something."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import poselab
from poselab import zoo
from poselab.course.files import address, find_notebooks, slug_of
from tests.test_house import ROOT, tracked_files

KINDS = {".md", ".toml", ".ipynb", ".yml", ".py"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the files that a fresh clone would have."""
    folder = tmp_path_factory.mktemp("copy") / "poselab"
    for path in tracked_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    return folder


@pytest.fixture(scope="module")
def installed(copy, tmp_path_factory):
    """A folder that holds nothing but what the wheel installs."""
    wheels = tmp_path_factory.mktemp("wheels")
    target = tmp_path_factory.mktemp("installed")
    build = ["build", "--no-isolation", "--wheel", "--outdir", str(wheels), str(copy)]
    run([*build])
    [wheel] = wheels.glob("*.whl")
    run(
        [
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--target",
            str(target),
            str(wheel),
        ]
    )
    return target


def run(module_and_arguments, **named):
    command = [sys.executable, "-m", *module_and_arguments]
    done = subprocess.run(command, capture_output=True, text=True, **named)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


USE = """
import json, sys
import poselab
from importlib.resources import files
from poselab import checks, zoo
from poselab.explore import canvas
print(json.dumps({
    "where": poselab.__file__,
    "weights": [sum(p.numel() for p in zoo.load(n).parameters()) for n in zoo.names()],
    "exercises": len(checks.all_exercises()),
}))
"""


def test_the_wheel_works_without_the_repository(installed, tmp_path):
    """From another folder, with the package's data: weights, cards, the canvas."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    code = [sys.executable, "-c", USE]
    done = subprocess.run(
        code, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["where"]).is_relative_to(installed)
    assert len(found["weights"]) == len(zoo.names()) > 0
    assert min(found["weights"]) > 1000
    assert found["exercises"] >= 6


def test_the_wheel_holds_every_data_file_and_no_test(installed, copy):
    def data(folder):
        paths = (p for p in folder.rglob("*") if p.is_file())
        return {p.relative_to(folder) for p in paths if p.suffix not in (".py", ".pyc")}

    assert data(installed / "poselab") == data(copy / "poselab")
    assert {path.name for path in installed.iterdir()} == {
        "poselab",
        f"poselab-{poselab.__version__}.dist-info",
    }


def test_a_fork_is_made_with_one_command_and_undone_with_another(copy):
    def contents():
        return {p: p.read_bytes() for p in copy.rglob("*") if p.suffix in KINDS}

    def move(url):
        run(["poselab.course", "repo", url], cwd=copy)

    old = address(copy)
    before = contents()
    move("https://github.com/ana/pose-course")
    forked = contents()
    assert f"github.com/{slug_of(old)}".encode() not in forked[copy / "README.md"]
    for path in find_notebooks(copy):
        text = forked[path].decode()
        assert "git+https://github.com/ana/pose-course" in text
        assert "colab.research.google.com/github/ana/pose-course/blob" in text
        assert "mybinder.org/v2/gh/ana/pose-course/" in text
        assert slug_of(old) not in text
    move(old)
    assert contents() == before


@pytest.fixture
def make(copy):
    """`make` in the copy, where nothing has been installed; its exit status, output."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")

    def call(*arguments):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        command = ["make", "-C", str(copy), "--no-print-directory", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return call


def test_an_old_python_is_told_what_to_do(make, copy):
    status, output = make("lab", "PYTHON=")
    assert status != 0
    assert "needs Python 3.11 or newer" in output
    assert "make lab PYTHON=" in output
    assert not (copy / ".venv").exists()


def test_lab_suits_a_laptop_and_a_server(make):
    _, laptop = make("-n", "lab")
    _, server = make("-n", "lab", "PORT=9000", "BROWSER=no")
    assert "notebooks/00_welcome.ipynb" in laptop
    assert "--no-browser" not in laptop
    assert "--port=9000" in server
    assert "--no-browser" in server
    assert ("--allow-root" in laptop) == (os.geteuid() == 0)
    assert "token" not in laptop.lower() + server.lower()


def test_a_fork_needs_an_address(copy):
    command = [sys.executable, "-m", "poselab.course", "repo", ""]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Write URL=https://github.com/you/poselab" in done.stderr
