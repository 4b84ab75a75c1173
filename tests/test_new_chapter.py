"""CONTRIBUTING.md's walk for a toy chapter: new files alone, and all of it is found."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from poselab.course.contract import problems
from poselab.course.files import address, find_root
from tests.course.conftest import CHECK, small_notebook

pytestmark = pytest.mark.slow
ROOT = find_root()
TOY = Path(__file__).parent / "support" / "toy_chapter"
NOTEBOOK = "19_toy.ipynb"


def content(folder):
    files = (p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def toy_notebook():
    """The small notebook of the course tests as chapter 19, with the real checks."""
    nb = small_notebook()
    for cell in nb.cells:
        cell.source = cell.source.replace("01 · Small", "19 · Toy").replace(
            "small.double", "toy.double"
        )
        cell.source = cell.source.replace(CHECK, "from poselab.checks import check")
    numbers = iter("123")
    for cell in nb.cells:
        if cell.source.startswith('check("toy.double"'):
            number = next(numbers)
            cell.source = f'check("toy.double{number}", double{number})'
    return nb


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course with the chapter's own files added, and with nothing else changed."""
    folder = tmp_path_factory.mktemp("course")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "poselab", folder / "poselab", ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy2(ROOT / name, folder / name)
    before = content(folder)
    shutil.copytree(TOY, folder, ignore=ignored, dirs_exist_ok=True)
    (folder / "notebooks").mkdir()
    nbformat.write(toy_notebook(), folder / "notebooks" / NOTEBOOK)
    after = content(folder)
    assert {name: after[name] for name in before} == before, "a new file replaced one"
    return folder


def python(course, *arguments):
    """The output of Python in the copy; `-c` code or `-m` module and arguments."""
    path = os.pathsep.join([str(course), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=course,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


FOUND = """
import json
import torch
from poselab import checks, explore, models, recipes
from poselab.datasets import SyntheticPeople

net = models.build("toy")
recipe = recipes.find("toy_tiny")
codec = recipe.reader()
samples = SyntheticPeople(seed=1).batch(2)
inputs, targets = codec.encode(samples)
output = net(*inputs)
explorer = explore.ToyExplorer(samples)
print(json.dumps({
    "names": "toy_tiny" in recipes.names(),
    "chapter": recipes.chapter_of("toy_tiny"),
    "loss": float(codec.loss(output, targets)),
    "keypoints": list(codec.decode(output).keypoints.shape),
    "moved": all(n > 1 for n in explorer.sweep().values()),
    "right": checks.check("toy.double1", lambda x: 2 * x).status,
    "wrong": str(checks.check("toy.double1", lambda x: x * x)),
}))
"""


def test_model_recipe_codec_explorer_and_check_are_found_by_their_place(course):
    found = json.loads(python(course, "-c", FOUND))
    assert found["names"]
    assert found["chapter"] == "19"
    assert found["loss"] > 0
    assert found["keypoints"] == [2, 1, 17, 2]
    assert found["moved"]
    assert found["right"] == "right"
    assert "You squared the number" in found["wrong"]


LOADED = """
import json
import torch
from poselab import zoo

net = zoo.load("toy_tiny")
images = torch.rand(2, 3, 128, 96, generator=torch.Generator().manual_seed(0))
poses = net.codec.decode(net(net.normalise(images)))
print(json.dumps([net.name, net.training, net.card["recipe"]["model"],
                  list(poses.keypoints.shape)]))
"""


def test_it_is_trained_from_the_shell_and_loaded_by_name(course):
    python(course, "-m", "poselab.train", "toy_tiny", "--device", "cpu")
    assert (course / "poselab" / "zoo" / "toy_tiny.safetensors").is_file()
    name, training, model, shape = json.loads(python(course, "-c", LOADED))
    assert (name, training, model) == ("toy_tiny", False, "toy")
    assert shape == [2, 1, 17, 2]


def test_its_notebook_is_run_and_listed(course):
    printed = python(course, "-m", "poselab.course", "notebooks", "19")
    assert re.fullmatch(rf"{NOTEBOOK}: [\d.]+ s\n", printed)
    nb = nbformat.read(course / "notebooks" / NOTEBOOK, as_version=4)
    assert problems(nb, NOTEBOOK, address(ROOT)) == []
    assert f"[19 · Toy](notebooks/{NOTEBOOK})" in (course / "README.md").read_text()


def test_the_toy_is_the_one_that_contributing_describes():
    walk = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in TOY.rglob("*.py"):
        assert path.relative_to(TOY).as_posix() in walk
    assert f"notebooks/{NOTEBOOK}" in walk
    assert Path(__file__).relative_to(ROOT).as_posix() in walk
