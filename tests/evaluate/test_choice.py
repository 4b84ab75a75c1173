"""Which method when: fronts, limits, budgets, and where two prices meet."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poselab import zoo
from poselab.errors import ArgumentError
from poselab.evaluate import choice

NUMBERS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=0, max_size=8
)


@given(NUMBERS)
def test_a_front_is_what_the_definition_says(pairs):
    costs = torch.tensor([float(a) for a, _ in pairs])
    scores = torch.tensor([float(b) for _, b in pairs])
    wanted = [
        not any(c <= a and s >= b and (c < a or s > b) for c, s in pairs)
        for a, b in pairs
    ]
    assert choice.pareto(costs, scores).tolist() == wanted


def test_two_prices_meet_where_they_are_equal():
    first, second = (180.0, 300.0), (533.0, 1.5)
    people = choice.break_even(first, second)
    assert first[0] + people * first[1] == pytest.approx(second[0] + people * second[1])
    assert choice.break_even(second, first) == math.inf
    assert choice.break_even((500.0, 10.0), (100.0, 5.0)) == 0.0


def test_the_last_stage_stands_for_a_network():
    rows = choice.last_stages(zoo.scoreboard())
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    assert next(row for row in rows if row["name"] == "cpm_tiny")["stage"] == 3


def test_a_curve_between_its_points():
    curve = [(100, 0.2), (400, 0.6), (1600, 0.8)]
    assert choice.score_at(curve, 100) == 0.2
    assert choice.score_at(curve, 200) == pytest.approx(0.4)
    assert choice.score_at(curve, 1600) == pytest.approx(0.8)
    for outside in (99, 1601):
        with pytest.raises(ArgumentError, match="between 100 and 1600"):
            choice.score_at(curve, outside)


def test_every_compared_network_has_a_curve_up_to_the_budget():
    known = choice.curves()
    assert len(known) >= 11
    assert not {"photo", "sstn_tiny", "rootnet_tiny"} & set(known)
    assert all(curve[0][0] <= 8100 for curve in known.values())
    assert all(curve[-1][0] >= 262_144 for curve in known.values())
    last = choice.ranking(known, 262_144)
    board = {r["name"]: r["scores"] for r in choice.last_stages(zoo.scoreboard())}
    for name, score in zip(known, last, strict=True):
        assert float(score) == pytest.approx(board[name]["PCK@0.05"], abs=0.01)
