"""The measurements that the course quotes run, and do not compare the wrong things."""

import pytest
import torch

from poselab import bench, bench_official


def measured(capsys, name, repeats):
    bench.main([name, "--repeats", str(repeats)])
    lines = capsys.readouterr().out.splitlines()
    pairs = (line.removesuffix(" s").rsplit(maxsplit=1) for line in lines[1:])
    return {name: float(value) for name, value in pairs}


def test_drawing_costs_about_a_training_step_and_windows_save_most_of_it(capsys):
    """On a quiet machine: less than one step, and 30 times."""
    values = measured(capsys, "render", 1)
    assert values["render / step"] < 2
    assert values["full / tight"] > 5


def test_maps_are_faster_than_loops_over_joints(capsys):
    """`codecs` asserts equal numbers first; the bounds leave room for other work."""
    values = measured(capsys, "codecs", 3)
    assert values["draw loop / draw"] > 5
    assert values["DARK loop / DARK"] > 4


@pytest.mark.parametrize("name", bench_official.PAIRS)
def test_networks_are_no_slower_and_no_larger_than_plain_ones(name):
    """`compare` asserts equal answers; at the paper's size the ratio is about 1."""
    values = bench_official.compare(name, 3, size=(96, 96))
    assert values[f"{name} / {name} plain"] < 1.5  # other work on the machine
    assert values[f"memory {name} / {name} plain"] <= 1.001


def test_the_most_that_is_held_at_once():
    with bench_official.Peak() as peak:
        a = torch.zeros(1000)  # 4000 bytes
        b = a + 1  # 8000
        b.relu_()  # in place
        del a
        c = b.view(10, 100) * 2  # 8000 again: the view is b's
        del b
        assert peak.now == 4000
    assert c.shape == (10, 100)
    assert peak.most == 8000


def test_unknown_measurement():
    with pytest.raises(SystemExit):
        bench.main(["nothing"])
