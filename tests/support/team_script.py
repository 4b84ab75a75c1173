"""What each process of a team runs in test_distributed.py; torchrun starts it.

Arguments: what to do, the folder of the files, and more options as name=value.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch

from poselab import zoo
from poselab.codecs import RegressionCodec
from poselab.errors import CheckpointError
from poselab.evaluate import predict as predicted
from poselab.models import build
from poselab.system import distributed
from poselab.train import Schedule, fit
from tests.support.sources import Dots

SIZE = (64, 48)
BATCH = 8


def network(norm: bool = False) -> torch.nn.Module:
    """A regressor; without batch normalisation a part of a batch is like the whole."""
    net = build("deeppose", size=SIZE)
    if norm:
        return net
    for parent in list(net.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, torch.nn.BatchNorm2d):
                setattr(parent, name, torch.nn.Identity())
    return net


class Deadly(Dots):
    """A source that kills the last process in the first life of the team."""

    def batches(self, batch_size, seed=0):
        first = os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"
        team = distributed.team()
        for number, batch in enumerate(super().batches(batch_size, seed)):
            if number == 7 and first and team.rank == team.size - 1:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch


def train(
    folder: Path, steps: str = "12", norm: str = "", deadly: str = "", keep: str = ""
) -> dict:
    net = network(bool(norm))
    data = Deadly(SIZE) if deadly else Dots(SIZE)
    checkpoint = folder / "run.pt" if keep else None
    history = fit(
        net,
        RegressionCodec(SIZE),
        data,
        Schedule(int(steps), BATCH),
        seed=1,
        checkpoint=checkpoint,
        save_every=3,
        progress=False,
    )
    weight = net.head[-1].weight.detach().sum().item()
    buffers = sum(buffer.double().sum().item() for buffer in net.buffers())
    return {"loss": history.loss, "weight": weight, "buffers": buffers}


def refuse(folder: Path) -> dict:
    """What each process says of a checkpoint that cannot be read."""
    try:
        train(folder, keep="1")
    except CheckpointError as problem:
        return {"error": str(problem)}
    return {"error": None}


def predict(folder: Path) -> dict:
    """What all processes together find in 150 pictures."""
    generator = torch.Generator().manual_seed(4)
    image = Dots((128, 96)).batch(150, generator).image
    found = predicted(zoo.load("deeppose_tiny"), image)
    return {
        "sums": [y.double().sum().item() for y in found],
        "first": [y[100].tolist() for y in found],
    }


def threads_left() -> list[str]:
    """Names of the threads that still work for a group."""
    names = [
        file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")
    ]
    return [name for name in names if "gloo" in name]


def main() -> None:
    what, folder, *options = sys.argv[1:]
    with distributed.joined("cpu"):
        found = {"train": train, "predict": predict, "refuse": refuse}[what](
            Path(folder), **dict(option.split("=") for option in options)
        )
        rank = distributed.team().rank
    # They would abort the process now and then if it ended while they still run.
    assert not threads_left(), threads_left()
    Path(folder, f"rank{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
