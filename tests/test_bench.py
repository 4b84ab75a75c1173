"""The measurements that the course quotes run, and do not compare the wrong things."""

import pytest

from poselab import bench


def test_maps_are_faster_than_loops_over_joints(capsys):
    """`codecs` asserts equal numbers first; the bounds leave room for other work."""
    bench.main(["codecs", "--repeats", "3"])
    lines = capsys.readouterr().out.splitlines()
    pairs = (line.removesuffix(" s").rsplit(maxsplit=1) for line in lines[1:])
    values = {name: float(value) for name, value in pairs}
    assert values["draw loop / draw"] > 5
    assert values["DARK loop / DARK"] > 4


def test_unknown_measurement():
    with pytest.raises(SystemExit):
        bench.main(["nothing"])
