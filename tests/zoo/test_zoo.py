"""Bundled weights and the recipes they come from."""

import dataclasses
import json

import pytest
import torch

from poselab import codecs, zoo
from poselab.datasets import evaluation
from poselab.datasets.sources import Mixed, Varied
from poselab.errors import ArgumentError, CheckpointError
from poselab.evaluate import pck_scores, predict
from poselab.evaluate.tasks import detector_rows
from poselab.models import build, load_weights, save_weights
from poselab.train import train_cascade
from poselab.train.__main__ import main
from poselab.zoo import recipes
from tests.support.sources import Dots

SMALL = recipes.Recipe(
    about="a toy",
    arguments={"size": (64, 48), "stages": 2, "sigma": 1.0, "crop": 16},
    stages=(recipes.Stage(40, 16, 4e-3), recipes.Stage(40, 8, 4e-3)),
    pool=32,
    held_out=64,
)


MAPS = dataclasses.replace(
    SMALL,
    arguments={},
    stages=(recipes.Stage(60, 16, 4e-3),),
    model="heatmap_net",
    codec={"name": "heatmap", "size": (64, 48), "loss": "cross_entropy"},
)


def toy(seed=0):
    source = Dots((64, 48))
    held_out = source.batch(64, torch.Generator().manual_seed(100))
    return train_cascade(SMALL, source, held_out, seed, progress=False)


def test_cascade_training_learns_and_repeats():
    net, histories = toy()
    again, _ = toy()
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            net.state_dict().values(), again.state_dict().values(), strict=True
        )
    )
    assert all(sum(h.loss[-10:]) < 0.6 * sum(h.loss[:10]) for h in histories)
    test = Dots((64, 48)).batch(64, torch.Generator().manual_seed(200))
    errors = [
        (y - test.keypoints[:, 0]).norm(dim=-1).mean() for y in predict(net, test.image)
    ]
    assert errors[1] < 0.8 * errors[0]


def test_one_network_with_its_codec_learns():
    source = Dots((64, 48))
    net, (history,) = recipes.train(MAPS, source, None, progress=False)
    assert sum(history.loss[-10:]) < 0.85 * sum(history.loss[:10])
    test = source.batch(64, torch.Generator().manual_seed(200))
    codec = codecs.build(**MAPS.codec)
    (answer,) = predict(net, test.image, codec=codec)
    error = (answer - test.keypoints[:, 0]).norm(dim=-1).mean()
    middle = torch.tensor([23.5, 31.5])
    assert error < 0.8 * (middle - test.keypoints[:, 0]).norm(dim=-1).mean()


def test_mixed_batches_are_made_in_equal_parts():
    a, b = Dots((64, 48)), Varied(Dots((64, 48)), {"flip_chance": 1.0})
    generator = torch.Generator().manual_seed(0)
    batch = next(Mixed((a, b)).batches(6, generator))
    assert batch.image.shape == (6, 3, 64, 48)
    generator.manual_seed(0)
    first = next(a.batches(3, generator))
    assert torch.equal(batch.image[:3], first.image)
    assert not torch.equal(batch.image[3:], first.image)


def test_crops_join_the_people_of_a_recipe(monkeypatch):
    asked = []
    for name in ("SyntheticPeople", "PersonCrops"):

        class Maker(Dots):
            def __init__(self, size, seed, name=name):
                super().__init__(size)
                asked.append((name, size, seed))

            def pool(self, n):
                asked.append(n)
                return self

            def batch(self, n, generator=None):
                return super().batch(n, generator or torch.Generator())

        monkeypatch.setattr(recipes, name, Maker)
    mixed = dataclasses.replace(MAPS, crops=8, pool=16, held_out=4)
    data, held_out = recipes.people(mixed, seed=3)
    assert isinstance(data, Mixed)
    assert len(held_out) == 4
    assert ("PersonCrops", (64, 48), 3) in asked
    assert {16, 8} < set(asked)


