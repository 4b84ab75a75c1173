"""The explorers of notebook 18: limits, budgets, and the traces of bugs."""

import pytest
import torch
from matplotlib.text import Text

from poselab import datasets, zoo
from poselab.evaluate.choice import curves
from poselab.evaluate.options import conditions
from poselab.explore.hunt import BUGS, BugExplorer, bug_hunt, people_of
from poselab.explore.pictures import Chart
from poselab.explore.which import BudgetExplorer, ChoiceExplorer, place_names
from poselab.skeleton import COCO_17


def test_limits_remove_networks_and_say_why():
    explorer = ChoiceExplorer(zoo.scoreboard(), conditions())
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    told = explorer.set(question="framed", most=1.7).live_caption
    assert "hrnet: more than 50 MMAC" in told
    assert "nothing remains" in explorer.set(least=1.0).live_caption


def test_whom_the_question_is_about():
    explorer = ChoiceExplorer(zoo.scoreboard(), conditions())
    assert ", AP " in explorer.live_caption
    hidden = explorer.set(hidden="over 40 %").live_caption
    assert "joints found" in hidden
    assert "for everybody only" in explorer.set(question="space").live_caption
    first = explorer.found("crowd", 1, "all", "all")
    more = explorer.found("crowd", 8, "all", "all")
    grown = [a.macs < b.macs for a, b in zip(first, more, strict=True)]
    assert any(grown)
    assert not all(grown)


def test_names_stand_apart():
    chart = Chart(600, 400)
    points = [(1.0, 0.5, "alpha"), (1.01, 0.5, "beta"), (1.0, 0.52, "gamma")]
    for x, y, _ in points:
        chart.axes.plot(x, y, "o")
    chart.axes.set(xlim=(0, 2), ylim=(0, 1))
    place_names(chart.axes, points)
    chart.figure.canvas.draw()
    drawn = [Text.get_window_extent(text) for text in chart.axes.texts]  # no lines
    pairs = [(a, b) for i, a in enumerate(drawn) for b in drawn[:i]]
    assert not any(a.overlaps(b) for a, b in pairs)


def test_a_budget_makes_a_ranking():
    explorer = BudgetExplorer(curves(), "PCK@0.05")
    assert all(count > 1 for count in explorer.sweep().values())
    assert explorer.pictures(0) == explorer.first
    first = explorer.set(step=0).live_caption
    assert "After 8,064 pictures" in first
    assert first != explorer.set(step=20).live_caption


@pytest.fixture(scope="module")
def traces():
    scenes = datasets.evaluation("crowd", 4)
    net, spoilt = zoo.load("heatmap_tiny"), zoo.load("heatmap_tiny")
    people = people_of(scenes[:2], tuple(net.codec.size))
    learner = torch.optim.AdamW(spoilt.train().parameters(), 2e-3)
    for _ in range(12):
        inputs, targets = net.codec.encode(people)
        loss = net.codec.loss(spoilt(*inputs), targets)
        learner.zero_grad()
        loss.backward()
        learner.step()
    return bug_hunt(net, spoilt.eval(), scenes[:2], scenes[2:])


def test_every_bug_leaves_its_trace(traces):
    healthy = traces[0]
    assert set(traces) == {0, *BUGS}
    assert torch.allclose(traces[1].found, healthy.found - 1.5)
    assert torch.equal(traces[2].seen, healthy.seen.flip(1))
    nose, wrist = COCO_17.index("nose"), COCO_17.index("left_wrist")
    moved = (traces[3].found - healthy.found).norm(dim=-1).mean(0)
    assert moved[wrist] > 3 * moved[nose]
    assert traces[4].score < 0.1
    assert traces[5].seen.mean() < healthy.seen.mean() / 200
    assert traces[6].counted.sum() > healthy.counted.sum()
    gap = [traces[i].score - traces[i].fresh for i in (0, 7)]
    assert gap[1] > gap[0] + 0.05
    assert not torch.equal(traces[8].seen, healthy.seen)


def test_all_that_a_hunter_sees_follows_the_controls(traces):
    letters = {"healthy": traces[0], "A": traces[4], "B": traces[5]}
    explorer = BugExplorer(letters, COCO_17)
    assert all(count > 1 for count in explorer.sweep().values())
    assert "Pipeline healthy" in explorer.caption
    assert explorer.set(case="B").live_caption.count("0.00") >= 1
