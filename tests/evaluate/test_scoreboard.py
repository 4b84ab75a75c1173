"""Counting, timing, scoring, and the lesson about unusual poses."""

import json

import pytest
import torch
from torch import nn

from poselab import datasets, recipes, zoo
from poselab.codecs import HeatmapCodec, PointsCodec
from poselab.errors import ArgumentError
from poselab.evaluate import count_macs, parameters, pck_scores, predict, tasks
from poselab.evaluate import scoreboard as module
from poselab.evaluate.scoreboard import evaluate, system_rows
from poselab.evaluate.tasks import baseline, detector_rows, rows, scorer, system_row
from poselab.models import Normalise, build, save_weights
from poselab.pipelines import TopDown
from tests.support import toys
from tests.support.sources import Dots

SIZE = (64, 48)


def sample(n=40, seed=0):
    return Dots(SIZE).batch(n, torch.Generator().manual_seed(seed))


def test_macs_by_hand():
    image = torch.rand(1, 3, 8, 8)
    assert count_macs(nn.Conv2d(3, 5, 3, padding=1), image) == 64 * 5 * 27
    assert (
        count_macs(
            nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2), torch.rand(1, 4, 8, 8)
        )
        == 16 * 8 * 18
    )
    assert count_macs(nn.Linear(10, 7), torch.rand(1, 10)) == 70
    assert count_macs(nn.ConvTranspose2d(3, 5, 4, 2, 1), image) == 64 * 3 * 5 * 16
    clip = image[:, :, None].repeat(1, 1, 4, 1, 1)  # four frames
    assert count_macs(nn.Conv3d(3, 5, 3, padding=1), clip) == 4 * 64 * 5 * 81
    up = nn.ConvTranspose3d(3, 5, (1, 4, 4), (1, 2, 2), (0, 1, 1))
    assert count_macs(up, clip) == 4 * 64 * 3 * 5 * 16


def test_macs_of_known_networks():
    net = build("deeppose_resnet").eval()
    macs = count_macs(net, torch.rand(1, 3, 224, 224))
    assert macs == pytest.approx(4.09e9, rel=0.01)  # ResNet-50's well-known count
    assert not any(m._forward_hooks for m in net.modules())


def test_pck_scores():
    truth = sample()
    right = truth.keypoints[:, 0]
    assert set(pck_scores(right, truth).values()) == {1.0}
    side = truth.boxes[:, 0, 2:].amax(-1)[:, None, None]
    shift = torch.tensor([0.15, 0.0]) * side
    scores = pck_scores(right + shift, truth)
    assert scores == {"PCK@0.05": 0, "PCK@0.1": 0, "PCK@0.2": 1}


def test_the_baseline_answers_the_mean_pose_of_other_people():
    seen, truth = sample(200, 1), sample(40, 2)
    row = baseline(seen, truth, seen)
    mean = seen.keypoints[:, 0].mean(0).expand(40, 17, 2)
    assert row["scores"] == pck_scores(mean, truth)
    assert row["crops"].keys() == row["scores"].keys()
    assert (row["parameters"], row["macs"]) == (34, 0)


def test_rows_of_a_cascade():
    net = build("deeppose_cascade", size=SIZE, crop=16).eval()
    table = rows("toy", net, sample(8), PointsCodec(SIZE))
    assert [row["stage"] for row in table] == [1, 2]
    assert table[0]["parameters"] == sum(p.numel() for p in net.first.parameters())
    assert table[0]["macs"] < table[1]["macs"]
    assert all(row["ms_per_image"] > 0 for row in table)


def test_a_network_of_maps_has_one_row():
    net, codec = build("heatmap_net").eval(), HeatmapCodec(SIZE)
    (row,) = rows("maps", net, sample(8), codec)
    assert (row["name"], row["stage"]) == ("maps", 1)
    assert row["parameters"] == sum(p.numel() for p in net.parameters())


def test_evaluation_writes_card_and_scoreboard(tmp_path, monkeypatch):
    net = build("deeppose_cascade", size=SIZE, crop=16)
    save_weights(net, tmp_path / "toy.safetensors")
    card = {"recipe": toys.CASCADE.content(), "pictures": 1_000_000}
    (tmp_path / "toy.json").write_text(json.dumps(card))
    monkeypatch.setattr(module.datasets, "evaluation", lambda name, **_: sample(8))
    table = evaluate(tmp_path)
    assert zoo.scoreboard(tmp_path) == table
    scores = zoo.card("toy", tmp_path)["scores"]
    assert scores == [row["scores"] for row in table if row["name"] == "toy"]
    assert len(scores) == 2
    assert table[0]["name"] == "mean_pose"
    assert table[0]["parameters"] == 34
    lines = zoo.table(folder=tmp_path).splitlines()
    assert {line.split()[0] for line in lines[2:]} == {"mean_pose", "toy"}
    assert all("crops" in row for row in table)
    stages = [row for row in table if row["name"] == "toy"]
    work = [3 * row["macs"] * row["pictures"] / 1e9 for row in stages]
    assert [row["training_gmacs"] for row in stages] == [round(w) for w in work]