def test_varied_batches_keep_their_shape_and_repeat():
    varied = Varied(Dots((64, 48)), {"degrees": 10.0, "zoom": 0.1})
    a, b = (next(varied.batches(4, torch.Generator().manual_seed(0))) for _ in "ab")
    assert torch.equal(a.image, b.image)
    assert a.keypoints.shape == (4, 1, 17, 2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A zoo with one network, made by the command line from toy data."""
    source = Dots((64, 48))
    held_out = source.batch(64, torch.Generator().manual_seed(100))
    brief = tuple(dataclasses.replace(s, steps=3) for s in SMALL.stages)
    monkeypatch.setitem(
        recipes.RECIPES, "toy", dataclasses.replace(SMALL, stages=brief)
    )
    monkeypatch.setattr(recipes, "people", lambda recipe, seed: (source, held_out))
    main(["toy", "--out", str(tmp_path), "--seed", "3", "--device", "cpu"])
    return tmp_path


def test_command_line_writes_weights_and_card(folder):
    assert zoo.names(folder) == ["toy"]
    card = zoo.card("toy", folder)
    assert card["seed"] == 3
    assert card["command"] == "python -m poselab.train toy --seed 3"
    assert card["recipe"]["stages"][0]["steps"] == 3
    net = zoo.load("toy", folder)
    assert not net.training
    assert [y.shape for y in net(torch.rand(2, 3, 64, 48))] == [(2, 17, 2)] * 2
    assert card["parameters"] == sum(p.numel() for p in net.parameters())


def test_the_codec_of_a_network(folder, monkeypatch):
    points = torch.rand(2, 17, 2)
    found = zoo.codec("toy", folder).decode(points)  # a cascade answers in pixels
    assert torch.equal(found.keypoints[:, 0], points)
    brief = dataclasses.replace(MAPS, stages=(recipes.Stage(3, 16, 4e-3),))
    monkeypatch.setitem(recipes.RECIPES, "maps", brief)
    main(["maps", "--out", str(folder), "--device", "cpu"])
    codec = zoo.codec("maps", folder)
    assert (codec.size, codec.loss_name) == ((64, 48), "cross_entropy")
    poses = codec.decode(zoo.load("maps", folder)(torch.rand(2, 3, 64, 48)))
    assert poses.keypoints.shape == (2, 1, 17, 2)
    with pytest.raises(ArgumentError, match="Known: .*heatmap, integral"):
        codecs.build("heat")


def test_unknown_name_and_broken_card(folder):
    with pytest.raises(ArgumentError, match="name = 'lenet'.*Known: toy"):
        zoo.load("lenet", folder)
    (folder / "toy.json").write_text("{}")
    with pytest.raises(CheckpointError, match="toy.json"):
        zoo.card("toy", folder)
    with pytest.raises(ArgumentError, match="deeppose_tiny"):
        recipes.recipe("lenet")


def test_weights_round_trip_as_float16(tmp_path):
    net, file = build("deeppose", seed=1), tmp_path / "net.safetensors"
    save_weights(net, file)
    again = load_weights(build("deeppose", seed=2), file)
    for (key, a), b in zip(
        net.state_dict().items(), again.state_dict().values(), strict=True
    ):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3, msg=key)
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_weights_of_another_network(tmp_path):
    file = tmp_path / "net.safetensors"
    save_weights(build("deeppose"), file)
    other = build("deeppose", joints=16)
    before = {key: value.clone() for key, value in other.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"net.safetensors: head.*\[34"):
        load_weights(other, file)
    assert all(torch.equal(v, before[k]) for k, v in other.state_dict().items())
    with pytest.raises(CheckpointError, match="not in the network"):
        load_weights(build("deeppose_resnet", depth=18), file)


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 64])
def test_broken_weight_file(tmp_path, content):
    file = tmp_path / "net.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CheckpointError, match="net.safetensors.*cannot be read"):
        load_weights(build("deeppose"), file)


def test_build_leaves_the_global_random_state():
    torch.manual_seed(0)
    wanted = torch.rand(2)
    torch.manual_seed(0)
    a, b = build("deeppose", seed=5), build("deeppose", seed=5)
    assert torch.equal(torch.rand(2), wanted)
    assert torch.equal(a.head[-1].weight, b.head[-1].weight)
    with pytest.raises(ArgumentError, match="deeppose_cascade"):
        build("lenet")


DETECTORS = [n for n in zoo.names() if zoo.card(n)["model"] == "rcnn_tiny"]
POSES = [name for name in zoo.names() if name not in DETECTORS]


@pytest.mark.parametrize("name", zoo.names())
def test_bundled(name):
    """Each bundled network loads, is small, and has a complete card with scores."""
    card = zoo.card(name)
    assert (zoo.FOLDER / f"{name}.safetensors").stat().st_size <= 1_500_000
    assert {"command", "seconds", "device", "seed", "recipe", "scores"} <= card.keys()
    recipe = json.loads(json.dumps(dataclasses.asdict(recipes.RECIPES[name])))
    # A card may be older than a field of `Recipe`: then the field's default was used.
    unused = {
        f.name: f.default
        for f in dataclasses.fields(recipes.Recipe)
        if f.name not in card["recipe"]
    }
    assert {**unused, **card["recipe"]} == recipe
    net = zoo.load(name)
    image = torch.rand(1, 3, *recipes.RECIPES[name].size)
    if name in DETECTORS:
        outputs = net.detect(image[0]).tensors().values()
    else:
        outputs = predict(net, image, codec=zoo.codec(name))
    assert all(torch.isfinite(y).all() for y in outputs)
    own = [row for row in zoo.scoreboard() if row["name"] == name]
    assert [row["scores"] for row in own] == card["scores"]


@pytest.mark.parametrize("name", POSES)
def test_the_bundled_weights_still_have_the_scores_of_the_scoreboard(name):
    """Or the people changed after `python -m poselab.evaluate` was run."""
    truth = evaluation("single")
    found = predict(zoo.load(name), truth.image, codec=zoo.codec(name))
    rows = [row for row in zoo.scoreboard() if row["name"] == name]
    for points, row in zip(found, rows, strict=True):
        assert pck_scores(points, truth) == pytest.approx(row["scores"], abs=2e-3)


@pytest.mark.parametrize("name", DETECTORS)
def test_the_detectors_still_have_theirs(name):
    crowd = evaluation("crowd", size=(192, 256))
    (row,) = [row for row in zoo.scoreboard() if row["name"] == name]
    (again,) = detector_rows(name, zoo.load(name), crowd)
    assert again["scores"] == pytest.approx(row["scores"], abs=5e-3)


def test_the_table_has_a_part_for_crowds(folder):
    rows = [
        {
            "name": "finder",
            "stage": 1,
            "set": "crowd",
            "parameters": 9,
            "macs": 2e6,
            "ms_per_image": 1.0,
            "scores": {"box AP50": 0.5},
        }
    ]
    (folder / "scoreboard.json").write_text(json.dumps({"rows": rows}))
    text = zoo.table(folder)
    assert "in crowds" in text
    assert "box AP50 0.500" in text
