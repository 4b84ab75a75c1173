"""One training loop for every model of the course."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from poselab.codecs.base import Codec
from poselab.errors import CheckpointError, Interrupted, PoselabError, require
from poselab.models import seeded
from poselab.records import Sample
from poselab.system import distributed
from poselab.system.disk import replace_file
from poselab.system.progress import progress_bar
from poselab.train.schedules import SCHEDULES, learning_rate


class Source(Protocol):
    """Anything that training samples come from: `SyntheticPeople`, `Pool`, ...

    A source may also have `stream(batch_size, generator, part, start)`: batches from
    number `start` on, and of each only the samples that the team member `part` learns
    from. What has no such method is drawn whole and then divided.
    """

    def batches(
        self, batch_size: int, generator: torch.Generator
    ) -> Iterator[Sample]: ...


@dataclass
class History:
    """What happened: the loss and learning rate of each step, the seconds it took.

    `stopped` is "done", "time" (the budget ended first) or "data" (the samples did).
    """

    loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = "done"

    def smooth(self, window: int = 20) -> list[float]:
        """The loss averaged over the last `window` steps, for a readable curve."""
        starts = (max(0, i + 1 - window) for i in range(len(self.loss)))
        return [sum(self.loss[a : i + 1]) / (i + 1 - a) for i, a in enumerate(starts)]


def fit(
    model: nn.Module,
    codec: Codec,
    data: Source,
    steps: int = 300,
    batch_size: int = 64,
    lr: float = 2e-3,
    *,
    schedule: str = "cosine",
    weight_decay: float = 1e-2,
    seconds: float | None = None,
    device: torch.device | str | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    save_every: int = 200,
    resume: bool = True,
    progress: bool = True,
    compiled: bool = False,
) -> History:
    """Train `model` in place with AdamW and leave it in eval mode.

    The same seed gives the same batches, draws and (on a CPU with the same number of
    threads) losses. Training ends after `steps`, or after `seconds` of this call. With
    a `checkpoint` file the state is kept there every `save_every` steps and at the end;
    if the file exists and `resume` is set, training goes on from it, exactly as if it
    had not stopped. On CUDA the forward pass runs in bfloat16. `device` defaults to the
    model's; `compiled` passes the model through `torch.compile`.

    In a team of processes (`poselab.system.distributed`) each learns from its part of
    every batch, so `batch_size` is that of all together; the losses are the team's
    means, and the leader keeps the checkpoint. Raises `ArgumentError`,
    `CheckpointError`, if the loss stops being a number `PoselabError`, and where the
    user stops it `Interrupted`.
    """
    for name, value in (
        ("steps", steps),
        ("batch_size", batch_size),
        ("save_every", save_every),
    ):
        whole = isinstance(value, int) and value > 0
        require(whole, "must be a whole number from 1", where=name, value=value)
    on_gpu = str(device).startswith("cuda")
    require(
        not on_gpu or torch.cuda.is_available(),
        "this machine has no such GPU",
        where="device",
        value=str(device),
        fix='Use "cpu".',
    )
    require(
        schedule in SCHEDULES,
        "unknown schedule",
        where="schedule",
        value=schedule,
        fix=f"Known: {', '.join(SCHEDULES)}.",
    )
    require(
        hasattr(data, "batches"),
        "training data need .batches(batch_size, generator)",
        where="data",
        value=data,
    )
    recipe = {
        "steps": steps,
        "batch_size": batch_size,
        "lr": lr,
        "schedule": schedule,
        "weight_decay": weight_decay,
        "seed": seed,
    }
    folder = Path(checkpoint or ".").parent  # found out now, not after the first hour
    require(
        folder.is_dir(),
        "there is no such folder",
        where="checkpoint",
        value=str(checkpoint),
        fix="Make it first.",
    )
    distributed.team().part(batch_size)  # found out now
    run = _Run(model, codec, recipe, device, checkpoint, compiled)
    known = resume and checkpoint is not None and Path(checkpoint).exists()
    if distributed.from_leader(known):
        run.restore()
    with seeded(seed):  # dropout draws from the global random state
        run.go(data, seconds, save_every, progress)
    return run.history


class _Run:
    """The state of one training."""

    def __init__(self, model, codec, recipe, device, checkpoint, compiled) -> None:
        self.device = torch.device(device or next(model.parameters()).device)
        self.model = model.to(self.device)
        # Faster for images; a layout of its own does not exist for volumes.
        self.flat = all(p.dim() < 5 for p in model.parameters())
        if self.flat:
            self.model.to(memory_format=torch.channels_last)
        self.team, self.called = distributed.team(), distributed.parallel(self.model)
        self.called = torch.compile(self.called) if compiled else self.called
        self.codec, self.recipe, self.checkpoint = codec, recipe, checkpoint
        self.optimiser = torch.optim.AdamW(
            model.parameters(), recipe["lr"], weight_decay=recipe["weight_decay"]
        )
        self.history = History()

    @property
    def done(self) -> int:
        return len(self.history.loss)

    def go(self, data: Source, seconds, save_every: int, progress: bool) -> None:
        history, start = self.history, time.perf_counter()
        spent, limit = history.seconds, float("inf") if seconds is None else seconds
        self.model.train()
        history.stopped = "data"
        try:
            for batch in self.batches(data, progress):
                self.step(batch)
                used = self.agreed(time.perf_counter() - start)
                history.seconds = spent + used
                if used >= limit:
                    history.stopped = "time"
                    break
                if self.done % save_every == 0:
                    self.save()
            if self.done == self.recipe["steps"]:
                history.stopped = "done"
            distributed.share_buffers(self.model)
            self.save()
        except KeyboardInterrupt:
            raise Interrupted(
                f"fit was stopped after {self.done} of {self.recipe['steps']} steps. "
                "What was learned until then stays in the network; to start anew, run "
                "the cell that makes the network and then this one."
            ) from None
        finally:  # also after Jupyter's stop button: what was learnt can be used
            self.model.to(memory_format=torch.contiguous_format).eval()

    def agreed(self, seconds: float) -> float:
        """The team's mean: if each looked at its own clock, some would stop earlier."""
        return float(distributed.mean(torch.tensor(seconds, device=self.device)))

    def batches(self, data: Source, progress: bool) -> Iterator[Sample]:
        """The batches still to learn, behind a progress bar that shows the loss."""
        recipe, losses = self.recipe, self.history.loss
        progress = progress and self.team.leads
        steps, seed = recipe["steps"], recipe["seed"]
        if self.done == steps:  # or all batches would be drawn to be skipped
            return
        own = getattr(data, "generator", None)  # drawn people know their device, split
        generator = own(seed) if own else torch.Generator().manual_seed(seed)
        todo = distributed.stream(
            data, recipe["batch_size"], generator, self.team, self.done
        )
        todo = itertools.islice(todo, steps - self.done)
        with progress_bar(
            total=steps, initial=self.done, disable=not progress, leave=False
        ) as bar:
            for batch in todo:
                yield batch
                bar.update()
                bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)

    def step(self, batch: Sample) -> None:
        """One batch: encode, forward, backward, update."""
        step, recipe = self.done, self.recipe
        seed = recipe["seed"] * 1_000_003 + step  # each step has its own draws
        seed += self.team.rank * 1_000_000_007  # and each member of the team
        torch.manual_seed(seed)
        rate = learning_rate(step, recipe["steps"], recipe["lr"], recipe["schedule"])
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
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=cuda):
            output = self.called(*inputs)
        return self.codec.loss(output, targets)  # float32: the targets are

    def laid_out(self, tensor: Tensor) -> Tensor:
        """An input in the memory layout of the network."""
        if tensor.dim() != 4 or not self.flat:
            return tensor
        return tensor.contiguous(memory_format=torch.channels_last)

    def save(self) -> None:
        """Write the checkpoint in one go, so that a crash leaves the old one."""
        if self.checkpoint is None or not self.team.leads:
            return
        state = {
            "recipe": self.recipe,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "history": vars(self.history),
        }
        try:
            with replace_file(Path(self.checkpoint)) as part:
                torch.save(state, part)
        except (OSError, RuntimeError) as error:
            raise CheckpointError(
                f"cannot be written: {error}",
                where=self.checkpoint,
                fix="Choose a folder that exists and has room.",
            ) from error

    def read(self, where: str | Path) -> dict[str, Any] | str:
        """The content of the checkpoint, tensors and numbers; or what is wrong."""
        place = "cpu" if self.team.size > 1 else self.device
        try:
            state = torch.load(where, map_location=place, weights_only=True)
            History(**state["history"])
            whole = {"model", "optimiser"} <= state.keys()
            return state if whole and dict(state["recipe"]) else "parts are missing"
        except Exception as error:  # a damaged file can fail anywhere in the reader
            return type(error).__name__

    def restore(self) -> None:
        """Go on from the checkpoint; an error if it is broken or another training's."""
        where = self.checkpoint
        fix = "Delete the file or pass resume=False to start again."
        state = distributed.from_leader(self.read(where) if self.team.leads else None)
        if isinstance(state, str):  # in every process, so that nobody waits for ever
            problem = f"this is no checkpoint of fit: {state}"
            raise CheckpointError(problem, where=where, fix=fix)
        for key, value in self.recipe.items():
            found = state["recipe"].get(key)
            if found != value:
                raise CheckpointError(
                    f"this training has {value!r}",
                    where=where,
                    field=key,
                    value=found,
                    fix=fix,
                )
        try:
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                "the checkpoint is of another network", where=where, fix=fix
            ) from error
        self.history = History(**state["history"])


def of_stage(options: dict[str, Any], stage: int) -> dict[str, Any]:
    """The options of `fit` for one stage of several: a checkpoint file of its own.

    `checkpoint` in `options` is the folder of them all, made if it is missing.
    """
    folder = options.get("checkpoint")
    if folder is None:
        return options
    Path(folder).mkdir(parents=True, exist_ok=True)
    return {**options, "checkpoint": Path(folder) / f"stage_{stage + 1}.pt"}
