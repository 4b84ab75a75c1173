"""One training loop for every model of the course."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from poselab.codecs import Codec
from poselab.datasets.sources import Source
from poselab.errors import require
from poselab.models import seeded
from poselab.system import distributed
from poselab.system.gpu import memory_of
from poselab.system.memory import keep_freed
from poselab.train.history import History
from poselab.train.run import Run, Score
from poselab.train.schedules import Schedule


def fit(
    model: nn.Module,
    codec: Codec,
    data: Source,
    plan: Schedule | None = None,
    *,
    seed: int = 0,
    device: torch.device | str | None = None,
    seconds: float | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 200,
    resume: bool = True,
    progress: bool = True,
    compiled: bool = False,
    score: Score | None = None,
    deadline: float | None = None,
    graphed: bool = False,
    half: bool | None = None,
    **changes: Any,
) -> History:
    """Train `model` in place with AdamW and leave it in eval mode.

    `plan` says how long and how fast, and `changes` are changes to it: `fit(net, codec,
    data, steps=400, batch_size=32)` needs no `Schedule`. The same seed gives the same
    batches, draws and (on a CPU with the same number of threads) losses.

    Training ends after the plan's steps, or after `seconds` of this call. With a
    `checkpoint` file the state is kept there every `save_every` steps and at the end;
    if the file exists and `resume` is set, training goes on from it, exactly as if it
    had not stopped. `device` defaults to the model's. `score(model, codec)` is asked
    after 8,000 pictures, 16,000, 32,000, ... and at the end. What is scored, and what
    is left in the end, has averaged weights if the plan says so.

    With a `deadline`, a time of `time.monotonic()`, the learning rate runs through its
    course by then, also where there is time for fewer steps. The forward pass runs in
    bfloat16 on GPUs that have it, with `half` on CPUs, too (two to three times faster
    there), and never with `half=False`. `graphed` records a step as a CUDA graph,
    `compiled` passes the model through `torch.compile`.

    In a team of processes (`poselab.system.distributed`) each learns from its part of
    every batch, so the batch size is that of all together; the losses are the team's
    means, and the leader keeps the checkpoint. Raises `ArgumentError`,
    `CheckpointError`, if the loss stops being a number `PoselabError`, and where the
    user stops it `Interrupted`.
    """
    plan = replace(plan or Schedule(), **changes)
    _check(plan, data, device, checkpoint, save_every)
    keep_freed()
    run = Run(model, codec, plan, seed, device, checkpoint, compiled, score)
    run.limit_time(deadline)
    run.speed_up(graphed, half)
    known = resume and checkpoint is not None and Path(checkpoint).exists()
    if distributed.from_leader(known):
        run.restore()
    # Dropout draws from the global random state.
    with seeded(seed), memory_of(plan.batch_size):
        run.go(data, seconds, save_every, progress)
    return run.history


def _check(schedule: Schedule, data: Any, device, checkpoint, save_every: int) -> None:
    """Whatever can be wrong is noticed now, not after the first hour."""
    require(
        schedule.epochs is None,
        "must be steps for this loop",
        where="schedule",
        field="epochs",
        value=schedule.epochs,
        fix="Use schedule.for_samples(len(data)).",
    )
    require(
        isinstance(data, Source),
        "training data must be a Source: SyntheticPeople, a pool, ...",
        where="data",
        value=data,
    )
    on_gpu = str(device).startswith("cuda")
    require(
        not on_gpu or torch.cuda.is_available(),
        "this machine has no such GPU",
        where="device",
        value=str(device),
        fix='Use "cpu".',
    )
    require(
        Path(checkpoint or ".").parent.is_dir(),
        "there is no such folder",
        where="checkpoint",
        value=str(checkpoint),
        fix="Make it first.",
    )
    require(
        isinstance(save_every, int) and save_every > 0,
        "must be a whole number from 1",
        where="save_every",
        value=save_every,
    )
    distributed.team().part(schedule.batch_size)


def checkpoint_of(folder: str | Path | None, stage: int) -> Path | None:
    """The checkpoint file of one stage of several, in the folder of them all."""
    return None if folder is None else Path(folder) / f"stage_{stage + 1}.pt"
