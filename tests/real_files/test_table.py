"""The table of kinds names tests that exist, and every file here is in it."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROWS = re.findall(
    r"^\| (\d+) .*\| (.*) \|$",
    (HERE / "README.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
NAMED = sorted({name for _, cell in ROWS for name in re.findall(r"`(\S+)`", cell)})


@pytest.mark.parametrize("name", NAMED)
def test_a_test_of_the_table_exists(name):
    file, _, test = name.partition("::")
    path = ROOT / file if "/" in file else HERE / file
    assert not test or f"\ndef {test}(" in path.read_text(encoding="utf-8")


def test_every_kind_and_every_file_is_in_the_table():
    assert sorted({int(number) for number, _ in ROWS}) == list(range(1, 11))
    here = {path.name for path in HERE.glob("test_*.py")} - {"test_table.py"}
    assert here <= {name.partition("::")[0] for name in NAMED}
