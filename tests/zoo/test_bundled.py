"""Bundled networks: cards equal recipes, weights give the scores that are written."""

import json

import pytest
import torch

from poselab import recipes, zoo
from poselab.datasets import evaluation
from poselab.errors import ArgumentError, CheckpointError
from poselab.evaluate import pck_scores, predict
from poselab.evaluate.tasks import JUDGES, score_boxes, single_of
from poselab.models import PLAIN, build, load_weights, save_weights
from poselab.recipes import deeppose
from poselab.train.__main__ import main
from tests.support import toys


def is_detector(name):
    return recipes.find(name).task == "boxes"


DETECTORS = [name for name in zoo.names() if is_detector(name)]
POSES = [name for name in zoo.names() if recipes.find(name).task == "single"]
SPACE = [n for n in zoo.names() if recipes.find(n).task in ("space", "root")]
LARGEST = {"photo": 6e6}  # bytes; real people are more various than drawn ones


@pytest.mark.parametrize("name", zoo.names())
def test_a_card_equals_its_recipe_and_says_things_once(name):
    card = zoo.card(name)
    assert card["recipe"] == recipes.find(name).content()
    short = recipes.find(name).pictures - card["pictures"]
    assert short == 0 or (short > 0 and "time" in card["stopped"])
    told = {"command", "seconds", "device", "seed", "torch", "scores", "curve"}
    assert told <= card.keys()
    assert not card.keys() & card["recipe"].keys()
    assert (zoo.FOLDER / f"{name}.safetensors").stat().st_size <= LARGEST.get(name, 2e6)
    own = [row for row in zoo.scoreboard() if row["name"] == name]
    assert [row["scores"] for row in own] == card["scores"]


def test_all_networks_for_one_person_saw_the_same_number_of_pictures():
    """Those that are compared: `photo` learns other people, and longer, and others go
    on from one of these (the network within, and what is around it)."""
    cards = [zoo.card(name) for name in POSES if name != "photo"]
    cards = [card for card in cards if card["recipe"]["kind"] == "Recipe"]
    assert len(cards) == 11
    seen = [card["pictures"] for card in cards]
    assert max(seen) - min(seen) <= 128  # a batch, of four stages
    data = [card["recipe"]["data"] for card in cards]
    assert all(one == data[0] for one in data)


@pytest.mark.parametrize("name", zoo.names())
def test_a_loaded_network_knows_what_it_is(name):
    net = zoo.load(name)
    assert not net.training
    assert (net.name, net.normalise) == (name, PLAIN)
    assert net.card == zoo.card(name)
    assert net.codec.size == recipes.find(name).size
    assert net.card["parameters"] == sum(p.numel() for p in net.parameters())
    image = torch.rand(1, 3, *net.codec.size)
    if name in POSES:
        assert all(torch.isfinite(y).all() for y in predict(net, image))
    if is_detector(name):
        assert torch.isfinite(net.detect(image[0]).boxes).all()


@pytest.mark.parametrize("name", POSES)
def test_the_bundled_weights_still_have_the_scores_of_the_scoreboard(name):
    """Or the people changed after `python -m poselab.evaluate` was run."""
    net = zoo.load(name)
    truth = evaluation("single", size=tuple(net.codec.size))
    found = predict(net, truth.image)
    rows = [row for row in zoo.scoreboard() if row["name"] == name]
    for points, row in zip(found, rows, strict=True):
        assert pck_scores(points, truth) == pytest.approx(row["scores"], abs=2e-3)


@pytest.mark.parametrize("name", SPACE)
def test_the_networks_in_3d_still_have_theirs(name):
    net, (row,) = zoo.load(name), [r for r in zoo.scoreboard() if r["name"] == name]
    again = JUDGES[recipes.find(name).task](net, net.codec, single_of(net.codec))
    assert again == pytest.approx(row["scores"], rel=5e-3)


