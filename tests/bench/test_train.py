"""The measurement of trainings: the recipes' own steps, and nothing counted twice."""

import pytest

from poselab import recipes
from poselab.bench.train import PARTS, measured, train
from poselab.train.run import Run


@pytest.mark.parametrize("name", ["cpm_tiny", "ief_tiny"])
def test_parts_are_within_the_whole(name):
    """One stage, and several, whose trainer asks the network in between."""
    found = measured(recipes.find(name), 1)
    shares = [found[part] for part in PARTS.values()]
    assert found["pictures/s"] > 0
    assert min(shares) > 0
    assert sum(shares) <= 1


def test_a_stage_ends_when_its_seconds_are_over(monkeypatch):
    """After the first step that counts, however many were asked for."""
    taken = []
    update = Run.update_from
    monkeypatch.setattr(
        Run, "update_from", lambda *args: (taken.append(1), update(*args))[1]
    )
    assert measured(recipes.find("cpm_tiny"), 5, seconds=0.0)["pictures/s"] > 0
    assert len(taken) == 2  # one that warms up


def test_a_line_for_each_recipe_and_nothing_left_behind():
    before = {name: getattr(Run, name) for name in PARTS}
    lines = train(1, ["cpm_tiny"])
    assert [line.split()[0] for line in lines] == ["recipe", "cpm_tiny"]
    assert len(lines[0].split()) == len(lines[1].split())
    assert {name: getattr(Run, name) for name in PARTS} == before
