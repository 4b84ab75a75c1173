"""Several processes that train or evaluate one network: who they are, what they share.

`torchrun --nproc-per-node 2 -m poselab.train NAME` starts them; a program that was
started alone is a team of one, and then every function here returns at once.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from poselab.errors import require
from poselab.system.gpu import require_device


@dataclass(frozen=True)
class Team:
    """Number `rank` of `size` processes; the one of rank 0 leads and writes files."""

    rank: int = 0
    size: int = 1

    def __post_init__(self) -> None:
        require(
            0 <= self.rank < self.size,
            "ranks count from 0",
            where="Team",
            field="rank",
            value=(self.rank, self.size),
        )

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and shows the progress."""
        return self.rank == 0

    def part(self, n: int) -> slice:
        """Which of `n` things in a row are this process's; n is a multiple of size."""
        require(
            n % self.size == 0,
            f"{self.size} processes cannot share it evenly",
            where="batch_size",
            value=n,
            fix=f"Use a multiple of {self.size}.",
        )
        each = n // self.size
        return slice(self.rank * each, (self.rank + 1) * each)


def shared_batch(wanted: int, samples: int) -> int:
    """The batch size `wanted`; of a smaller data set, what the team can share evenly.

    Raises `ArgumentError` for fewer samples than processes.
    """
    if samples >= wanted:
        return wanted
    size = team().size
    require(
        samples >= size,
        f"are too few for {size} processes",
        where="data",
        field="samples",
        value=samples,
    )
    return samples - samples % size


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
    for a device that is not there, or if there are fewer GPUs than processes.
    """
    if "RANK" not in os.environ:
        yield require_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        return
    local, here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    gpus = torch.cuda.device_count()
    device = device or ("cuda" if gpus else "cpu")
    if device.startswith("cuda"):
        require(
            local < gpus,
            f"this machine has {gpus} GPUs",
            where="nproc-per-node",
            value=here,
            fix=f"Start {gpus} processes, or pass --device cpu.",
        )
        require(
            device == "cuda" or here == 1,
            "each process needs a GPU of its own",
            where="--device",
            value=device,
            fix="Pass --device cuda.",
        )
        device = f"cuda:{local}" if device == "cuda" else device
        torch.cuda.set_device(require_device(device))
    store = _meet("nccl" if require_device(device).startswith("cuda") else "gloo")
    try:
        yield device
        _leave_together(store)
    finally:
        gc.collect()  # what still holds the group would keep its threads alive
        dist.destroy_process_group()


def _leave_together(store: dist.Store) -> None:
    """Wait for the others: who leaves first can cut off what they still read."""
    me = team()
    store.set(f"left_{me.rank}", "1")
    with contextlib.suppress(RuntimeError):  # not for ever
        store.wait([f"left_{rank}" for rank in range(me.size)], timedelta(minutes=5))


def _meet(backend: str) -> dist.Store:
    """Join the process group at the address in torchrun's environment variables.

    After a crash torchrun starts all processes again with the same store, which still
    holds the addresses of the old ones; so each restart has a prefix of its own.
    """
    store, rank, size = next(dist.rendezvous("env://"))
    restart = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    own = dist.PrefixStore(f"restart_{restart}", store)
    # Some of its functions have the group of today as a default. Imported later (as by
    # DistributedDataParallel), they would keep the group, and its threads would still
    # run while the interpreter ends: that aborts a process now and then.
    importlib.import_module("torch.distributed.nn.functional")
    dist.init_process_group(backend, store=own, rank=rank, world_size=size)
    return own


def parallel(model: nn.Module) -> nn.Module:
    """The model to call in training: it averages the gradients over the team.

    Batch normalisation uses the images of its own process, as the reference codes do
    with several GPUs; the running statistics are the leader's (see `share_buffers`).
    Parameters that an output does not depend on are allowed: the official hourglass has
    some.
    """
    if team().size == 1:
        return model
    device = next(model.parameters()).device
    return nn.parallel.DistributedDataParallel(
        model,
        device_ids=[device] if device.type == "cuda" else None,
        static_graph=True,  # the first step shows which parameters are never used
    )


def share_buffers(model: nn.Module) -> None:
    """Give every process the leader's running statistics.

    `parallel` does so before each step only: after the last one they differ, and so
    would the networks that are evaluated together.
    """
    for buffer in model.buffers() if team().size > 1 else ():
        dist.broadcast(buffer, 0)


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor [...] over the team, the same in every process."""
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
