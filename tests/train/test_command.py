"""The command line: small and papers' recipes, from files in COCO's format as well."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from poselab import recipes, zoo
from poselab.datasets import Variation, save_coco
from poselab.datasets.synthetic import SyntheticPeople
from poselab.models import IMAGENET, build
from poselab.recipes import deeppose, heatmaps, simple_baseline
from poselab.train import Schedule
from poselab.train import __main__ as command
from poselab.train.__main__ import main
from tests.support import toys


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three drawn scenes of two people in COCO's format."""
    folder = tmp_path_factory.mktemp("drawn")
    scenes = SyntheticPeople(size=(96, 128), people=2, seed=3).batch(3)
    samples = [s.replace(image_id=i + 1) for i, s in enumerate(scenes)]
    save_coco(samples, folder / "annotations.json", folder / "images")
    return folder


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
    assert [len(loss) for loss in report["loss"]] == [1]
    assert list(report["scores"])[:3] == ["AP", "AP50", "AP75"]
    assert "AP50" in capsys.readouterr().out
    weights = load_file(tmp_path / "hrnet_w32.safetensors")
    own = build("hrnet").state_dict()
    assert weights.keys() == own.keys()  # and so `official` can read them


@pytest.fixture
def small(monkeypatch):
    """A paper's recipe "small", for a network that learns six people by heart."""
    recipe = replace(
        recipes.find("simple_baseline_r50"),
        arguments={"depth": 10, "width": 16, "filters": 32},
        codec={**recipes.find("simple_baseline_r50").codec, "size": (128, 96)},
        data=recipes.Annotated(variation=Variation(0, 0, 0, 0, 0)),
        stages=(Schedule(epochs=240, batch_size=6, lr=4e-3, weight_decay=0.0),),
        near_zero=("final_layer",),
    )
    monkeypatch.setitem(simple_baseline.PAPER, "small", recipe)
    return recipe


def test_a_small_recipe_learns_from_coco_files_and_is_scored(folder, small, tmp_path):
    """The same road as at paper size."""
    data = f"coco:{folder}"
    main(["small", "--data", data, "--val", data, "--out", str(tmp_path)])
    report = zoo.card("small", tmp_path)
    (loss,) = report["loss"]
    assert loss[-1] < 0.3 * loss[0]
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
    assert (card["processes"], len(card["loss"]), len(card["loss"][0])) == (2, 1, 1)
    assert card["scores"]["AP"] >= 0  # there were people to find
    net = zoo.load("simple_baseline_r50", folder=tmp_path)
    assert net.final_layer.out_channels == 17
    assert net.codec.heatmap_size == (64, 48)
    assert net.normalise == IMAGENET


def test_what_is_wrong_is_said_before_the_training(folder, tmp_path):
    data = f"coco:{folder}"
    with pytest.raises(SystemExit, match="no folder nowhere"):
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


@pytest.mark.parametrize(
    ("name", "home"), [("heatmap_tiny", heatmaps), ("deeppose_tiny", deeppose)]
)
def test_a_small_network_on_fewer_people_than_a_batch(
    name, home, folder, monkeypatch, tmp_path
):
    monkeypatch.setitem(home.TINY, name, toys.brief(recipes.find(name), 1))
    main([name, "--data", f"coco:{folder}", "--out", str(tmp_path), "--device", "cpu"])
    stages = zoo.card(name, tmp_path)["recipe"]["stages"]
    assert [stage["batch_size"] for stage in stages] == [6] * len(stages)
    assert not zoo.load(name, folder=tmp_path).training


def test_data_are_asked_for():
    with pytest.raises(SystemExit, match="--data coco:FOLDER"):
        main(["hrnet_w48", "--device", "cpu"])


@pytest.fixture
def toy(monkeypatch):
    """A recipe "toy" of three steps."""
    monkeypatch.setitem(deeppose.TINY, "toy", toys.brief(toys.CASCADE))


def test_weights_and_their_card(toy, tmp_path, capsys):
    main(["toy", "--out", str(tmp_path), "--seed", "3", "--device", "cpu"])
    assert f"wrote {tmp_path / 'toy'}.safetensors" in capsys.readouterr().out
    assert zoo.names(tmp_path) == ["toy"]
    card = zoo.card("toy", tmp_path)
    assert card["recipe"] == recipes.find("toy").content()
    assert card["seed"] == 3
    assert card["command"] == "python -m poselab.train toy --seed 3"
    assert card["pictures"] == 3 * 16 + 3 * 8
    net = zoo.load("toy", folder=tmp_path)
    assert card["parameters"] == sum(p.numel() for p in net.parameters())