@pytest.mark.parametrize("name", DETECTORS)
def test_the_detectors_still_have_theirs(name):
    crowd = evaluation("crowd", size=(192, 256))
    (row,) = [row for row in zoo.scoreboard() if row["name"] == name]
    again = score_boxes(zoo.load(name), crowd)
    assert again == pytest.approx(row["scores"], abs=5e-3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A zoo with one network, made by the command line."""
    monkeypatch.setitem(deeppose.TINY, "toy", toys.brief(toys.CASCADE))
    main(["toy", "--out", str(tmp_path), "--device", "cpu"])
    return tmp_path


def test_a_network_of_another_folder(folder):
    net = zoo.load("toy", folder=folder)
    assert [y.shape for y in net(torch.rand(2, 3, 64, 48))] == [(2, 17, 2)] * 2
    assert net.codec.decode(net(torch.rand(2, 3, 64, 48))[1]).keypoints.shape == (
        2,
        1,
        17,
        2,
    )


def test_other_weights_for_a_bundled_network(folder):
    other = build("deeppose_cascade", seed=9, **toys.CASCADE.arguments)
    for source in (
        {"state_dict": other.state_dict()},
        {"path": folder / "other.safetensors"},
    ):
        save_weights(other, folder / "other.safetensors", half=False)
        net = zoo.load("toy", folder=folder, **source)
        weights = zip(net.parameters(), other.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in weights)


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", '{"recipe": {}}'])
def test_unknown_name_and_broken_card(folder, content):
    with pytest.raises(ArgumentError, match="name = 'lenet'.*Known: toy, cpm_coco"):
        zoo.load("lenet", folder=folder)
    (folder / "toy.json").write_text(content)
    with pytest.raises(CheckpointError, match="toy.json"):
        zoo.card("toy", folder)
    with pytest.raises(ArgumentError, match="name = 'lenet'.*Known: toy"):
        zoo.card("lenet", folder)


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


def row(name, kind, scores, **more):
    """A row of the scoreboard."""
    costs = {"parameters": 9, "macs": 2e6, "ms_per_image": 1.0}
    return {"name": name, "stage": 1, "set": kind, **costs, "scores": scores, **more}


PCK, MORE, MOST = ({f"PCK@{t}": s for t in (0.05, 0.1, 0.2)} for s in (0.1, 0.2, 0.3))
ROWS = [
    row("mean_pose", "single", PCK),
    row("cpm_tiny", "single", MORE),
    row("hrnet_tiny", "single", MOST),
    row("rcnn_tiny", "crowd", {"box AP50": 0.5}),
    row("rcnn+hrnet_large", "crowd", {"AP": 0.25}),
    row("lifting_tiny", "space", {"3DPCK": 0.5, "MPJPE": 81.4}),
]


def test_a_line_of_the_table_fits_a_laptop():
    """In JupyterLab, beside the list of files, 101 letters fit on 1,280 px."""
    assert max(map(len, zoo.table().splitlines())) <= 100


def test_the_table_shows_what_has_been_met(tmp_path):
    (tmp_path / "scoreboard.json").write_text(json.dumps({"rows": ROWS}))

    def names(met=None):
        lines = zoo.table(met, folder=tmp_path).splitlines()
        known = [row["name"] for row in ROWS]
        return [line.split()[0] for line in lines if line.split(" ")[0] in known]

    assert names() == [row["name"] for row in ROWS]
    assert names("03") == ["mean_pose"]
    assert names("04") == ["mean_pose", "cpm_tiny"]
    system = "rcnn+hrnet_large"  # met where its file is, before its second network
    assert names("07") == ["mean_pose", "cpm_tiny", "rcnn_tiny", system]
    text = zoo.table(folder=tmp_path)
    assert "in crowds" in text
    assert "box AP50 0.500" in text
    assert "3DPCK 0.500 MPJPE 81 mm" in text
    assert "in crowds" not in zoo.table("04", folder=tmp_path)
    assert "in space" not in zoo.table("13", folder=tmp_path)
    assert zoo.scoreboard(tmp_path / "nowhere") == []
