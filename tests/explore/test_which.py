"""The explorers of notebook 18: limits, budgets, and the traces of bugs."""

import pytest
import torch

from poselab import datasets, zoo
from poselab.evaluate.choice import curves, last_stages
from poselab.explore.hunt import BUGS, BugExplorer, bug_hunt, people_of
from poselab.explore.which import BudgetExplorer, ChoiceExplorer
from poselab.skeleton import COCO_17


def test_limits_remove_networks_and_say_why():
    rows = last_stages(zoo.scoreboard())
    explorer = ChoiceExplorer([row for row in rows if row["name"] != "photo"])
    seen = explorer.sweep()
    assert all(count > 1 for count in seen.values()), seen
    told = explorer.set(most=50).live_caption
    assert "hrnet: macs too high" in told
    assert "nothing remains" in explorer.set(least=1.0).live_caption


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
