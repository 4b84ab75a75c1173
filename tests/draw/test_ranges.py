"""Arms of an ablation: what is drawn is what the rows say."""

import pytest

from poselab import draw
from poselab.errors import ArgumentError

ROWS = [
    {"arm": arm, "seed": seed, "scores": {"PCK@0.1": value, "PCK@0.2": 1.0}}
    for arm, values in (("with", (0.8, 0.9, 0.85)), ("without", (0.5, 0.7, 0.6)))
    for seed, value in enumerate(values)
]


def test_each_arm_has_its_seeds_its_mean_and_its_range():
    _, ax = draw.figure()
    found = draw.arms(ax, ROWS, "PCK@0.1", "Does it help?")
    assert list(found) == ["with", "without"]
    assert found["with"] == pytest.approx((0.85, 0.8, 0.9))
    assert found["without"] == pytest.approx((0.6, 0.5, 0.7))
    bar, dots, mean = ax.lines[:3]
    assert list(bar.get_xdata()) == [0.8, 0.9]
    assert list(dots.get_xdata()) == [0.8, 0.9, 0.85]
    assert mean.get_xdata()[0] == pytest.approx(0.85)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["with", "without"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first arm is on top
    assert ax.get_xlabel() == "PCK@0.1"


def test_a_score_that_is_not_there():
    _, ax = draw.figure()
    with pytest.raises(ArgumentError, match="'AP'.*Known: PCK@0.1, PCK@0.2"):
        draw.arms(ax, ROWS, "AP")
    assert draw.arms(ax, [], "AP") == {}
