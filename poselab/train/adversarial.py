"""A generator against discriminators of frames and of pairs of frames.

Chan et al. 2019 (1808.07371, sections 3.2 and 3.3) on the losses of pix2pixHD (Wang et
al. 2018, 1711.11585): least squares, feature matching, two scales. In place of the
papers' perceptual loss, which needs a network trained on ImageNet, stands the absolute
error of the codec.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselab.codecs.painted import PaintedCodec
from poselab.datasets.sources import Source
from poselab.errors import PoselabError
from poselab.models import build
from poselab.models.edn import feature_matching
from poselab.records import Sample
from poselab.system.progress import progress_bar
from poselab.train.base import Plan, of_stage
from poselab.train.checkpoints import read_checkpoint, write_checkpoint
from poselab.train.history import History
from poselab.train.schedules import Schedule, learning_rate

MATCH, PIXELS = 10.0, 20.0  # of feature matching (as in pix2pixHD) and absolute error
JUDGE = {"width": 16, "layers": 2, "scales": 2}
BETAS = (0.5, 0.999)  # Adam's, as in pix2pixHD


def least_squares(answers: list[list[Tensor]], goal: float) -> Tensor:
    """The mean square of patch logits minus `goal`, summed over the scales."""
    terms = [(one[-1] - goal).square().mean() for one in answers]
    return torch.stack(terms).sum()


def pairs(poses: Tensor, frames: Tensor) -> Tensor:
    """A batch of frames, then their next ones, [2 n, 3, H, W] each -> [n, 12, H, W]."""
    now, after = poses.chunk(2)
    return torch.cat([now, after, *frames.chunk(2)], 1)


class Contest(nn.Module):
    """A generator, the judge of frames and the judge of pairs of frames.

    `previous` says whether a frame gets the one painted before as an input.
    """

    def __init__(self, painter: nn.Module, previous: bool, seed: int) -> None:
        super().__init__()
        self.painter, self.previous = painter, previous
        self.frames = build("edn_discriminator", seed + 1, inputs=6, **JUDGE)
        self.pairs = build("edn_discriminator", seed + 2, inputs=12, **JUDGE)

    def painted(self, poses: Tensor) -> Tensor:
        """Frames and their next ones [2 n, 3, H, W]; the first follow on black."""
        now, after = poses.chunk(2)
        black = torch.zeros_like(now)
        first = self.painter(torch.cat([now, black], 1))
        before = first if self.previous else black
        return torch.cat([first, self.painter(torch.cat([after, before], 1))])

    def judged(self, poses: Tensor, frames: Tensor) -> list[list[list[Tensor]]]:
        """What both judges say of a film."""
        single = self.frames(torch.cat([poses, frames], 1))
        return [single, self.pairs(pairs(poses, frames))]

    def judges_loss(self, poses: Tensor, real: Tensor, fake: Tensor) -> Tensor:
        """Real is to be 1 and painted 0."""
        on_real, on_fake = (self.judged(poses, x) for x in (real, fake.detach()))
        terms = [least_squares(one, 1.0) for one in on_real]
        terms += [least_squares(one, 0.0) for one in on_fake]
        return torch.stack(terms).sum() / 2

    def painters_loss(self, poses: Tensor, real: Tensor, fake: Tensor) -> Tensor:
        """To be taken for real, by features like those of the real film."""
        with torch.no_grad():
            on_real = self.judged(poses, real)
        terms = []
        for a, b in zip(on_real, self.judged(poses, fake), strict=True):
            terms.append(least_squares(b, 1.0) + MATCH * feature_matching(a, b))
        return torch.stack(terms).sum()


class Adversaries:
    """The state of one adversarial training."""

    def __init__(
        self, contest: Contest, codec: PaintedCodec, schedule: Schedule, seed: int
    ) -> None:
        self.contest, self.codec, self.seed = contest, codec, seed
        self.schedule, self.history = schedule, History()
        judges = [*contest.frames.parameters(), *contest.pairs.parameters()]
        groups = [{"params": list(contest.painter.parameters())}, {"params": judges}]
        self.optimiser = torch.optim.Adam(groups, schedule.lr, BETAS)

    def step(self, batch: Sample) -> None:
        """The judges learn from a batch, then the painter does."""
        done, plan = len(self.history.loss), self.schedule
        rate = learning_rate(done, plan.steps, plan.lr, plan.schedule)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        (inputs,), targets = self.codec.encode(batch)
        poses, real = inputs[:, :3], targets["frames"]
        fake = self.contest.painted(poses)
        self.update(self.contest.judges_loss(poses, real, fake), 1)
        pixels = self.codec.loss(fake, targets)
        loss = self.contest.painters_loss(poses, real, fake) + PIXELS * pixels
        self.update(loss, 0)
        self.note(pixels.item(), rate)

    def update(self, loss: Tensor, side: int) -> None:
        """Change the painter (side 0) or the judges (1) and nobody else."""
        own = self.optimiser.param_groups[side]["params"]
        grads = torch.autograd.grad(loss, own)
        self.optimiser.zero_grad(set_to_none=True)
        for parameter, grad in zip(own, grads, strict=True):
            parameter.grad = grad
        self.optimiser.step()  # who has no gradient stays

    def note(self, pixels: float, rate: float) -> None:
        """Keep the absolute error; an error if it is no number."""
        if not math.isfinite(pixels):
            raise PoselabError(
                "the loss is not a number any more",
                where="train_adversarial",
                field=f"step {len(self.history.loss)}",
                value=pixels,
                fix="Lower lr.",
            )
        self.history.loss.append(pixels)
        self.history.lr.append(rate)

    @property
    def words(self) -> dict[str, Any]:
        """What has to be the same for a training to go on."""
        return {
            **vars(self.schedule),
            "seed": self.seed,
            "previous": self.contest.previous,
        }

    def save(self, path: Path | None) -> None:
        """Write the checkpoint, if there is to be one."""
        if path is not None:
            state = {"recipe": self.words, "model": self.contest.state_dict()}
            state |= {"optimiser": self.optimiser.state_dict()}
            write_checkpoint(path, {**state, "history": vars(self.history)})

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint."""
        parts = (self.contest, self.optimiser, torch.device("cpu"))
        state = read_checkpoint(path, self.words, *parts)
        self.history = History(**state["history"])


