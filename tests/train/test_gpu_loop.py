"""The training loop on a GPU, pretended, and what it does for the sake of one."""

import time
import warnings

import pytest
import torch
from torch import nn

from poselab.codecs import HeatmapCodec
from poselab.datasets import Resident, SyntheticPeople
from poselab.errors import PoselabError
from poselab.train import Schedule, fit
from poselab.train.averaging import Average
from poselab.train.graph import Graphed
from tests.support.pretend import pretended

SIZE = (32, 24)
CODEC = HeatmapCodec(SIZE, criterion="cross_entropy")


def small_net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 17, 3, stride=2, padding=1, bias=False),
    )


@pytest.fixture
def pool(tmp_path):
    return SyntheticPeople(SIZE, seed=1).pool(32, directory=tmp_path)


@pytest.mark.parametrize("graphed", [False, True])
def test_the_same_is_learned_there(pool, graphed):
    """Losses are read late, updates are fused; where no graph can be, there is none."""
    plan = Schedule(8, 8, 4e-3, average=0.9)
    here = small_net()
    history = fit(here, CODEC, Resident([pool], "cpu"), plan, progress=False)
    with pretended():
        there = small_net()
        data = Resident([pool], "cuda")
        options = {"graphed": graphed, "half": False, "progress": False}
        with warnings.catch_warnings(record=True) as problems:
            warnings.simplefilter("always")
            again = fit(there, CODEC, data, plan, device="cuda", **options)
        weights = {k: v.detach().cpu() for k, v in there.state_dict().items()}
    said = ["no CUDA graph" in str(problem.message) for problem in problems]
    assert any(said) == graphed
    assert again.loss == pytest.approx(history.loss, rel=1e-4)
    for name, value in here.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-4)


def test_a_loss_that_is_no_number_is_noticed_there_too(pool):
    class Broken(HeatmapCodec):
        def loss(self, output, targets):
            return super().loss(output, targets) * torch.nan

    with pretended():
        data, plan = Resident([pool], "cuda"), Schedule(3, 8)
        with pytest.raises(PoselabError, match="step 0"):
            fit(small_net(), Broken(SIZE), data, plan, device="cuda")


def test_averaged_weights_are_what_is_scored_and_what_is_left(pool):
    plan, seen = Schedule(6, 8, 1e-2, average=0.5), []

    def score(net, codec):
        seen.append(net[0].weight.detach().clone())
        return {"PCK@0.1": 0.5}

    averaged, plain = small_net(), small_net()
    history = fit(averaged, CODEC, pool, plan, score=score, progress=False)
    assert history.curve == [{"pictures": 48, "PCK@0.1": 0.5}]
    assert torch.equal(seen[0], averaged[0].weight)
    fit(plain, CODEC, pool, Schedule(6, 8, 1e-2), progress=False)
    assert not torch.equal(plain[0].weight, averaged[0].weight)


def test_a_training_with_averages_goes_on_as_if_it_had_not_stopped(pool, tmp_path):
    plan, whole, halves = Schedule(6, 8, 1e-2, average=0.9), small_net(), small_net()
    fit(whole, CODEC, pool, plan, progress=False)
    options = {"checkpoint": tmp_path / "a.pt", "progress": False}
    fit(halves, CODEC, pool, plan, seconds=0.0, **options)
    fit(halves, CODEC, pool, plan, **options)
    for a, b in zip(whole.parameters(), halves.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_mean_of_a_straight_path_lies_behind_its_end():
    net = nn.Linear(1, 1, bias=False)
    average = Average(net, 0.9)
    for step in range(50):
        net.weight.data.fill_(float(step))
        average.update(step)
    with average.used():
        assert 30 < net.weight.item() < 45
    assert net.weight.item() == 49


def test_a_deadline_ends_a_training_with_the_rate_at_its_end(pool, monkeypatch):
    now = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))
    history = fit(
        small_net(), CODEC, pool, Schedule(100, 8, 1e-2), deadline=40.0, progress=False
    )
    assert history.stopped == "time"
    assert 5 < len(history.loss) < 40
    assert history.lr[-1] < 1e-3 < max(history.lr)


def test_no_graph_without_a_gpu_and_no_harm():
    calls = []

    def learn(inputs, targets):
        calls.append(targets)
        return torch.tensor(1.0)

    step = Graphed(learn)
    for _ in range(6):
        assert step([torch.zeros(1)], {"t": torch.zeros(1)}) == 1
    assert step.problem
    assert len(calls) == 6
