"""The table of kinds names tests that exist, and every test here is in it."""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_the_table_and_the_tests_agree():
    text = (HERE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) .*\| (.*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 11))
    named = {name for _, cell in rows for name in re.findall(r"`(\S+\.py)`", cell)}
    for name in named:
        assert (ROOT / name if "/" in name else HERE / name).is_file(), name
    here = {path.name for path in HERE.glob("test_*.py")} - {"test_table.py"}
    assert here <= named
