"""Links: those of the course hold, and each kind of fault is found."""

import json

import pytest

from poselab.course.files import find_root
from poselab.course.links import anchors, broken_links, find_links, find_texts

PYPROJECT = '[project.urls]\nRepository = "https://github.com/poselab/poselab"\n'


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "OTHER.md").write_text("# A `code` heading\n\n## Again\n## Again\n")
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def faults(root, text):
    (root / "README.md").write_text(text)
    return [fault.split(": ")[-1] for fault in broken_links(root)]


def test_every_link_of_the_course_holds():
    names = {path.name for path in find_texts(find_root())}
    assert {"README.md", "00_welcome.ipynb"} <= names
    assert broken_links(find_root()) == []


@pytest.mark.parametrize(
    "text",
    [
        "[a](OTHER.md) and [b](OTHER.md#again-1), [c](notebooks)",
        "[a](OTHER.md#a-code-heading)",
        "[here](#top)\n\n# Top",
        "![picture](OTHER.md) <https://arxiv.org/abs/1312.4659>",
        "[a](https://github.com/poselab/poselab/blob/main/OTHER.md)",
        "`[code](nowhere.md)`\n```\n[more](nowhere.md)\n```\n",
    ],
)
def test_links_that_hold(root, text):
    assert faults(root, text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](NOWHERE.md)", "there is no such file"),
        ("[a](OTHER.md#twice)", "OTHER.md has no heading #twice"),
        ("[a](#top)", "README.md has no heading #top"),
        ('<img src="no.png">', "there is no such file"),
        ("[a](https://arxiv/abs)", "is no web address"),
        ("[a](htps://arxiv.org)", "is no address for a reader"),
        (
            "[a](https://github.com/poselab/poselab/blob/main/NOWHERE.md)",
            "there is no such file",
        ),
        ("[![badge](no.svg)](OTHER.md)", "there is no such file"),
    ],
)
def test_links_that_do_not(root, text, fault):
    assert faults(root, text) == [fault]


def test_a_notebook_s_markdown_is_read_and_its_code_is_not(root):
    cells = [
        {"cell_type": "markdown", "source": ["[a](../NOWHERE.md)"]},
        {"cell_type": "code", "source": ["'[a](../NOTHING.md)'"]},
    ]
    file = root / "notebooks" / "01_toy.ipynb"
    file.write_text(json.dumps({"cells": cells}))
    assert broken_links(root) == [
        "notebooks/01_toy.ipynb: ../NOWHERE.md: there is no such file"
    ]


def test_anchors_are_github_s():
    text = "# Where it lives, and why?\n## `make` it\n## `make` it\n"
    assert anchors(text) == {"where-it-lives-and-why", "make-it", "make-it-1"}


def test_a_badge_is_two_links():
    assert list(find_links("[![a](b.svg)](c.md)")) == ["c.md", "b.svg"]