def test_a_training_ends_in_time_and_the_card_says_so(toy, tmp_path):
    """No time at all is one step of each stage; an hour is all steps."""
    run = ["toy", "--out", str(tmp_path), "--device", "cpu", "--minutes"]
    for minutes, pictures, ended in (("1e-9", 16 + 8, "time"), ("60", 72, "done")):
        main([*run, minutes])
        card = zoo.card("toy", tmp_path)
        assert (card["pictures"], card["stopped"]) == (pictures, [ended, ended])


@pytest.mark.parametrize("options", [["toy", "--minutes", "0"], ["--all"]])
def test_minutes_that_mean_nothing_are_an_error(toy, options):
    with pytest.raises(SystemExit, match="--minutes"):
        main([*options, *(() if "--minutes" in options else ["--minutes", "1"])])


def test_all_trains_what_is_not_up_to_date(tmp_path, monkeypatch, capsys):
    """And only networks whose weights are there to be replaced."""
    monkeypatch.setattr(command, "scorer", lambda task: lambda net, codec: {"x": 1.0})
    monkeypatch.setattr(recipes, "names", lambda: ["toy", "old", "never"])
    for name in recipes.names():
        monkeypatch.setitem(deeppose.TINY, name, toys.brief(toys.MAPS))
    for name in ("toy", "old"):
        main([name, "--out", str(tmp_path), "--device", "cpu"])
    monkeypatch.setitem(deeppose.TINY, "old", toys.brief(toys.MAPS, 2))
    before = (tmp_path / "toy.json").read_text()
    capsys.readouterr()
    run = ["--all", "--out", str(tmp_path), "--checkpoint", str(tmp_path / "runs")]
    main([*run, "--device", "cpu"])
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "toy is up to date",
        f"wrote {tmp_path / 'old'}.safetensors and .json",
    ]
    assert (tmp_path / "toy.json").read_text() == before
    assert zoo.card("old", tmp_path)["curve"] == [{"pictures": 32, "x": 1.0}]
    assert not (tmp_path / "never.json").exists()
    main([*run, "--device", "cpu"])
    assert capsys.readouterr().out.count("is up to date") == 2


def test_all_goes_on_where_it_was(tmp_path, monkeypatch):
    """The second run finds the checkpoint of the first, which was of this recipe."""
    monkeypatch.setattr(command, "scorer", lambda task: lambda net, codec: {"x": 1.0})
    monkeypatch.setattr(recipes, "names", lambda: ["toy"])
    monkeypatch.setitem(deeppose.TINY, "toy", toys.brief(toys.MAPS))
    main(["toy", "--out", str(tmp_path), "--device", "cpu"])
    card = zoo.card("toy", tmp_path)
    stale = {**card, "recipe": {**card["recipe"], "about": "another"}}
    run = ["--all", "--out", str(tmp_path), "--checkpoint", str(tmp_path / "runs")]
    seconds = []
    for _ in range(2):
        (tmp_path / "toy.json").write_text(json.dumps(stale))
        main([*run, "--device", "cpu"])
        seconds.append(zoo.card("toy", tmp_path)["seconds_per_stage"])
    assert seconds[0] == seconds[1]
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("toy-seed0-")


def test_all_takes_no_option_of_one_network():
    with pytest.raises(SystemExit, match="--data.*does not go with --all"):
        main(["--all", "--data", "coco:x"])
    with pytest.raises(SystemExit):
        main([])


def test_starting_from_a_backbone(folder, small, tmp_path):
    """What was taken of the file is on the card, and the training begins there."""
    other = build("simple_baseline", 1, **small.arguments)
    heads = ("deconv_layers", "final_layer")
    state = {k: v for k, v in other.state_dict().items() if not k.startswith(heads)}
    torch.save(state, tmp_path / "start.pth")
    run = ["small", "--data", f"coco:{folder}", "--out", str(tmp_path)]
    main([*run, "--epochs", "1", "--start", str(tmp_path / "start.pth")])
    start = zoo.card("small", tmp_path)["start"]
    assert start["file"].endswith("start.pth")
    assert f"{len(state)} of {len(state)} tensors of the backbone" in start["taken"]
    net = zoo.load("small", folder=tmp_path)
    near = (net.conv1.weight - other.conv1.weight).abs().max()
    far = build("simple_baseline", 0, **small.arguments).conv1.weight
    assert near < 0.02 < (far - other.conv1.weight).abs().max()
