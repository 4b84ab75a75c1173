"""One training loop for every model of the course."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs import Codec
from poselab.datasets.sources import Source
from poselab.errors import Interrupted, PoselabError, require
from poselab.models import seeded
from poselab.records import Sample
from poselab.system import distributed
from poselab.system.gpu import half_type, memory_of
from poselab.system.progress import progress_bar
from poselab.train.checkpoints import read_checkpoint, write_checkpoint
from poselab.train.schedules import Schedule, learning_rate

FIRST_MARK = 8000  # pictures after which a network is scored; then 16000, 32000, ...

Score = Callable[[nn.Module, Codec], dict[str, float]]


@dataclass
class History:
    """What happened: the loss and learning rate of each step, the seconds it took.

    `stopped` is "done", "time" (the budget ended first) or "data" (the samples did).
    `curve` has the scores on the way, where they were asked for: {"pictures": 8000,
    "PCK@0.1": 0.5, ...}.
    """

    loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = "done"
    curve: list[dict[str, float]] = field(default_factory=list)

    def smooth(self, window: int = 20) -> list[float]:
        """The loss averaged over the last `window` steps, for a readable curve."""
        total = [0.0, *itertools.accumulate(self.loss)]
        ends = range(1, len(total))
        starts = (max(0, end - window) for end in ends)
        return [
            (total[b] - total[a]) / (b - a) for a, b in zip(starts, ends, strict=True)
        ]


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
    **changes: Any,
) -> History:
    """Train `model` in place with AdamW and leave it in eval mode.

    `plan` says how long and how fast, and `changes` are changes to it: `fit(net, codec,
    data, steps=400, batch_size=32)` needs no `Schedule`. The same seed gives the same
    batches, draws and (on a CPU with the same number of threads) losses.

    Training ends after the plan's steps, or after `seconds` of this call. With a
    `checkpoint` file the state is kept there every `save_every` steps and at the end;
    if the file exists and `resume` is set, training goes on from it, exactly as if it
    had not stopped. The forward pass runs in bfloat16 on GPUs that have it. `device`
    defaults to the model's; `compiled` passes the model through `torch.compile`.
    `score(model, codec)` is asked after 8,000 pictures, 16,000, ... and at the end.

    In a team of processes (`poselab.system.distributed`) each learns from its part of
    every batch, so the batch size is that of all together; the losses are the team's
    means, and the leader keeps the checkpoint. Raises `ArgumentError`,
    `CheckpointError`, if the loss stops being a number `PoselabError`, and where the
    user stops it `Interrupted`.
    """
    plan = replace(plan or Schedule(), **changes)
    _check(plan, data, device, checkpoint, save_every)
    run = _Run(model, codec, plan, seed, device, checkpoint, compiled, score)
    known = resume and checkpoint is not None and Path(checkpoint).exists()
    if distributed.from_leader(known):
        run.restore()
    with (
        seeded(seed),
        memory_of(plan.batch_size),
    ):  # dropout draws from the global random state
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


class _Run:
    """The state of one training."""

    def __init__(
        self,
        model: nn.Module,
        codec: Codec,
        schedule: Schedule,
        seed: int,
        device: torch.device | str | None,
        checkpoint: str | Path | None,
        compiled: bool,
        score: Score | None,
    ) -> None:
        self.device = torch.device(device or next(model.parameters()).device)
        self.model = model.to(self.device)
        # Faster for images; a layout of its own does not exist for volumes.
        self.flat = all(p.dim() < 5 for p in model.parameters())
        if self.flat:
            self.model.to(memory_format=torch.channels_last)
        self.team, self.called = distributed.team(), distributed.parallel(self.model)
        self.called = torch.compile(self.called) if compiled else self.called
        self.codec, self.schedule, self.seed = codec, schedule, seed
        self.checkpoint, self.score = checkpoint, score
        self.half = half_type(self.device)
        self.optimiser = torch.optim.AdamW(
            model.parameters(), schedule.lr, weight_decay=schedule.weight_decay
        )
        self.history = History()

    @property
    def done(self) -> int:
        return len(self.history.loss)

    def go(
        self, data: Source, seconds: float | None, save_every: int, progress: bool
    ) -> None:
        """All steps that are left, or as many as there is time for."""
        history, start = self.history, time.perf_counter()
        spent, limit = history.seconds, float("inf") if seconds is None else seconds
        self.model.train()
        history.stopped = "data"
        try:
            for batch in self.batches(data, progress):
                self.step(batch)
                used = self.agreed(time.perf_counter() - start)
                history.seconds = spent + used
                start += self.mark()  # scoring is no training
                if used >= limit:
                    history.stopped = "time"
                    break
                if self.done % save_every == 0:
                    self.save()
            if self.done == self.schedule.steps:
                history.stopped = "done"
            distributed.share_buffers(self.model)
            self.save()
        except KeyboardInterrupt:
            raise Interrupted(
                f"fit was stopped after {self.done} of {self.schedule.steps} steps. "
                "What was learned until then stays in the network; to start anew, run "
                "the cell that makes the network and then this one."
            ) from None
        finally:  # also after Jupyter's stop button: what was learnt can be used
            self.model.to(memory_format=torch.contiguous_format).eval()

    def mark(self) -> float:
        """Score the network if it is time for it; returns the seconds that it took."""
        size, start = self.schedule.batch_size, time.perf_counter()
        marks = [n * size // FIRST_MARK for n in (self.done - 1, self.done)]
        passed = marks[0].bit_length() < marks[1].bit_length()
        if self.score is None or not (passed or self.done == self.schedule.steps):
            return 0.0
        distributed.share_buffers(self.model)
        self.model.eval()
        with torch.no_grad():
            scores = self.score(self.model, self.codec)
        self.model.train()
        self.history.curve.append({"pictures": self.done * size, **scores})
        return time.perf_counter() - start

    def agreed(self, seconds: float) -> float:
        """The team's mean: if each looked at its own clock, some would stop earlier."""
        return float(distributed.mean(torch.tensor(seconds, device=self.device)))

    def batches(self, data: Source, progress: bool) -> Iterator[Sample]:
        """The batches still to learn, behind a progress bar that shows the loss."""
        steps, losses = self.schedule.steps, self.history.loss
        if self.done == steps:  # or all batches would be drawn to be skipped
            return
        todo = data.stream(self.schedule.batch_size, self.seed, self.team, self.done)
        hidden = not (progress and self.team.leads)
        options = {"total": steps, "initial": self.done, "disable": hidden}
        with progress_bar(**options, leave=False) as bar:
            for batch in itertools.islice(todo, steps - self.done):
                yield batch
                bar.update()
                bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)

    def step(self, batch: Sample) -> None:
        """One batch: encode, forward, backward, update."""
        step, plan = self.done, self.schedule
        seed = self.seed * 1_000_003 + step  # each step has its own draws
        seed += self.team.rank * 1_000_000_007  # and each member of the team
        torch.manual_seed(seed)
        rate = learning_rate(step, plan.steps, plan.lr, plan.schedule)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss = self.loss(batch, torch.Generator().manual_seed(seed))
        value = distributed.mean(loss.detach()).item()
        if not math.isfinite(value):
            raise PoselabError(
                "the loss is not a number any more",
                where="fit",
                field=f"step {step}",
                value=value,
                fix="Lower lr, or look at the targets.",
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.history.loss.append(value)
        self.history.lr.append(rate)

    def loss(self, batch: Sample, generator: torch.Generator) -> Tensor:
        cuda = self.device.type == "cuda"
        with torch.no_grad():
            batch = batch.to(self.device, non_blocking=cuda)
            inputs, targets = self.codec.encode(batch, generator)
        inputs = [self.laid_out(tensor) for tensor in inputs]
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            output = self.called(*inputs)
        return self.codec.loss(output, targets)  # float32: the targets are

    def laid_out(self, tensor: Tensor) -> Tensor:
        """An input in the memory layout of the network."""
        if tensor.dim() != 4 or not self.flat:
            return tensor
        return tensor.contiguous(memory_format=torch.channels_last)

    @property
    def words(self) -> dict[str, Any]:
        """What has to be the same for a training to go on."""
        return {**vars(self.schedule), "seed": self.seed}

    def save(self) -> None:
        """Write the checkpoint, if there is to be one."""
        if self.checkpoint is not None and self.team.leads:
            state = {
                "recipe": self.words,
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "history": vars(self.history),
            }
            write_checkpoint(self.checkpoint, state)

    def restore(self) -> None:
        """Go on from the checkpoint; an error if it is broken or another training's."""
        parts = (self.model, self.optimiser)
        state = read_checkpoint(self.checkpoint, self.words, *parts, self.device)
        self.history = History(**state["history"])


def checkpoint_of(folder: str | Path | None, stage: int) -> Path | None:
    """The checkpoint file of one stage of several, in the folder of them all."""
    return None if folder is None else Path(folder) / f"stage_{stage + 1}.pt"
