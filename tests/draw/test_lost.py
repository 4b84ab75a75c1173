"""Figures of where AP is lost."""

import pytest
from matplotlib.figure import Figure

from poselab.draw.lost import REST, ap_of_noise, ap_steps

STEPS = {"system": 0.5, "boxes": 0.55, "hidden joints": 0.75}


def test_the_steps_add_up_to_one():
    ax = Figure().subplots()
    gains = ap_steps(ax, STEPS, "where it is lost")
    assert list(gains) == [*STEPS, REST]
    assert sum(gains.values()) == pytest.approx(1.0)
    assert gains["boxes"] == pytest.approx(0.05)
    assert [bar.get_x() for bar in ax.patches] == pytest.approx([0, 0.5, 0.55, 0.75])


def test_the_curve_has_a_line_for_each_system():
    ax = Figure().subplots()
    ap_of_noise(ax, {1.0: 0.75, 2.0: 0.42}, {"top_down": 0.5})
    assert len(ax.lines) == 2
    assert ax.lines[1].get_ydata()[0] == 0.5
