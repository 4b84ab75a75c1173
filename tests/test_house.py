"""The house: the files that install, license, describe and move the course agree."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

import poselab
from poselab.course.files import TEXTS, find_notebooks, find_root, slug_of
from poselab.course.header import TABLE, table

ROOT = find_root()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
IMPORTS = {"pillow": "PIL"}  # where a package is imported under another name
# Imported where they are: on Colab, in a kernel, below ipywidgets.
HOSTS = {"google", "IPython", "matplotlib_inline", "traitlets"}
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


def imported_packages():
    """The top-level names that the package imports, lazy imports included."""
    names = set()
    for file in (ROOT / "poselab").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"poselab"}


def test_every_dependency_is_used_and_nothing_else_is_imported():
    extras = PROJECT["optional-dependencies"]
    always = {IMPORTS.get(n, n) for n in bounds(PROJECT["dependencies"])}
    with_lab = {IMPORTS.get(n, n) for n in bounds(extras["lab"])}
    assert imported_packages() - always - with_lab - HOSTS == set()
    assert always - imported_packages() == set()


def test_there_is_one_version():
    assert PROJECT["version"] == poselab.__version__ == version("poselab")
    assert f"\nversion: {poselab.__version__}\n" in read("CITATION.cff")
    assert f"## {poselab.__version__} - 20" in read("CHANGELOG.md")


def test_the_address_stands_in_no_other_file():
    slug = slug_of(PROJECT["urls"]["Repository"])
    allowed = {"pyproject.toml", *TEXTS} | {p.name for p in find_notebooks(ROOT)}
    places = {
        str(path)
        for path in tracked_files()
        if path.name not in allowed
        and path.parts[:2] != ("tests", "course")  # which moves a course of its own
        and f"github.com/{slug}".encode() in (ROOT / path).read_bytes()
    }
    assert places == set()


def test_every_command_in_the_texts_exists():
    """What the texts tell to type: make targets, modules and scripts."""
    text = read("README.md") + read("CONTRIBUTING.md")
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert len(named) > 5
    assert named <= targets
    modules = set(re.findall(r"-m (poselab[\w.]*)", text))
    assert modules
    assert [m for m in modules if importlib.util.find_spec(m) is None] == []
    scripts = set(re.findall(r"data_scripts/\w+\.py", text))
    assert scripts
    assert [name for name in scripts if not (ROOT / name).is_file()] == []
    assert "make test" in read(".ci/run")


def test_make_help_lists_every_target():
    targets = re.findall(r"^([a-z-]+):.*## (.+)", read("Makefile"), re.MULTILINE)
    phony = read("Makefile").partition(".PHONY:")[2].partition("\n\n")[0]
    assert {name for name, _ in targets} | {"help"} == set(
        re.findall(r"[a-z-]+", phony)
    )
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True)
    for name, what in targets:
        assert re.search(
            rf"^ +{name} +{re.escape(what)}$", printed.stdout, re.MULTILINE
        )


def test_the_readme_s_table_is_that_of_the_notebooks():
    _, _, rest = read("README.md").partition(TABLE[0])
    assert rest.partition(TABLE[1])[0].strip() == table(ROOT)


def test_the_licences_are_whole():
    mit, text = read("LICENSE"), read("LICENSE-text")
    assert mit.startswith("MIT License")
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in mit
    assert text.startswith("Attribution 4.0 International")
    for section in range(1, 9):
        assert f"Section {section} -- " in text
    assert "https://creativecommons.org/licenses/by/4.0/" in read("README.md")


@pytest.mark.parametrize(
    "tool",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        pytest.param(["mypy"], marks=pytest.mark.slow),
        ["codespell_lib", *map(str, tracked_files())],
    ],
    ids=lambda tool: " ".join(tool[:2]),
)
def test_style_types_and_spelling(tool):
    """What `make lint` asks for; the links are in tests/course."""
    command = [sys.executable, "-m", *tool]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_package_says_that_it_has_types():
    assert (ROOT / "poselab" / "py.typed").is_file()
    assert "py.typed" in read("pyproject.toml")
