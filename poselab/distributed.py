"""Several processes that train or evaluate one network: who they are, what they share.

`torchrun --nproc-per-node 2 -m poselab.train NAME` starts them; a program that was
started alone is a team of one, and then every function here returns at once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from poselab.errors import require


@dataclass(frozen=True)
class Team:
    """Which of how many processes this one is; the one of rank 0 leads and writes."""

    rank: int = 0
    size: int = 1

    def __post_init__(self) -> None:
        require(0 <= self.rank < self.size, "ranks count from 0", where="Team",
                field="rank", value=(self.rank, self.size))  # fmt: skip

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and shows the progress."""
        return self.rank == 0

    def part(self, n: int) -> slice:
        """Which of `n` things in a row are this process's; n is a multiple of size."""
        require(n % self.size == 0, f"{self.size} processes cannot share it evenly",
                where="batch_size", value=n, fix=f"Use a multiple of {self.size}."
                )  # fmt: skip
        each = n // self.size
        return slice(self.rank * each, (self.rank + 1) * each)


def team() -> Team:
    """The team that this process has joined; alone where it has joined none."""
    if not (dist.is_available() and dist.is_initialized()):
        return Team()
    return Team(dist.get_rank(), dist.get_world_size())


@contextlib.contextmanager
def joined(device: str | None = None) -> Iterator[str]:
    """Join the processes that torchrun started, for as long as the `with` lasts.

    Gives the device to use: `device`, or a GPU of its own for each process of a
    machine ("nccl" carries the gradients), or the CPU ("gloo"). Raises `ArgumentError`
    if there are fewer GPUs than processes.
    """
    if "RANK" not in os.environ:
        yield device or ("cuda" if torch.cuda.is_available() else "cpu")
        return
    local, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    device = device or (f"cuda:{local}" if gpus else "cpu")
    if device == "cuda":
        device = f"cuda:{local}"
    if device.startswith("cuda"):
        require(local < gpus, f"this machine has {gpus} GPUs", where="nproc-per-node",
                value=int(os.environ["LOCAL_WORLD_SIZE"]),
                fix=f"Start {gpus} processes, or pass --device cpu.")  # fmt: skip
        torch.cuda.set_device(device)
    _meet("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def _meet(backend: str) -> None:
    """Find the other processes, where torchrun's variables say that they are.

    After a crash torchrun starts all again with the same meeting place, in which the
    addresses of the dead ones still stand; each life has a page of its own.
    """
    store, rank, size = next(dist.rendezvous("env://"))
    life = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    page = dist.PrefixStore(f"life_{life}", store)
    dist.init_process_group(backend, store=page, rank=rank, world_size=size)


def parallel(model: nn.Module) -> nn.Module:
    """The model to call in training: it averages the gradients over the team.

    Batch normalisation keeps the statistics of its own process's images, as the
    reference codes do with several GPUs. Parameters that an output does not depend on
    are allowed: the official hourglass has some.
    """
    if team().size == 1:
        return model
    device = next(model.parameters()).device
    return nn.parallel.DistributedDataParallel(
        model, device_ids=[device] if device.type == "cuda" else None,
        static_graph=True,  # the first step tells which parameters are never used
    )  # fmt: skip


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over the team, the same in every process."""
    if team().size == 1:
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total / team().size


def from_leader(value: Any) -> Any:
    """What the leader passes, in every process; the others' values are dropped."""
    if team().size == 1:
        return value
    box = [value if team().leads else None]
    dist.broadcast_object_list(box)
    return box[0]


def gather(value: Any) -> list[Any]:
    """The values of all processes by rank, in every process."""
    if team().size == 1:
        return [value]
    found = [None] * team().size
    dist.all_gather_object(found, value)
    return found


def stream(
    data: Any, batch_size: int, generator: torch.Generator, team: Team, start: int = 0
) -> Iterator[Any]:
    """Batches of `data` from number `start` on, and of each this process's part.

    `data.stream` knows how to read the part only; what has just `batches` is drawn
    whole in every process and then divided.
    """
    if hasattr(data, "stream"):
        return data.stream(batch_size, generator, team, start)
    part = team.part(batch_size)
    batches = itertools.islice(data.batches(batch_size, generator), start, None)
    return (batch[part] if team.size > 1 else batch for batch in batches)
