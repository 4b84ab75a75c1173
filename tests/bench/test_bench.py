"""The measurements that the course quotes run, and compare equal things."""

import pytest

from poselab.bench import __main__ as command
from poselab.bench import metrics as bench_metrics


def measured(capsys, name, repeats):
    command.main([name, "--repeats", str(repeats)])
    lines = capsys.readouterr().out.splitlines()
    pairs = (line.removesuffix(" s").rsplit(maxsplit=1) for line in lines[1:])
    return {name: float(value) for name, value in pairs}


RATIOS = {
    "render": {"render / step", "full / tight"},
    "codecs": {"draw loop / draw", "DARK loop / DARK", "fields loop / fields, 8"},
    "top_down": {"RoIAlign loop / RoIAlign", "NMS loop / NMS"},
    "metrics": {"pycocotools / vectorised", "all metrics / 5 ms"},
    "track": {"link and score / 20 ms"},
}


@pytest.mark.parametrize("name", RATIOS)
def test_a_bench_compares_equal_answers_and_prints_its_ratios(
    name, capsys, monkeypatch
):
    """Each bench asserts equal numbers first. How fast is measured, not tested."""
    monkeypatch.setattr(bench_metrics, "IMAGES", 20)
    values = measured(capsys, name, 1)
    assert RATIOS[name] <= set(values)
    assert all(value > 0 for value in values.values())


def test_unknown_measurement():
    with pytest.raises(SystemExit):
        command.main(["nothing"])
