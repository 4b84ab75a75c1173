"""Moving the course to a fork, and back."""

import nbformat
import pytest

from poselab.course import CourseError
from poselab.course.__main__ import main
from poselab.course.contract import problems
from poselab.course.files import (
    address,
    find_notebooks,
    readdress,
    rewrite_address,
    slug_of,
)
from poselab.course.header import write_table
from poselab.course.run import remake
from tests.course.conftest import NAME, URL

FORK = "https://github.com/ana-b/pose.course"


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "url", [FORK, FORK + "/", FORK + ".git", "git@github.com:ana-b/pose.course.git"]
)
def test_every_way_to_write_an_address(url):
    assert slug_of(url) == "ana-b/pose.course"


@pytest.mark.parametrize(
    "url", ["", "ana/pose", "https://gitlab.com/a/b", "https://github.com/a"]
)
def test_no_address_gets_a_clear_error_and_changes_nothing(course, url):
    before = contents(course)
    with pytest.raises(CourseError, match="GitHub repository.*URL="):
        rewrite_address(course, url)
    assert contents(course) == before


@pytest.mark.slow
def test_a_fork_gets_every_badge_and_setup_cell(course):
    remake(course / "notebooks" / NAME, URL)
    write_table(course)
    original = contents(course)
    changed = rewrite_address(course, FORK)
    assert {path.name for path in changed} == {"pyproject.toml", "README.md", NAME}
    assert address(course) == FORK
    nb = nbformat.read(course / "notebooks" / NAME, as_version=4)
    assert problems(nb, NAME, FORK) == []
    rewrite_address(course, URL + ".git")
    assert contents(course) == original


def test_a_fork_is_cited_under_its_own_address(course):
    citation = course / "CITATION.cff"
    citation.write_text(f'repository-code: "{URL}"\n')
    assert citation in rewrite_address(course, FORK)
    assert citation.read_text() == f'repository-code: "{FORK}"\n'


def test_other_repositories_are_left_alone(course):
    rewrite_address(course, FORK)
    text = (course / "README.md").read_text()
    assert "https://github.com/ana-b/pose.course.git" in text
    assert "https://github.com/ana-b/pose.course. Not" in text
    assert "https://github.com/poselab/poselab-old" in text


def test_only_whole_names_are_rewritten():
    text = "github.com/a/b github.com/a/b.js github.com/a/b/c github.com/a/bb x/a/b"
    moved = "github.com/c/d github.com/a/b.js github.com/c/d/c github.com/a/bb x/a/b"
    assert readdress(text, "a/b", "c/d") == moved


def test_the_table_lists_the_notebooks_with_their_times(course):
    write_table(course)
    text = (course / "README.md").read_text()
    row = f"| [01 · Small](notebooks/{NAME}) | 5 min | not yet run |  | 00 |"
    assert row in text
    write_table(course)
    assert (course / "README.md").read_text() == text


def test_a_readme_without_a_place_for_the_table(course):
    (course / "README.md").write_text("nothing")
    with pytest.raises(CourseError, match=r"README\.md: has no"):
        write_table(course)


def test_notebooks_are_chosen_by_number(course):
    (course / "notebooks" / "02_other.ipynb").write_text("{}")
    assert [path.name for path in find_notebooks(course, ["01"])] == [NAME]
    assert len(find_notebooks(course)) == 2
    with pytest.raises(ValueError, match="no such notebook"):
        find_notebooks(course, ["07"])


def test_the_command_line_says_what_is_wrong(capsys):
    assert main(["repo", "nowhere"]) == 1
    assert capsys.readouterr().err.startswith("error: URL = 'nowhere'")
