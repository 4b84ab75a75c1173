"""The house: the files that install, license, describe and move the course agree."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

import poselab
from poselab.course.files import find_notebooks, find_root, slug_of
from poselab.course.header import TABLE, table

ROOT = find_root()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
# What Colab ships (November 2025): installing poselab must not force an upgrade.
COLAB = {
    "torch": "2.11",
    "numpy": "2.1",
    "matplotlib": "3.10",
    "ipywidgets": "7.7",
    "anywidget": "0.9",
}


def bounds(requirements):
    """{"torch": "2.2"} of ["torch>=2.2"]."""
    pairs = (line.split(">=") for line in requirements)
    return {name.strip(): bound.strip() for name, bound in pairs}


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {name.lower().replace("_", "-"): pin for name, pin in pairs}


def numbers(text):
    return [int(part) for part in re.findall(r"\d+", text)]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def tracked_files():
    """The files that are in the repository or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return [
        Path(name) for name in run.stdout.split("\0") if name and (ROOT / name).exists()
    ]


def test_conda_and_pip_install_the_same():
    lines = re.findall(r"^  - ([\w-]+>=[\d.]+)$", read("environment.yml"), re.MULTILINE)
    conda = {CONDA_NAMES.get(name, name): low for name, low in bounds(lines).items()}
    assert f">={conda.pop('python')}" == PROJECT["requires-python"]
    extra = PROJECT["optional-dependencies"]["lab"]
    assert conda == bounds(PROJECT["dependencies"]) | bounds(extra)


def test_every_dependency_has_an_exact_pin_that_is_allowed():
    extras = PROJECT["optional-dependencies"].values()
    wanted = bounds(PROJECT["dependencies"] + [line for e in extras for line in e])
    for name, low in wanted.items():
        assert numbers(pins()[name]) >= numbers(low), name


def test_these_are_the_versions_that_are_installed():
    """Other systems need a few packages less (pexpect), never another version."""
    assert pins()["torch"] == "2.13.0"
    here = {d.name.lower().replace("_", "-"): d.version for d in distributions()}
    found = {name: here[name].partition("+")[0] for name in pins() if name in here}
    assert found == {name: pins()[name] for name in found}
    assert set(bounds(PROJECT["dependencies"])) <= set(found)


def test_nothing_asks_for_more_than_colab_has():
    low = bounds(PROJECT["dependencies"])
    for name, theirs in COLAB.items():
        assert numbers(low[name]) <= numbers(theirs), name


def test_the_dependencies_are_those_of_the_design():
    assert set(bounds(PROJECT["dependencies"])) == {
        "torch",
        "numpy",
        "matplotlib",
        "ipywidgets",
        "anywidget",
        "pycocotools",
        "scipy",
        "pillow",
        "tqdm",
        "safetensors",
    }


def test_there_is_one_version():
    assert PROJECT["version"] == poselab.__version__ == version("poselab")


def test_the_address_stands_in_no_other_file():
    slug = slug_of(PROJECT["urls"]["Repository"])
    allowed = {"pyproject.toml", "README.md"} | {p.name for p in find_notebooks(ROOT)}
    places = {
        str(path)
        for path in tracked_files()
        if path.name not in allowed
        and path.parts[:2] != ("tests", "course")  # which moves a course of its own
        and f"github.com/{slug}".encode() in (ROOT / path).read_bytes()
    }
    assert places == {"tests/test_house.py"} & places


@pytest.mark.parametrize(
    "words",
    [
        "make lab",
        "make test",
        "make repo URL=",
        "Colab",
        "LICENSE-text",
        "MIT",
        "CC BY",
    ],
)
def test_the_readme_tells(words):
    assert words in read("README.md")


def test_the_readme_s_table_is_that_of_the_notebooks():
    _, _, rest = read("README.md").partition(TABLE[0])
    assert rest.partition(TABLE[1])[0].strip() == table(ROOT)


def test_every_file_the_readme_links_to_is_there():
    links = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", read("README.md"))
    names = [a or b for a, b in links if not (a or b).startswith("http")]
    assert len(names) > 4
    assert [name for name in names if not (ROOT / name).is_file()] == []


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", read("README.md"), re.MULTILINE))
    assert len(named) > 5
    assert named <= targets
    assert "make test" in read(".ci/run")


def test_the_licences_are_whole():
    mit, text = read("LICENSE"), read("LICENSE-text")
    assert mit.startswith("MIT License")
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in mit
    assert text.startswith("Attribution 4.0 International")
    for section in range(1, 9):
        assert f"Section {section} -- " in text
    assert "https://creativecommons.org/licenses/by/4.0/" in read("README.md")


def test_the_code_is_in_the_style():
    ruff = [sys.executable, "-m", "ruff", "check", "."]
    run = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
