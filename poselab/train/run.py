"""The state of one training, step by step: what `fit` runs."""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs import Codec
from poselab.datasets.sources import Source
from poselab.errors import Interrupted, PoselabError
from poselab.records import Sample
from poselab.system import distributed
from poselab.system.gpu import half_type
from poselab.system.progress import progress_bar
from poselab.train.averaging import Average
from poselab.train.checkpoints import read_checkpoint, write_checkpoint
from poselab.train.graph import Graphed
from poselab.train.history import History
from poselab.train.schedules import Schedule, learning_rate

AHEAD = 50  # steps of a GPU whose losses are read together
FIRST_MARK = 8000  # pictures after which a network is scored; then 16000, 32000, ...

Score = Callable[[nn.Module, Codec], dict[str, float]]


class Run:
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
        self.average = Average(self.model, schedule.average)
        self.history, self.waiting = History(), []

    def limit_time(self, deadline: float | None) -> None:
        """From now to `deadline` is the time there is."""
        self.began, self.deadline = time.monotonic(), deadline

    def speed_up(self, graphed: bool, half: bool | None) -> None:
        """How steps are taken fast; only then is there an optimiser."""
        cuda, plan = self.device.type == "cuda", self.schedule
        # Alone on a GPU a step need not wait until its loss is known.
        self.ahead = cuda and self.team.size == 1
        self.half = None if half is False else half_type(self.device, bool(half))
        graphed = graphed and self.ahead and self.codec.recordable
        self.learn = Graphed(self.update) if graphed else self.update
        rate = torch.tensor(plan.lr, device=self.device) if graphed else plan.lr
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            rate,
            weight_decay=plan.weight_decay,
            fused=cuda,
            capturable=graphed,
        )

    @property
    def done(self) -> int:
        return len(self.history.loss) + len(self.waiting)

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
                if used >= limit or self.passed() >= 1:
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
            self.average.exchange()
            problem = getattr(self.learn, "problem", None)
            if problem is not None:
                warnings.warn(f"no CUDA graph: {problem}", stacklevel=3)
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
        with torch.no_grad(), self.average.used():
            scores = self.score(self.model, self.codec)
        self.model.train()
        self.history.curve.append({"pictures": self.done * size, **scores})
        return time.perf_counter() - start

    def passed(self) -> float:
        """How much of the time until the deadline has passed, from 0 to 1."""
        if self.deadline is None:
            return 0.0
        whole = max(self.deadline - self.began, 1e-9)
        return min(1.0, self.agreed(time.monotonic() - self.began) / whole)

    def agreed(self, seconds: float) -> float:
        """The team's mean: if each looked at its own clock, some would stop earlier."""
        if self.team.size == 1:
            return seconds
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
                if losses and not hidden:
                    bar.set_postfix(loss=f"{losses[-1]:.4f}", refresh=False)

    def step(self, batch: Sample) -> None:
        """One batch: encode, forward, backward, update."""
        step = self.done
        seed = self.seed * 1_000_003 + step  # each step has its own draws
        seed += self.team.rank * 1_000_000_007  # and each member of the team
        torch.manual_seed(seed)
        rate = self.set_rate(step)
        inputs, targets = self.encoded(batch, torch.Generator().manual_seed(seed))
        if self.ahead:
            self.waiting.append(self.learn(inputs, targets))
        else:
            loss = self.loss(inputs, targets)
            self.note([distributed.mean(loss.detach()).item()])  # stops a bad update
            self.update_from(loss)
        self.average.update(step)
        self.history.lr.append(rate)
        if len(self.waiting) >= AHEAD:
            self.catch_up()

    def set_rate(self, step: int) -> float:
        """The learning rate of a step, which the optimiser gets too."""
        plan = self.schedule
        late = min(int(self.passed() * plan.steps), plan.steps - 1)
        rate = learning_rate(max(step, late), plan.steps, plan.lr, plan.schedule)
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        return rate

    def encoded(self, batch: Sample, generator: torch.Generator):
        """The inputs and targets of a batch, on the device."""
        with torch.no_grad():
            batch = batch.to(self.device, non_blocking=self.device.type == "cuda")
            inputs, targets = self.codec.encode(batch, generator)
        return [self.laid_out(tensor) for tensor in inputs], targets

    def loss(self, inputs: list[Tensor], targets: dict[str, Any]) -> Tensor:
        # Without the cache, which a recorded step must not rely on.
        kind = self.device.type
        on = self.half is not None
        with torch.autocast(kind, self.half, on, cache_enabled=False):
            output = self.called(*inputs)
        return self.codec.loss(output, targets)  # float32: the targets are

    def update(self, inputs: list[Tensor], targets: dict[str, Any]) -> Tensor:
        """Forward, backward, update; the loss stays where it is."""
        loss = self.loss(inputs, targets)
        self.update_from(loss)
        return loss.detach()

    def update_from(self, loss: Tensor) -> None:
        """Backward and update."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    def catch_up(self) -> None:
        """Read the losses that a GPU has not been asked for yet."""
        if self.waiting:
            values, self.waiting = torch.stack(self.waiting).tolist(), []
            self.note(values)

    def note(self, losses: list[float]) -> None:
        """Keep losses; an error if one is no number."""
        for value in losses:
            if not math.isfinite(value):
                raise PoselabError(
                    "the loss is not a number any more",
                    where="fit",
                    field=f"step {len(self.history.loss)}",
                    value=value,
                    fix="Lower lr, or look at the targets.",
                )
            self.history.loss.append(value)

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
        self.catch_up()
        if self.checkpoint is not None and self.team.leads:
            state = {
                "recipe": self.words,
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "average": self.average.state(),
                "history": vars(self.history),
            }
            write_checkpoint(self.checkpoint, state)

    def restore(self) -> None:
        """Go on from the checkpoint; an error if it is broken or another training's."""
        parts = (self.model, self.optimiser)
        state = read_checkpoint(self.checkpoint, self.words, *parts, self.device)
        self.average.restore(state.get("average", []))
        self.history = History(**state["history"])
