"""Several processes train and evaluate as one; a killed one costs few steps."""

import json
import os
import subprocess
import sys

import pytest
import torch

from poselab.datasets import augment
from poselab.datasets.sources import Varied
from poselab.errors import ArgumentError
from poselab.system import distributed
from poselab.system.distributed import Team
from tests.support import team_script
from tests.support.sources import Dots

SIZE = team_script.SIZE


def torchrun(folder, *options, processes=2, restarts=0):
    """Run team_script in several processes; what each of them found."""
    folder.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
        f"--max-restarts={restarts}",
        "-m",
        "tests.support.team_script",
        options[0],
        str(folder),
        *options[1:],
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [
        json.loads((folder / f"rank{i}.json").read_text()) for i in range(processes)
    ]


def test_two_processes_learn_what_one_learns(tmp_path):
    one = team_script.train(tmp_path)
    first, second = torchrun(tmp_path / "two", "train")
    assert first == second  # they agree on the losses and on the weights
    # Each averages over its own labelled joints: not quite the mean over all.
    assert first["loss"] == pytest.approx(one["loss"], rel=2e-2)
    assert first["loss"][0] == pytest.approx(one["loss"][0], rel=1e-3)
    assert first["loss"][-1] < 0.9 * first["loss"][0]


def test_a_killed_process_costs_the_steps_since_the_checkpoint(tmp_path):
    whole, other = torchrun(tmp_path / "whole", "train", "norm=1")
    assert whole == other  # also the statistics of batch normalisation
    options = ("train", "norm=1", "deadly=1", "keep=1")
    again = torchrun(tmp_path / "again", *options, restarts=1)[0]
    assert again == whole


def test_shared_evaluation_has_identical_numbers(tmp_path):
    # One process of one thread, too: convolutions add up in another order with two.
    one = torchrun(tmp_path / "one", "predict", processes=1)
    assert torchrun(tmp_path / "three", "predict", processes=3) == one * 3


def test_parts_of_a_batch():
    assert Team().part(7) == slice(0, 7)
    assert [Team(i, 4).part(8) for i in range(4)] == [
        slice(0, 2),
        slice(2, 4),
        slice(4, 6),
        slice(6, 8),
    ]
    with pytest.raises(ArgumentError, match="batch_size = 7.*multiple of 2"):
        Team(0, 2).part(7)
    with pytest.raises(ArgumentError, match="rank"):
        Team(2, 2)


def test_a_program_started_alone_is_a_team_of_one(monkeypatch):
    assert distributed.team() == Team(0, 1)
    assert distributed.from_leader("word") == "word"
    assert distributed.gather(3) == [3]
    assert distributed.mean(torch.tensor(2.0)) == 2
    net = torch.nn.Linear(2, 2)
    assert distributed.parallel(net) is net
    monkeypatch.delenv("RANK", raising=False)
    with distributed.joined("cpu") as device:
        assert device == "cpu"


@pytest.mark.parametrize("device", ["banana", "cuda:99", "meta"])
def test_a_device_that_is_not_there(device, monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with (
        pytest.raises(ArgumentError, match=f"--device = '{device}'"),
        distributed.joined(device),
    ):
        raise AssertionError("joined")


def test_a_broken_checkpoint_is_said_by_everybody(tmp_path):
    """And nobody waits for a leader who has given up."""
    (tmp_path / "run.pt").write_bytes(b"broken")
    torchrun(tmp_path, "refuse")
    for rank in range(2):
        found = json.loads((tmp_path / f"rank{rank}.json").read_text())
        assert "run.pt: this is no checkpoint of fit" in found["error"]


def test_a_batch_for_few_samples(monkeypatch):
    assert distributed.shared_batch(8, 100) == 8
    monkeypatch.setattr(distributed, "team", lambda: Team(0, 4))
    assert distributed.shared_batch(8, 7) == 4
    assert distributed.shared_batch(7, 100) == 7  # which `part` then refuses
    with pytest.raises(ArgumentError, match="samples = 3: are too few for 4"):
        distributed.shared_batch(8, 3)


def test_more_processes_than_gpus(monkeypatch):
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "63")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "64")
    with (
        pytest.raises(ArgumentError, match="nproc-per-node = 64.*--device cpu"),
        distributed.joined("cuda"),
    ):
        raise AssertionError("joined")


@pytest.mark.parametrize("start", [0, 2])
def test_the_parts_of_varied_batches_are_the_whole(start):
    varied = Varied(Dots(SIZE), {"degrees": 20.0, "zoom": 0.2})

    def third(team):
        return next(varied.stream(6, 0, team, start))

    whole = third(Team())
    for rank in range(2):
        part, rows = third(Team(rank, 2)), slice(3 * rank, 3 * rank + 3)
        torch.testing.assert_close(part.image, whole.image[rows])
        torch.testing.assert_close(part.keypoints, whole.keypoints[rows])


def test_a_part_varies_as_it_would_in_the_whole():
    batch = Dots(SIZE).batch(6, torch.Generator().manual_seed(1))
    whole = augment(batch, torch.Generator().manual_seed(2))
    part = augment(batch[2:4], torch.Generator().manual_seed(2), part=(1, 3))
    torch.testing.assert_close(part.image, whole.image[2:4])