def train_adversarial(
    plan: Plan,
    data: Source,
    held_out: Sample | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    checkpoint: str | Path | None = None,
    save_every: int = 200,
    progress: bool = True,
    **options: Any,
) -> tuple[nn.Module, list[History]]:
    """Train a generator against two discriminators, on one thread of a CPU or a GPU.

    A `Trainer` in one stage; `held_out` is not looked at. Batches of `data` are frames,
    then the frame after each of them (`datasets.dancer.Dancer`). The history has the
    absolute error of each step. `checkpoint` and `save_every` as for `fit`; of its
    other options none has a meaning here. Raises `CheckpointError`, and `PoselabError`
    if a loss stops being a number.
    """
    (schedule,) = plan.stages
    codec, place = plan.reader(), torch.device(device)
    contest = Contest(plan.network(seed), codec.previous, seed).to(place).train()
    run = Adversaries(contest, codec, schedule, seed)
    path = of_stage({"checkpoint": checkpoint}, 0)["checkpoint"]
    if path is not None and path.exists():
        run.restore(path)
    start, before = time.perf_counter(), run.history.seconds
    done = len(run.history.loss)
    batches = data.stream(schedule.batch_size, seed, start=done)
    steps = range(done, schedule.steps)
    bar = progress_bar(steps, disable=not progress, leave=False)
    for step, batch in zip(bar, batches, strict=False):
        run.step(batch.to(place))
        run.history.seconds = before + time.perf_counter() - start
        if (step + 1) % save_every == 0 or step + 1 == schedule.steps:
            run.save(path)
    return contest.painter.eval(), [run.history]
