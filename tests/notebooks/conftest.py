"""Every test here that asks for `path` runs once for each notebook of the course."""

import nbformat
import pytest

from poselab.course.files import find_notebooks, find_root

PATHS = find_notebooks(find_root())


def pytest_generate_tests(metafunc):
    if "path" in metafunc.fixturenames:
        metafunc.parametrize("path", PATHS, ids=lambda path: path.stem)


@pytest.fixture
def nb(path):
    return nbformat.read(path, as_version=4)