class Staged(nn.Module):
    """Two convolutions, each of which is a stage."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.stages = len(layers)

    def forward(self, images):
        return [layer(images) for layer in self.layers]

    def truncated(self, stages):
        """The first stages of this network."""
        return Staged(self.layers[:stages])


def test_a_staged_network_has_a_row_for_each_stage():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Staged([nn.Conv2d(3, 17, 3, 4, 1), nn.Conv2d(3, 17, 5, 4, 2)]).eval()
    codec = HeatmapCodec(SIZE, decoder="argmax")
    found = rows("staged", net, sample(4), codec)
    assert [row["stage"] for row in found] == [1, 2]
    assert [row["parameters"] for row in found] == [17 * 28, 17 * (28 + 76)]
    assert found[1]["macs"] == 16 * 12 * 17 * 3 * (9 + 25)
    alone = predict(net.layers[1], sample(4).image, codec=codec)
    torch.testing.assert_close(predict(net, sample(4).image, 3, codec)[1], alone[0])


def test_a_detector_is_scored_by_its_boxes_in_crowds():
    crowd = datasets.evaluation("crowd", 3, (192, 256))
    (row,) = detector_rows("finder", build("rcnn_tiny").eval(), crowd)
    assert (row["name"], row["set"]) == ("finder", "crowd")
    assert row["scores"].keys() == {"box AP", "box AP50", "box AP75"}
    assert row["macs"] > 1e8


def test_the_pipeline_has_a_row_where_both_its_networks_are(tmp_path):
    crowd = datasets.evaluation("crowd", 3, (192, 256))
    assert system_rows(tmp_path, crowd) == []
    found = {row["name"]: row for row in system_rows(zoo.FOLDER, crowd)}
    assert found.keys() == recipes.systems().keys()
    for row in found.values():
        finder, net = (zoo.load(name) for name in row["parts"])
        assert row["parameters"] == sum(
            p.numel() for n in (finder, net) for p in n.parameters()
        )
        assert row["macs"] > count_macs(finder, crowd.image[:1])
        assert 0 <= row["scores"]["AP"] <= row["scores"]["AP50"] <= 1


def test_a_larger_scene_costs_a_system_no_more():
    """The detector gets it at the size that it learned from."""
    finder, net = zoo.load("rcnn_tiny"), zoo.load("simple_baseline_tiny")
    finder.side = (192, 256)
    system = TopDown(finder, net, net.codec)
    small, large = (datasets.evaluation("crowd", 1, s) for s in ((192, 256), None))
    assert len(large.boxes[0]) == len(small.boxes[0])
    macs = [system_row("one", system, crowd)["macs"] for crowd in (small, large)]
    assert macs[0] == macs[1]


def test_a_system_is_met_where_it_is_listed():
    board = [
        {"name": name, "set": "crowd", "parameters": 1, "macs": 1, "scores": {}}
        for name in recipes.systems()
    ]
    assert {recipes.chapter_of(row["name"]) for row in board} == {"07"}
    detector, pose = next(iter(recipes.systems().values()))
    system = zoo.top_down()  # the first is the default
    assert (system.detector.name, system.single.net.name) == (detector, pose)


def test_predictions_use_what_a_loaded_network_knows():
    net, images = build("deeppose_cascade", size=SIZE, crop=16).eval(), sample(4).image
    plain = predict(net, images, codec=PointsCodec(SIZE))
    net.codec = PointsCodec(SIZE)
    assert torch.equal(predict(net, images)[1], plain[1])
    net.normalise = Normalise((0.5,) * 3, (0.5,) * 3)
    changed = predict(net, images)
    del net.normalise
    assert torch.equal(predict(net, (images - 0.5) / 0.5)[1], changed[1])
    assert not torch.equal(changed[1], plain[1])


def test_a_task_without_a_drawn_set(monkeypatch):
    with pytest.raises(
        ArgumentError, match="task = 'coco'.*Known: single, people, boxes"
    ):
        scorer("coco")
    monkeypatch.setattr(tasks.datasets, "evaluation", lambda name, size: sample(8))
    net = build("deeppose_cascade", size=SIZE, crop=16).eval()
    scores = scorer("single")(net, PointsCodec(SIZE))
    found = predict(net, sample(8).image, codec=PointsCodec(SIZE))[-1]
    assert scores == pck_scores(found, sample(8))


def test_parameters_of_several_networks():
    assert parameters(nn.Linear(2, 3), nn.Linear(1, 1)) == 11
