"""The recipes of papers, from drawn people in COCO's format to COCO's numbers."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from poselab import zoo
from poselab.datasets import save_coco
from poselab.datasets.synthetic import SyntheticPeople
from poselab.errors import ArgumentError, CheckpointError
from poselab.models import build
from poselab.skeleton import COCO_17
from poselab.train import __main__ as command
from poselab.train import learning_rate
from poselab.train.__main__ import main
from poselab.zoo import published, recipes
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
    assert recipe.codec(COCO_17).heatmap_size == (64, 48)


def test_hrnet_at_paper_size_end_to_end(folder, tmp_path, capsys):
    data = f"coco:{folder}"
    main(
        [
            "hrnet_w32",
            "--data",
            data,
            "--val",
            data,
            "--out",
            str(tmp_path),
            "--epochs",
            "0.4",
            "--batch-size",
            "2",
            "--device",
            "cpu",
        ]
    )
    report = json.loads((tmp_path / "hrnet_w32.json").read_text())
    assert report["steps"] == len(report["loss"]) == 1
    assert list(report["scores"])[:3] == ["AP", "AP50", "AP75"]
    assert "AP50" in capsys.readouterr().out
    weights = load_file(tmp_path / "hrnet_w32.safetensors")
    own = build("hrnet").state_dict()
    assert weights.keys() == own.keys()  # and so `official` can read them


def test_a_small_recipe_learns_from_coco_files_and_is_scored(
    folder, monkeypatch, tmp_path
):
    """The same road with a network small enough to learn the six people by heart."""
    small = published.Published(
        "none",
        "simple_baseline",
        {"depth": 10, "width": 16, "filters": 32},
        published.Variation(0, 0, 0, 0, 0),
        size=(128, 96),
        small=("final_layer",),
        lr=4e-3,
    )
    monkeypatch.setitem(PUBLISHED, "small", small)
    data = f"coco:{folder}"
    report = published.make(
        "small", tmp_path, data, data, epochs=120, batch_size=6, progress=False
    )
    assert report["loss"][-1] < 0.3 * report["loss"][0]
    assert report["scores"]["AP"] > 0.5
    assert report["people"] == 6


def test_two_processes_from_the_command_line(folder, tmp_path):
    """torchrun, files in COCO's format, weights that `zoo.load` reads, and a score."""
    data = f"coco:{folder}"
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "poselab.train",
        "simple_baseline_r50",
        "--data",
        data,
        "--val",
        data,
        "--epochs",
        "0.4",
        "--batch-size",
        "2",
        "--device",
        "cpu",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("AR50") == done.stdout.count("wrote") == 1  # the leader
    card = zoo.card("simple_baseline_r50", tmp_path)
    assert (card["processes"], card["steps"], len(card["loss"])) == (2, 1, 1)
    assert card["scores"]["AP"] >= 0  # there were people to find
    assert zoo.load("simple_baseline_r50", tmp_path).final_layer.out_channels == 17
    assert zoo.codec("simple_baseline_r50", tmp_path).heatmap_size == (64, 48)


def test_steps_and_batch_of_a_recipe():
    recipe = PUBLISHED["hrnet_w32"]
    assert recipe.plan(12800) == (21000, 128)
    assert recipe.plan(6, epochs=2) == (2, 6)
    assert recipe.plan(6, 1, 2) == (3, 2)
    assert PUBLISHED["simple_baseline_r50"].plan(12800) == (14000, 128)
    for wrong in ({"epochs": 0}, {"epochs": float("nan")}, {"batch_size": 0}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            recipe.plan(6, **wrong)


def test_what_is_wrong_is_said_before_the_training(folder, tmp_path):
    data = f"coco:{folder}"
    with pytest.raises(SystemExit, match="nowhere.*no annotations"):
        main(
            [
                "hrnet_w32",
                "--data",
                data,
                "--val",
                "coco:nowhere",
                "--device",
                "cpu",
                "--out",
                str(tmp_path),
            ]
        )
    with pytest.raises(SystemExit, match="--epochs = 3.0: is for a paper's recipe"):
        main(["heatmap_tiny", "--epochs", "3"])
    with pytest.raises(SystemExit, match="--device = 'cuda:99'"):
        main(["heatmap_tiny", "--device", "cuda:99"])


def test_a_checkpoint_folder_is_of_one_data_set(tmp_path, folder):
    run = [
        "hrnet_w32",
        "--val",
        "coco:nowhere",
        "--device",
        "cpu",
        "--out",
        str(tmp_path),
        "--checkpoint",
        str(tmp_path),
    ]
    for _ in range(2):  # the same words may go on
        with pytest.raises(SystemExit, match="nowhere"):
            main([*run, "--data", f"coco:{folder}"])
    with pytest.raises(SystemExit, match="--checkpoint.*holds a training with"):
        main([*run, "--data", "coco:other"])


def test_own_people_do_not_replace_the_bundled_weights():
    own = command.arguments(["heatmap_tiny", "--data", "coco:mine"])
    assert own.out == command.arguments(["hrnet_w32"]).out == command.OUT
    assert command.arguments(["heatmap_tiny"]).out == zoo.FOLDER


@pytest.mark.parametrize("name", ["heatmap_tiny", "deeppose_live"])
def test_a_small_network_on_fewer_people_than_a_batch(
    name, folder, monkeypatch, tmp_path
):
    recipe = recipes.recipe(name)
    short = tuple(replace(stage, steps=1) for stage in recipe.stages)
    monkeypatch.setitem(recipes.RECIPES, name, replace(recipe, stages=short))
    main([name, "--data", f"coco:{folder}", "--out", str(tmp_path), "--device", "cpu"])
    stages = zoo.card(name, tmp_path)["recipe"]["stages"]
    assert [stage["batch_size"] for stage in stages] == [6] * len(stages)
    assert not zoo.load(name, tmp_path).training


def test_data_are_asked_for():
    with pytest.raises(SystemExit, match="--data coco:FOLDER"):
        main(["hrnet_w48", "--device", "cpu"])


def test_two_drops():
    rates = [learning_rate(i, 210, 1.0, "two_drops") for i in (0, 169, 170, 199, 200)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_early_drops():
    places = (0, 89, 90, 119, 120)
    rates = [learning_rate(i, 140, 1.0, "early_drops") for i in places]
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
    wrapped = {f"module.backbone.{k}": v for k, v in state.items()}
    torch.save({"state_dict": wrapped, "epoch": 3}, tmp_path / "wrapped.pth")
    assert start_from(build("simple_baseline", 0), tmp_path / "wrapped.pth") == len(
        state
    )
    save_file({"encoder.weight": torch.zeros(3)}, file)
    with pytest.raises(CheckpointError, match="encoder.weight.*no tensor of it"):
        start_from(net, file)
