"""Every cell of every notebook runs, without a network, and gives what is printed.

Strict nbval in a process of its own, starting from an empty cache as a learner does.
Afterwards the times of the cells are added up.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from poselab.course import BUDGET

NBVAL = ("-p", "no:cacheprovider", "--nbval", "--nbval-cell-timeout", str(BUDGET))


def run_nbval(path, folder):
    """The finished process and the seconds that the cells took."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", *NBVAL, f"--junitxml={report}"]
    run = subprocess.run(
        [*command, str(path)],
        env=os.environ | {"POSELAB_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
    )
    cells = ElementTree.parse(report).iter("testcase")
    return run, sum(float(cell.get("time")) for cell in cells)


@pytest.mark.timeout(600)
def test_every_cell_gives_what_is_printed(path, tmp_path):
    run, seconds = run_nbval(path, tmp_path)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert seconds <= BUDGET, f"{path.name} took {seconds:.0f} s of {BUDGET} s"


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
    run, seconds = run_nbval(path, tmp_path)
    assert run.returncode == status, run.stdout
    assert 0 < seconds <= BUDGET
