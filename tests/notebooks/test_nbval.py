"""Every cell of every notebook runs, without a network, and gives what is printed.

Strict nbval in a process of its own, starting from an empty cache as a learner does.
How long a notebook takes on a quiet machine is measured by `make notebooks` and stands
in its header; here a slow or busy machine only takes longer.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from poselab.course import PATIENCE

SANITIZE = Path(__file__).with_name("sanitize.ini")
NBVAL = (
    *("-p", "no:cacheprovider", "--nbval", "--nbval-cell-timeout", str(PATIENCE)),
    *("--nbval-sanitize-with", str(SANITIZE)),
)


def run_nbval(path, folder):
    """The finished process; its exit status is 1 where a cell gives something else."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *NBVAL, str(path)],
        env=os.environ | {"POSELAB_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
    )


@pytest.mark.timeout(4 * PATIENCE)
def test_every_cell_gives_what_is_printed(path, tmp_path):
    run = run_nbval(path, tmp_path)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


OUTSIDE = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"


@pytest.mark.parametrize(
    ("source", "printed", "status"),
    [("1 + 1", "2", 0), ("1 + 1", "3", 1), ("1 / 0", "2", 1), (OUTSIDE, "2", 1)],
    ids=["as printed", "not as printed", "error", "network"],
)
def test_a_spoilt_notebook_fails(tmp_path, source, printed, status):
    """The same call on one cell, which fails unless it runs and gives the same."""
    output = new_output("execute_result", {"text/plain": printed}, execution_count=1)
    cell = new_code_cell(source, outputs=[output], execution_count=1)
    path = tmp_path / "small.ipynb"
    nbformat.write(new_notebook(cells=[cell]), path)
    run = run_nbval(path, tmp_path)
    assert run.returncode == status, run.stdout
