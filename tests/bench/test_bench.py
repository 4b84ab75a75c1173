"""The measurements that the course quotes run, and do not compare the wrong things."""

import pytest

from poselab import bench, bench_metrics


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


def test_boxes_are_faster_all_at_once(capsys):
    """`top_down` asserts equal answers first."""
    values = measured(capsys, "top_down", 3)
    assert values["RoIAlign loop / RoIAlign"] > 10
    assert values["NMS loop / NMS"] > 10


def test_our_ap_is_faster_than_pycocotools_and_all_metrics_follow_a_drag(
    capsys, monkeypatch
):
    """`metrics` asserts equal numbers first; a twentieth of its images, fair bounds."""
    monkeypatch.setattr(bench_metrics, "IMAGES", 100)
    values = measured(capsys, "metrics", 3)
    assert values["pycocotools / vectorised"] > 7
    assert values["all metrics / 5 ms"] < 8


def test_unknown_measurement():
    with pytest.raises(SystemExit):
        bench.main(["nothing"])
