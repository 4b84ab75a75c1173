"""The recipes of papers, from drawn people in COCO's format to COCO's numbers."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from poselab.datasets import save_coco
from poselab.datasets.synthetic import SyntheticPeople
from poselab.errors import CheckpointError
from poselab.models import build
from poselab.train import learning_rate, main
from poselab.zoo import published
from poselab.zoo.published import PUBLISHED, start_from, start_small


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three drawn scenes of two people in COCO's format."""
    folder = tmp_path_factory.mktemp("drawn")
    scenes = SyntheticPeople(size=(96, 128), people=2, seed=3).batch(3)
    samples = [s.replace(image_id=i + 1) for i, s in enumerate(scenes)]
    save_coco(samples, folder / "annotations.json", folder / "images")
    return folder


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_recipe_can_be_built(name):
    recipe = PUBLISHED[name]
    with torch.device("meta"):
        net = build(recipe.model, **recipe.arguments)
    assert sum(p.numel() for p in net.parameters()) > 25e6
    assert recipe.codec().map_size == (64, 48)


def test_hrnet_at_paper_size_end_to_end(folder, tmp_path, capsys):
    data = f"coco:{folder}"
    main(["hrnet_w32", "--data", data, "--val", data, "--out", str(tmp_path),
          "--epochs", "0.4", "--batch-size", "2", "--device", "cpu"])  # fmt: skip
    report = json.loads((tmp_path / "hrnet_w32.json").read_text())
    assert report["steps"] == len(report["loss"]) == 1
    assert list(report["scores"])[:3] == ["AP", "AP50", "AP75"]
    assert "AP50" in capsys.readouterr().out
    weights = load_file(tmp_path / "hrnet_w32.safetensors")
    own = build("hrnet").state_dict()
    assert weights.keys() == own.keys()  # and so `official` can read them


def test_a_small_recipe_learns_from_coco_files_and_is_scored(folder, monkeypatch,
                                                             tmp_path):  # fmt: skip
    """The same road with a network small enough to learn the six people by heart."""
    small = published.Published("none", "simple_baseline", {"depth": 10, "width": 16,
                                "filters": 32}, published.Variation(0, 0, 0, 0, 0),
                                size=(128, 96), small=("final_layer",),
                                lr=4e-3)  # fmt: skip
    monkeypatch.setitem(PUBLISHED, "small", small)
    data = f"coco:{folder}"
    report = published.make("small", tmp_path, data, data, epochs=120, batch_size=6,
                            progress=False)  # fmt: skip
    assert report["loss"][-1] < 0.3 * report["loss"][0]
    assert report["scores"]["AP"] > 0.5
    assert report["people"] == 6


def test_data_are_asked_for():
    with pytest.raises(SystemExit, match="--data coco:FOLDER"):
        main(["hrnet_w48", "--device", "cpu"])


def test_two_drops():
    rates = [learning_rate(i, 210, 1.0, "two_drops") for i in (0, 169, 170, 199, 200)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_small_first_weights():
    net = build("simple_baseline", depth=10)
    before = net.conv1.weight.clone()
    start_small(net, ("final_layer",), 0)
    assert net.final_layer.weight.std().item() == pytest.approx(1e-3, rel=0.1)
    assert not net.final_layer.bias.any()
    assert torch.equal(net.conv1.weight, before)


def test_starting_from_a_backbone(tmp_path):
    file, other = tmp_path / "backbone.safetensors", build("simple_baseline", 1)
    state = {k: v for k, v in other.state_dict().items() if k.startswith("layer1")}
    save_file({**state, "fc.weight": torch.zeros(1000, 2048)}, file)
    net = build("simple_baseline", 0)
    assert start_from(net, file) == len(state)
    assert torch.equal(net.layer1[0].conv1.weight, other.layer1[0].conv1.weight)
    assert not torch.equal(net.conv1.weight, other.conv1.weight)
    save_file({"encoder.weight": torch.zeros(3)}, file)
    with pytest.raises(CheckpointError, match="encoder.weight.*no tensor of it"):
        start_from(net, file)
